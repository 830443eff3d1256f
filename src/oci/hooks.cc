#include "oci/hooks.h"

#include "oci/config_fields.h"
#include "oci/field_writer.h"
#include "oci/reader.h"

namespace casemate::oci {

Result<Hooks> parse_hooks(std::string_view text) {
    const json::Document document = TRY(json::Document::parse(text));
    return TRY_IN("hooks", read_document<Hooks>(document, nullptr));
}

void write_json(json::Writer& out, const Hooks& hooks) {
    FieldWriter writer(out);
    fields(writer, hooks);
}

std::string to_json(const Hooks& hooks) {
    json::Writer out;
    write_json(out, hooks);
    return out.take();
}

}  // namespace casemate::oci

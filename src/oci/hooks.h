// The hooks of config.json as a document of their own: what a runtime keeps of them between `create`, `start` and `delete`.
#pragma once

#include "json/writer.h"
#include "oci/config.h"

namespace casemate::oci {

Result<Hooks> parse_hooks(std::string_view text);
std::string to_json(const Hooks& hooks);
void write_json(json::Writer& out, const Hooks& hooks);

}  // namespace casemate::oci

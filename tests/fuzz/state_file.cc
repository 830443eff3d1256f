// The container's record, and what lies beside it: what was read is written and read again, and is the same.
// rooms: plan sys
// sources: src/runtime/record.cc src/runtime/directories.cc
#include <cstdlib>
#include <string>

#include "runtime/range_removal.h"
#include "runtime/record.h"

using namespace casemate;

// Removing containers is not what is tried, and would bring half of the launcher along.
namespace casemate::runtime {
Result<void> remove_tree(FdView, const std::string&) { std::abort(); }
}  // namespace casemate::runtime

namespace {

void try_record(std::string_view text) {
    const auto record = runtime::parse_record(text);
    if (!record) return;
    const std::string once = runtime::to_json(record.value());
    const auto again = runtime::parse_record(once);
    if (!again || runtime::to_json(again.value()) != once) std::abort();
}

Result<std::string> rewritten(std::string_view text) {
    const json::Document document = TRY(json::Document::parse(text));
    json::Writer out;
    plan::write_json(out, TRY(plan::expected_from_json(document.root())));
    return out.take();
}

void try_expected(std::string_view text) {
    const auto once = rewritten(text);
    if (!once) return;
    const auto again = rewritten(once.value());
    if (!again || again.value() != once.value()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_record(text);
    try_expected(text);
    return 0;
}

// The container's record: what was read is written and read again, and is the same.
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

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto record = runtime::parse_record({reinterpret_cast<const char*>(data), size});
    if (!record) return 0;
    const std::string once = runtime::to_json(record.value());
    const auto again = runtime::parse_record(once);
    if (!again || runtime::to_json(again.value()) != once) std::abort();
    return 0;
}

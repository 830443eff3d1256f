// .trivyignore in both forms: the first byte chooses. An entry that was read must name something, or it would suppress
// everything.
// rooms: audit
#include <cstdlib>
#include <string>

#include "audit/ignore_file.h"

using namespace casemate::audit;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto file = parse_ignore_file(text, (data[0] & 1) != 0 ? "ignore.yaml" : ".trivyignore");
    if (!file) return 0;
    ScanFinding finding;
    finding.id = "CVE-0000-0000";
    for (const IgnoreEntry& entry : file.value().entries) {
        if (entry.id.empty()) std::abort();
        if (entry.id != finding.id && suppresses(entry, finding)) std::abort();
        (void)is_expired(entry, 1'800'000'000);
    }
    return 0;
}

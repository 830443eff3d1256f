// config.json: what was read is written and read again, and is the same.
// rooms: oci
#include <cstdlib>
#include <string>

#include "oci/config.h"

using namespace casemate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto config = oci::parse_config({reinterpret_cast<const char*>(data), size});
    if (!config) return 0;
    const std::string once = oci::to_json(config.value());
    const auto again = oci::parse_config(once);
    if (!again || oci::to_json(again.value()) != once) std::abort();
    return 0;
}

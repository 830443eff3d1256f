// What the host hears from init and stub: any bytes are a message of a known size, with terminated texts, or an error.
// sources: src/launch/wire.cc
// rooms: base
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "launch/wire.h"

using namespace casemate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto message = launch::decode({reinterpret_cast<const char*>(data), size});
    if (!message) return 0;
    const launch::Message& one = message.value();
    if (one.end != (size == 0)) std::abort();
    if (::strnlen(one.failure.text, sizeof one.failure.text) == sizeof one.failure.text) std::abort();
    if (::strnlen(one.failure.hint, sizeof one.failure.hint) == sizeof one.failure.hint) std::abort();
    return 0;
}

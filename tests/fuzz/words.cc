// Small texts of images and users: users, account files, signals. The first byte chooses.
// rooms: oci
#include <cstdlib>
#include <string>

#include "oci/conversion.h"
#include "oci/signal.h"

using namespace casemate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] % 2 == 0) {
        const auto signal = oci::parse_signal(text);
        if (signal && (*signal < 1 || *signal > 64 || oci::parse_signal(oci::signal_name(*signal)) != signal)) std::abort();
        return 0;
    }
    const size_t line = text.find('\n');
    const auto request = oci::parse_user(text.substr(0, line));
    if (!request || line == std::string_view::npos) return 0;
    const std::string accounts(text.substr(line + 1));
    const auto user = oci::resolve_user(request.value(), accounts, accounts);
    // CVE-2024-9676, CVE-2026-30892: a number that does not fit is no user.
    if (user && (user.value().uid == UINT32_MAX || user.value().gid == UINT32_MAX)) std::abort();
    return 0;
}

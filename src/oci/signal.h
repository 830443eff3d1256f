// Signal names and numbers as engines and images write them: "15", "TERM", "SIGTERM", "RTMIN+3", "SIGRTMAX-1".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace casemate::oci {

// 1..64, or nothing. Names in any case (docker and podman accept "sigterm"). 0 and anything else is nothing.
std::optional<int> parse_signal(std::string_view text);

// "SIGTERM", "SIGRTMIN+3"; the decimal number for one without a name.
std::string signal_name(int number);

}  // namespace casemate::oci

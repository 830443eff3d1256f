// The names that a profile may use: capabilities, rlimits and namespaces as the kernel's headers and runtime-spec spell
// them. Of two names for one thing (AF_UNIX, AF_LOCAL) one only, so that sets of names are sets of things.
#pragma once

#include <span>
#include <string_view>

namespace casemate::policy {

std::span<const std::string_view> capability_names();  // in the order of their numbers
std::span<const std::string_view> rlimit_names();      // sorted
std::span<const std::string_view> namespace_names();
std::span<const std::string_view> family_names();    // AF_*, without AF_UNSPEC
std::span<const std::string_view> protocol_names();  // NETLINK_*

}  // namespace casemate::policy

// The relay's seccomp filter: the calls of its event loop and nothing else. Anything else ends it: it is our own
// program, so a call beyond these is a bug or somebody else's code.
#pragma once

#include <linux/filter.h>

#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::plan {

// For `plan` output: the names that the filter allows, some of them for certain arguments only.
std::vector<std::string_view> relay_calls(bool proxy_protocol);
// The program. `proxy_protocol`: getsockname too, for the address that the client connected to.
Result<std::vector<sock_filter>> relay_filter(bool proxy_protocol);

}  // namespace casemate::plan

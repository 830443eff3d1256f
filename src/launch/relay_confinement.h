// What the relay gives up before it serves.
#pragma once

#include <vector>

#include "base/result.h"
#include "launch/relay.h"

namespace casemate::launch {

// Closes every descriptor but those; 0, 1 and 2 become /dev/null, so that the relay holds no pipe or terminal of the
// caller open. Negative numbers are ignored.
Result<void> close_all_but(std::vector<int> kept);

// no_new_privs, bounding set, ids, capabilities, dumpable 0, Landlock, seccomp: in this order, each needing what the
// next takes away. Called in the container's network (rootless: and user) namespace; only the filter's calls work after.
Result<void> confine_relay(const RelaySpec& spec);

}  // namespace casemate::launch

// What the relay gives up before it serves.
#pragma once

#include "base/result.h"
#include "launch/relay.h"

namespace casemate::launch {

// no_new_privs, bounding set, ids, capabilities, dumpable 0, Landlock, seccomp: in this order, each needing what the
// next takes away. Called in the container's network (rootless: and user) namespace; only the filter's calls work
// after.
Result<void> confine_relay(const RelaySpec& spec);

}  // namespace casemate::launch

// linux.seccomp.listenerPath: the agent that answers SCMP_ACT_NOTIFY gets the descriptor and is told whose it is.
#pragma once

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "oci/state.h"
#include "plan/plan.h"

namespace casemate::runtime {

// Connects, sends one container process state (config-linux.md) with the descriptor named "seccompFd", and closes.
// `state`: the container's; `pid`: the process that the filter confines, which for `exec` is another than the container's.
Result<void> send_seccomp_listener(const plan::SeccompPlan& seccomp, const oci::State& state, pid_t pid, FdView listener);

}  // namespace casemate::runtime

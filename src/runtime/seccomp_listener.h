// linux.seccomp.listenerPath: the agent that answers SCMP_ACT_NOTIFY gets the descriptor and is told whose it is.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "plan/plan.h"
#include "runtime/bundle.h"

namespace casemate::runtime {

// Connects, sends one container process state (config-linux.md) with the descriptor named "seccompFd", and closes.
Result<void> send_seccomp_listener(const plan::SeccompPlan& seccomp, const Bundle& bundle, const std::string& id, pid_t pid, FdView listener);

}  // namespace casemate::runtime

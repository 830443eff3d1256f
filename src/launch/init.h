// Init: the process that becomes the container.
#pragma once

#include <csignal>

#include "launch/stage.h"
#include "steps/context.h"

namespace casemate::launch {

// Namespace situation on entry: everything of the plan but cgroup and time is new, or joined by the stage (cgroup: by this); a new mount
// namespace is a copy of the host's, with the host's root; uid and gid are those of the host, unmapped until Go. Memory is a copy of the host's, of
// one thread. Runs the step list; never returns.
[[noreturn]] void run_init(steps::Prepared& prepared, const Birth& birth, Fd channel, int host_end, const sigset_t& signal_mask);

}  // namespace casemate::launch

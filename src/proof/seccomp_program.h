// The seccomp program of a running process, as the kernel holds it (ptrace(2), PTRACE_SECCOMP_GET_FILTER [4.4]).
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <optional>
#include <vector>

#include "base/result.h"

namespace casemate::proof {

// A filter of `pid`: the newest, or the one with `newer` filters on top of it. The process is seized, stopped for an
// instant and let go; a call that it sleeps in is restarted by the kernel. nullopt: this observer may not (not real
// root, or under a filter itself: EACCES; another tracer: EPERM).
Result<std::optional<std::vector<sock_filter>>> read_seccomp_program(pid_t pid, unsigned newer = 0);

}  // namespace casemate::proof

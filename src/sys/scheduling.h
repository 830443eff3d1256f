// CPU and I/O scheduling of a process, personality and NUMA policy: calls that glibc does not wrap.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "base/result.h"

namespace casemate::sys {

struct Scheduling {  // struct sched_attr of sched_setattr(2), version 0
    uint32_t policy = 0;
    uint64_t flags = 0;
    int32_t nice = 0;
    uint32_t priority = 0;
    uint64_t runtime = 0, deadline = 0, period = 0;  // ns
};

// pid 0: the caller.
Result<void> set_scheduling(pid_t pid, const Scheduling& scheduling);
Result<Scheduling> scheduling_of(pid_t pid);
// ioprio_set(2) of one process: class << 13 | level.
Result<void> set_io_priority(pid_t pid, int priority);
Result<int> io_priority_of(pid_t pid);
Result<void> set_personality(uint32_t personality);
Result<uint32_t> personality();
// set_mempolicy(2): MPOL_* with its flags; bit n of `nodes`: node n.
Result<void> set_memory_policy(int mode, std::span<const uint64_t> nodes);

}  // namespace casemate::sys

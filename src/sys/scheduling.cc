#include "sys/scheduling.h"

#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace casemate::sys {
namespace {

struct Attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};
static_assert(sizeof(Attributes) == 48);  // SCHED_ATTR_SIZE_VER0

constexpr int who_process = 1;  // IOPRIO_WHO_PROCESS
constexpr unsigned long ask_only = 0xffffffff;

}  // namespace

Result<void> set_scheduling(pid_t pid, const Scheduling& scheduling) {
    Attributes attributes{sizeof(Attributes), scheduling.policy,  scheduling.flags,    scheduling.nice,
                          scheduling.priority, scheduling.runtime, scheduling.deadline, scheduling.period};
    if (::syscall(SYS_sched_setattr, pid, &attributes, 0) < 0) return Error::sys("sched_setattr");
    return {};
}

Result<Scheduling> scheduling_of(pid_t pid) {
    Attributes got{};
    if (::syscall(SYS_sched_getattr, pid, &got, sizeof got, 0) < 0) return Error::sys("sched_getattr");
    return Scheduling{got.policy, got.flags, got.nice, got.priority, got.runtime, got.deadline, got.period};
}

Result<void> set_io_priority(pid_t pid, int priority) {
    if (::syscall(SYS_ioprio_set, who_process, pid, priority) < 0) return Error::sys("ioprio_set");
    return {};
}

Result<int> io_priority_of(pid_t pid) {
    const long priority = ::syscall(SYS_ioprio_get, who_process, pid);
    if (priority < 0) return Error::sys("ioprio_get");
    return static_cast<int>(priority);
}

Result<void> set_personality(uint32_t personality) {
    if (::personality(personality) < 0) return Error::sys("personality");
    return {};
}

Result<uint32_t> personality() {
    const int now = ::personality(ask_only);
    if (now < 0) return Error::sys("personality");
    return static_cast<uint32_t>(now);
}

Result<void> set_memory_policy(int mode, std::span<const uint64_t> nodes) {
    // The kernel takes one bit less than it is told (set_mempolicy(2), BUGS).
    const unsigned long bits = nodes.empty() ? 0 : nodes.size() * 64 + 1;
    if (::syscall(SYS_set_mempolicy, mode, nodes.empty() ? nullptr : nodes.data(), bits) < 0) return Error::sys("set_mempolicy");
    return {};
}

}  // namespace casemate::sys

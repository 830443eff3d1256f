// Verdicts: their total order (PROFILE 5.2) and the value a program returns for each.
#include <cerrno>

#include "seccomp/filter.h"

namespace casemate::seccomp {

uint32_t Verdict::rank() const {
    // Bits: action, by name, ENOSYS, the smaller number first. Only errnos know "by name": a libc's fallback on ENOSYS
    // must survive a merge, and what a rule says stands above what a default says.
    uint32_t rank = static_cast<uint32_t>(action) << 18;
    if (action == Action::errno_) rank |= uint32_t{by_name} << 17 | uint32_t{data == ENOSYS} << 16;
    return rank | (0xffffu - data);
}

uint32_t Verdict::bpf() const {
    switch (action) {
        case Action::allow: return SECCOMP_RET_ALLOW;
        case Action::log: return SECCOMP_RET_LOG;
        case Action::trace: return SECCOMP_RET_TRACE | data;
        case Action::notify: return SECCOMP_RET_USER_NOTIF;
        case Action::errno_: return SECCOMP_RET_ERRNO | data;
        case Action::trap: return SECCOMP_RET_TRAP | data;
        case Action::kill_thread: return SECCOMP_RET_KILL_THREAD;
        case Action::kill_process: break;
    }
    return SECCOMP_RET_KILL_PROCESS;
}

}  // namespace casemate::seccomp

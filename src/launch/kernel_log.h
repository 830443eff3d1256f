// What the kernel's log says about how a process ended: which system call a seccomp filter killed it for, or that
// memory ran out. wait(2) says neither.
//
// The text is partly the dead process's own (comm, exe), so only the fields before it and whole tokens count, and only
// records of the kernel itself: anyone with /dev/kmsg open for writing makes records of another facility.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::launch {

// Processes to look for: these pids (of the host's pid namespace) or, when `uid` is given, any of that host uid.
struct Suspects {
    std::span<const pid_t> pids;
    std::optional<uint32_t> uid;  // only one that nobody else has: of the container's own id range
    bool match(pid_t pid, uint32_t of_uid) const;
};

struct SeccompKill {
    pid_t pid = 0;
    uint32_t uid = 0;
    uint32_t arch = 0;  // AUDIT_ARCH_*
    int number = 0;
};
struct OutOfMemoryKill {
    pid_t pid = 0;
    uint32_t uid = 0;
};

// One record of /dev/kmsg ("priority,sequence,time,flags;text"); nothing when it says something else.
std::optional<SeccompKill> parse_seccomp_kill(std::string_view record);            // type=1326, AUDIT_SECCOMP
std::optional<OutOfMemoryKill> parse_out_of_memory_kill(std::string_view record);  // "Killed process N (...)"

class KernelLog {
public:
    // From now on. Needs CAP_SYSLOG where kernel.dmesg_restrict is 1: without it the log is closed, and says why.
    static KernelLog open_at_end();
    // The first record since then that speaks of a suspect. Waits for it at most `timeout_ms`: the kernel writes audit
    // lines from a thread of its own. Errors say why nothing can be known.
    Result<SeccompKill> find_seccomp_kill(const Suspects& suspects, int timeout_ms);
    Result<OutOfMemoryKill> find_out_of_memory_kill(const Suspects& suspects, int timeout_ms);

private:
    template <typename Found, typename Parse>
    Result<Found> find(const Suspects& suspects, int timeout_ms, Parse parse);
    Fd log_;
    std::string closed_because_;
};

}  // namespace casemate::launch

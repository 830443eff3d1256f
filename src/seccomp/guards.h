// Guards: deny rules for what a list of names cannot say, because it depends on an argument (PROFILE 2.5-2.7).
//
// Each function gives rules for Layer::deny. All verdicts are by name, so they stand above any default. Where an
// architecture hides the argument in memory (x86's socketcall, ipc and first mmap), the guard denies that way in whole.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "seccomp/filter.h"

namespace casemate::seccomp {

using Rules = std::vector<Rule>;

// "AF_UNIX" -> 1; also AF_LOCAL and AF_NETLINK's kin up to Linux 6.18. nullopt: no such family.
std::optional<uint32_t> socket_family_by_name(std::string_view name);
std::vector<std::string_view> socket_family_names();
// "NETLINK_ROUTE" -> 0.
std::optional<uint32_t> netlink_protocol_by_name(std::string_view name);
std::vector<std::string_view> netlink_protocol_names();

// socket(2) and socketpair(2) of any other family: EAFNOSUPPORT (CVE-2026-31431, CVE-2020-14386).
Rules only_socket_families(std::span<const uint32_t> allowed);
// AF_NETLINK sockets of any other protocol: EPROTONOSUPPORT (CVE-2026-43284).
Rules only_netlink_protocols(std::span<const uint32_t> allowed);

// personality(2) but for 0 and the query (0xffffffff): EPERM. ADDR_NO_RANDOMIZE and READ_IMPLIES_EXEC undo hardening.
Rules lock_personality();
// SCHED_FIFO, SCHED_RR, SCHED_DEADLINE: EPERM; sched_setattr, whose policy is behind a pointer: EPERM.
Rules restrict_realtime();
// Mode bits 06000 in chmod, mkdir, mknod, creat and open with O_CREAT or O_TMPFILE: EPERM; openat2 (pointer): ENOSYS.
Rules restrict_suid_sgid();
// ioctl TIOCSTI and TIOCLINUX: EPERM (CVE-2017-5226, CVE-2023-28100).
Rules deny_terminal_injection();
// unshare, setns: EPERM; clone with a CLONE_NEW* flag: EPERM; clone3 (pointer): ENOSYS, so that libc falls back.
Rules restrict_namespaces();
// clone3 alone, for a policy that does not allow it: an EPERM would break glibc's fallback to clone.
Rules clone3_unknown();

// shmat with SHM_EXEC: EACCES. PR_SET_MDWE does not see it.
Rules deny_shmat_exec();
// What stands in for PR_SET_MDWE before Linux 6.3: mmap writable and executable, mprotect and pkey_mprotect to
// executable, shmat SHM_EXEC: EACCES; personality READ_IMPLIES_EXEC: EPERM.
Rules deny_write_execute();
// memfd_create and memfd_secret: ENOSYS, which callers know how to live with.
Rules deny_memfd();

// For `--listen`: an inherited socket must not become a client of the host's network (RECIPES 4). connect: EPERM.
Rules deny_connect();
// MSG_FASTOPEN in sendto, sendmsg, sendmmsg, which connects without connect(2): EOPNOTSUPP.
Rules deny_fastopen();

}  // namespace casemate::seccomp

// Processes, credentials, namespaces: thin wrappers.
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cstring>

#include "sys/call.h"

namespace casemate::sys {

Result<Cloned> clone3(uint64_t flags, int cgroup) {
    clone_args arguments{};
    int pidfd = -1;
    arguments.flags = flags | CLONE_PIDFD;
    arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
    if (cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<uint64_t>(cgroup);
    }
    const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0) return Error::sys("clone3");
    Cloned cloned;
    cloned.pid = static_cast<pid_t>(pid);
    if (pid > 0) cloned.pidfd = Fd(pidfd);
    return cloned;
}

Result<Fd> pidfd_open(pid_t pid) {
    const long fd = ::syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) return Error::sys("pidfd_open");
    return Fd(static_cast<int>(fd));
}

Result<void> pidfd_send_signal(FdView pidfd, int signal) {
    if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) < 0) return Error::sys("pidfd_send_signal");
    return {};
}

bool in_initial_user_namespace() {
    constexpr ino_t initial = 0xEFFFFFFDU;
    struct stat status {};
    // Not known: the first, whose id range nobody may map from another one. A root taken for a nested one, which maps its own
    // ids, would give the app the host's uid 0.
    return ::stat("/proc/self/ns/user", &status) < 0 || status.st_ino == initial;
}

Result<Fd> pidfd_getfd(FdView pidfd, int fd) {
    const long copy = ::syscall(SYS_pidfd_getfd, pidfd.get(), fd, 0);
    if (copy < 0) return Error::sys("pidfd_getfd");
    return Fd(static_cast<int>(copy));
}

Result<void> setns(FdView fd, int types) {
    if (::setns(fd.get(), types) < 0) return Error::sys("setns");
    return {};
}

Result<void> unshare(int flags) {
    if (::unshare(flags) < 0) return Error::sys("unshare");
    return {};
}

Result<void> prctl(int option, unsigned long argument, const char* name) {
    if (::prctl(option, argument, 0UL, 0UL, 0UL) < 0) return Error::sys(name);
    return {};
}

Result<int> prctl_get(int option, unsigned long argument, const char* name) {
    const int value = ::prctl(option, argument, 0UL, 0UL, 0UL);
    if (value < 0) return Error::sys(name);
    return value;
}

Result<void> set_no_new_privs() { return prctl(PR_SET_NO_NEW_PRIVS, 1, "prctl PR_SET_NO_NEW_PRIVS"); }

Result<void> set_groups(std::span<const uint32_t> groups) {
    static_assert(sizeof(gid_t) == sizeof(uint32_t));
    if (::syscall(SYS_setgroups, groups.size(), groups.data()) < 0) return Error::sys("setgroups");
    return {};
}

Result<void> set_ids(uint32_t uid, uint32_t gid) {
    if (::syscall(SYS_setresgid, gid, gid, gid) < 0) return Error::sys("setresgid");
    if (::syscall(SYS_setresuid, uid, uid, uid) < 0) return Error::sys("setresuid");
    return {};
}

Result<CapabilitySets> capget() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    if (::syscall(SYS_capget, &header, data) < 0) return Error::sys("capget");
    const auto whole = [](uint32_t low, uint32_t high) { return uint64_t{low} | (uint64_t{high} << 32); };
    return CapabilitySets{whole(data[0].effective, data[1].effective), whole(data[0].permitted, data[1].permitted),
                          whole(data[0].inheritable, data[1].inheritable)};
}

Result<void> capset(const CapabilitySets& sets) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    for (int half = 0; half < 2; ++half) {
        data[half].effective = static_cast<uint32_t>(sets.effective >> (32 * half));
        data[half].permitted = static_cast<uint32_t>(sets.permitted >> (32 * half));
        data[half].inheritable = static_cast<uint32_t>(sets.inheritable >> (32 * half));
    }
    if (::syscall(SYS_capset, &header, data) < 0) return Error::sys("capset");
    return {};
}

namespace {
rlim64_t kernel_limit(uint64_t value) { return value == UINT64_MAX ? RLIM64_INFINITY : value; }
}  // namespace

Result<void> set_limit(pid_t pid, int resource, uint64_t soft, uint64_t hard) {
    const rlimit64 limit{kernel_limit(soft), kernel_limit(hard)};
    if (::syscall(SYS_prlimit64, pid, resource, &limit, nullptr) < 0) return Error::sys("prlimit");
    return {};
}

Result<std::pair<uint64_t, uint64_t>> get_limit(int resource) {
    rlimit64 limit{};
    if (::syscall(SYS_prlimit64, 0, resource, nullptr, &limit) < 0) return Error::sys("prlimit");
    return std::pair<uint64_t, uint64_t>(limit.rlim_cur, limit.rlim_max);
}

Result<void> load_seccomp(std::span<const sock_filter> program, unsigned flags) {
    const sock_fprog descriptor{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &descriptor) < 0) return Error::sys("seccomp");
    return {};
}

Result<Fd> load_seccomp_listener(std::span<const sock_filter> program, unsigned flags) {
    const sock_fprog descriptor{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
    const long fd = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &descriptor);
    if (fd < 0) return Error::sys("seccomp");
    return Fd(static_cast<int>(fd));
}

Result<void> join_session_keyring() {
    if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0) return Error::sys("keyctl JOIN_SESSION_KEYRING");
    return {};
}

Result<int> session_keyring() {
    const long serial = ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
    if (serial < 0) return Error::sys("keyctl GET_KEYRING_ID");
    return static_cast<int>(serial);
}

Result<void> loopback_up() {
    const int raw = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (raw < 0) return Error::sys("socket");
    const Fd socket(raw);
    ifreq request{};
    std::memcpy(request.ifr_name, "lo", 3);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) < 0) return Error::sys("ioctl SIOCSIFFLAGS lo");
    return {};
}

}  // namespace casemate::sys

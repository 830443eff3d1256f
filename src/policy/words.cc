#include "policy/words.h"

#include <algorithm>
#include <vector>

#include "seccomp/guards.h"

namespace casemate::policy {
namespace {

// linux/capability.h, 6.18
constexpr std::string_view capabilities[] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

// setrlimit(2)
constexpr std::string_view rlimits[] = {
    "RLIMIT_AS",      "RLIMIT_CORE",     "RLIMIT_CPU",        "RLIMIT_DATA",   "RLIMIT_FSIZE", "RLIMIT_LOCKS",
    "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE",       "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS",
    "RLIMIT_RTPRIO",  "RLIMIT_RTTIME",   "RLIMIT_SIGPENDING", "RLIMIT_STACK",
};

constexpr std::string_view namespaces[] = {"pid", "mount", "ipc", "uts", "network", "user", "cgroup", "time"};

// The first name of each number.
std::vector<std::string_view> without_aliases(const std::vector<std::string_view>& names,
                                              std::optional<uint32_t> (*number_of)(std::string_view)) {
    std::vector<std::string_view> kept;
    for (const std::string_view name : names)
        if (std::ranges::none_of(kept, [&](std::string_view other) { return number_of(other) == number_of(name); }))
            kept.push_back(name);
    return kept;
}

}  // namespace

std::span<const std::string_view> capability_names() { return capabilities; }
std::span<const std::string_view> rlimit_names() { return rlimits; }
std::span<const std::string_view> namespace_names() { return namespaces; }

std::span<const std::string_view> family_names() {
    static const auto names = [] {
        auto all = without_aliases(seccomp::socket_family_names(), seccomp::socket_family_by_name);
        std::erase(all, "AF_UNSPEC");  // makes no socket
        return all;
    }();
    return names;
}

std::span<const std::string_view> protocol_names() {
    static const auto names = without_aliases(seccomp::netlink_protocol_names(), seccomp::netlink_protocol_by_name);
    return names;
}

}  // namespace casemate::policy

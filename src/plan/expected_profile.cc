// What a profile demands of a process that it did not launch (`verify --pid N --profile P`): bounds, not equality.
#include <linux/capability.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "plan/expected.h"

namespace casemate::plan {

namespace {

constexpr std::array<std::string_view, 41> capability_names = {
    "CAP_CHOWN",           "CAP_DAC_OVERRIDE",     "CAP_DAC_READ_SEARCH", "CAP_FOWNER",          "CAP_FSETID",
    "CAP_KILL",            "CAP_SETGID",           "CAP_SETUID",          "CAP_SETPCAP",         "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",   "CAP_NET_ADMIN",       "CAP_NET_RAW",         "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",       "CAP_SYS_MODULE",       "CAP_SYS_RAWIO",       "CAP_SYS_CHROOT",      "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",       "CAP_SYS_ADMIN",        "CAP_SYS_BOOT",        "CAP_SYS_NICE",        "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",        "CAP_SYS_TTY_CONFIG",   "CAP_MKNOD",           "CAP_LEASE",           "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",   "CAP_SETFCAP",          "CAP_MAC_OVERRIDE",    "CAP_MAC_ADMIN",       "CAP_SYSLOG",
    "CAP_WAKE_ALARM",      "CAP_BLOCK_SUSPEND",    "CAP_AUDIT_READ",      "CAP_PERFMON",         "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE"};
static_assert(capability_names.size() == CAP_LAST_CAP + 1);

uint64_t mask_of(const policy::Strings& names) {
    uint64_t mask = 0;
    for (size_t bit = 0; bit < capability_names.size(); ++bit) {
        if (std::find(names.begin(), names.end(), capability_names[bit]) != names.end()) mask |= uint64_t{1} << bit;
    }
    return mask;
}

std::string namespace_file(const std::string& kind) {
    if (kind == "mount") return "mnt";
    return kind == "network" ? "net" : kind;
}

bool filters_calls(const policy::Profile& profile) {
    const policy::Seccomp& seccomp = profile.seccomp;
    const auto yes = [](const policy::Opt<bool>& flag) { return flag.value_or(false); };
    return !seccomp.layers.empty() || yes(seccomp.native_only) || seccomp.socket_families || seccomp.netlink_protocols ||
           yes(seccomp.lock_personality) || yes(seccomp.restrict_realtime) || yes(seccomp.restrict_suid_sgid) ||
           yes(seccomp.deny_terminal_injection) || yes(profile.namespaces.restrict_namespaces) ||
           profile.memory.memfd == policy::Memfd::deny;
}

void expect_mounts(Expected& out, const policy::Filesystem& wanted) {
    MountLine root{{}, {}, "/", {}, {"shared", "master"}, {}, false};
    if (wanted.readonly_root.value_or(false) || wanted.deny_write_execute.value_or(false)) root.flags.emplace_back("ro");
    if (wanted.setid_files.value_or(policy::SetidFiles::keep) != policy::SetidFiles::keep) root.flags.emplace_back("nosuid");
    if (wanted.rootfs_propagation == policy::Propagation::slave) root.propagation = {"master"};
    if (wanted.rootfs_propagation == policy::Propagation::private_) root.propagation = {};
    out.mounts.push_back(root);
    out.no_writable_executable = wanted.deny_write_execute.value_or(false);

    MountLine proc{"proc", {}, "/proc", {}, {"shared", "master"}, {}, false};
    if (wanted.proc_subset == policy::ProcSubset::pid) proc.super_options.emplace_back("subset=pid");
    static constexpr std::array<const char*, 4> hidepid = {"", "hidepid=noaccess", "hidepid=invisible", "hidepid=ptraceable"};
    const auto hide = wanted.proc_hidepid.value_or(policy::Hidepid::off);
    if (hide != policy::Hidepid::off) proc.super_options.emplace_back(hidepid[static_cast<size_t>(hide)]);
    if (!proc.super_options.empty()) out.mounts.push_back(proc);

    const auto bounded = [&](const policy::Opt<policy::Access>& access, const char* path) {
        if (access == policy::Access::none) out.forbidden_mounts.emplace_back(path);
        if (access == policy::Access::readonly) out.readonly_paths.emplace_back(path);
    };
    bounded(wanted.sys, "/sys");
    if (wanted.sys != policy::Access::none) bounded(wanted.cgroup, "/sys/fs/cgroup");
    for (const std::string& path : wanted.masked_paths.value_or(policy::Strings{})) {
        // A pattern's matches are the host's business; where procfs shows its pids alone there is nothing to cover.
        if (path.find('*') == std::string::npos) out.masked_paths.push_back(path);
    }
    for (const std::string& path : wanted.readonly_paths.value_or(policy::Strings{})) out.readonly_paths.push_back(path);
}

void expect_inside_only(Expected& out, const policy::Profile& profile) {
    if (profile.landlock.derive.value_or(false)) out.inside_only.emplace_back("landlock");
    if (profile.memory.deny_write_execute.value_or(false)) out.inside_only.emplace_back("mdwe");
}

}  // namespace

Expected expected_of(const policy::Profile& profile) {
    Expected out;
    out.at_most = true;
    if (profile.capabilities) {
        const uint64_t allowed = mask_of(*profile.capabilities);
        out.cap_bounding = out.cap_permitted = out.cap_effective = out.cap_inheritable = out.cap_ambient = allowed;
    }
    out.no_new_privs = profile.no_new_privileges;
    if (filters_calls(profile)) {
        out.seccomp_mode = 2;
        out.seccomp_filters = 1;
    }
    out.host_uid_not_root = profile.identity.run_as_non_root.value_or(false);
    for (const std::string& kind : profile.namespaces.private_.value_or(policy::Strings{})) {
        out.own_namespaces.push_back(namespace_file(kind));
    }
    expect_mounts(out, profile.filesystem);
    if (profile.limits.rlimits) {
        for (const auto& [name, pair] : *profile.limits.rlimits) out.limits[name] = {pair.soft, pair.hard};
    }
    out.umask = profile.process.umask;
    out.oom_score_adj = profile.process.oom_score_adj;
    expect_inside_only(out, profile);
    return out;
}

}  // namespace casemate::plan

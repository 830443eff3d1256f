// What a profile demands of a process that it did not launch (`verify --pid N --profile P`): bounds, not equality.
#include <array>

#include "base/text.h"
#include "plan/compiler.h"
#include "plan/expected.h"

namespace casemate::plan {

namespace {

uint64_t mask_of(const policy::Strings& names) {
    uint64_t mask = 0;
    for (const std::string& name : names) {
        if (const auto number = capability_number(name)) mask |= uint64_t{1} << *number;
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
    return !seccomp.layers.empty() || yes(seccomp.native_only) || seccomp.socket_families ||
           seccomp.netlink_protocols || yes(seccomp.lock_personality) || yes(seccomp.restrict_realtime) ||
           yes(seccomp.restrict_suid_sgid) || yes(seccomp.deny_terminal_injection) ||
           yes(profile.namespaces.restrict_namespaces) || profile.memory.memfd == policy::Memfd::deny;
}

void expect_mounts(Expected& out, const policy::Filesystem& wanted) {
    MountLine root{{}, {}, "/", {}, {"shared", "master"}, {}, false};
    if (wanted.readonly_root.value_or(false) || wanted.deny_write_execute.value_or(false))
        root.flags.emplace_back("ro");
    if (wanted.setid_files.value_or(policy::SetidFiles::keep) != policy::SetidFiles::keep)
        root.flags.emplace_back("nosuid");
    if (wanted.rootfs_propagation == policy::Propagation::slave) root.propagation = {"master"};
    if (wanted.rootfs_propagation == policy::Propagation::private_) root.propagation = {};
    out.mounts.push_back(root);
    out.no_writable_executable = wanted.deny_write_execute.value_or(false);

    MountLine proc{"proc", {}, "/proc", {}, {"shared", "master"}, {}, false};
    if (wanted.proc_subset == policy::ProcSubset::pid) proc.super_options.emplace_back("subset=pid");
    static constexpr std::array<const char*, 4> hidepid = {"", "hidepid=noaccess", "hidepid=invisible",
                                                           "hidepid=ptraceable"};
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
    for (const std::string& path : wanted.readonly_paths.value_or(policy::Strings{}))
        out.readonly_paths.push_back(path);
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

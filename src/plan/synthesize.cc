// The config.json that a profile makes of an image: `launch` runs it, `unpack` writes it into the bundle.
//
// Why a config.json at all: everything then goes one way, from config.json and profile to a Plan, and the bundle can be
// given to another runtime, which applies the part that OCI has words for.
#include <algorithm>

#include "base/text.h"
#include "plan/plan.h"

namespace casemate::plan {
namespace {

bool wants(const policy::Profile& profile, std::string_view type) {
    if (profile.namespaces.private_)
        for (const std::string& wanted : *profile.namespaces.private_)
            if (wanted == type) return true;
    return type == "mount";  // casemate always makes one
}

std::string octal(uint32_t mode) {
    std::string text;
    for (int shift = 9; shift >= 0; shift -= 3) text += static_cast<char>('0' + (mode >> shift & 7));
    return text;
}

oci::Mount proc_mount(const policy::Profile& profile) {
    oci::Mount mount{"/proc", "proc", "proc", {"nosuid", "nodev", "noexec"}, {}, {}};
    constexpr const char* hidepid[] = {"off", "noaccess", "invisible", "ptraceable"};
    if (const auto level = profile.filesystem.proc_hidepid; level && *level != policy::Hidepid::off)
        mount.options.push_back(concat("hidepid=", hidepid[static_cast<size_t>(*level)]));
    if (profile.filesystem.proc_subset == policy::ProcSubset::pid) mount.options.emplace_back("subset=pid");
    return mount;
}

oci::Mount granted_mount(const policy::MountGrant& grant, bool deny_write_execute) {
    oci::Mount mount;
    mount.destination = grant.destination;
    mount.options = {"nosuid", "nodev"};
    const bool writable = grant.type == policy::MountGrant::Type::tmpfs || !grant.readonly;
    if (grant.noexec.value_or(writable && deny_write_execute)) mount.options.emplace_back("noexec");
    if (grant.type == policy::MountGrant::Type::bind) {
        mount.type = "bind";
        mount.source = grant.source;
        mount.options.emplace_back("rbind");
        // Never "rw": it would make writable what the host has mounted read-only.
        if (grant.readonly) mount.options.emplace_back("ro");
        return mount;
    }
    mount.type = mount.source = "tmpfs";
    mount.options.push_back("mode=" + octal(grant.mode.value_or(01777)));
    if (grant.size) mount.options.push_back(concat("size=", *grant.size));
    if (grant.inodes) mount.options.push_back(concat("nr_inodes=", *grant.inodes));
    return mount;
}

void add_mounts(const policy::Profile& profile, const HostFacts& facts, oci::Config& config) {
    using policy::Access;
    std::vector<oci::Mount>& mounts = config.mounts;
    mounts.push_back(proc_mount(profile));
    mounts.push_back({"/dev", "tmpfs", "tmpfs", {"nosuid", "noexec", "ro", "mode=0755", "size=64k"}, {}, {}});
    mounts.push_back({"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "ptmxmode=0666", "mode=0620", "gid=5"}, {}, {}});
    if (wants(profile, "ipc")) mounts.push_back({"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "nodev", "noexec"}, {}, {}});
    const Access sys = profile.filesystem.sys.value_or(Access::readonly);
    // A fresh sysfs needs the network namespace that it shows.
    if (sys != Access::none && wants(profile, "network")) {
        mounts.push_back({"/sys", "sysfs", "sysfs", {"nosuid", "nodev", "noexec", sys == Access::readonly ? "ro" : "rw"}, {}, {}});
        const Access cgroup = profile.filesystem.cgroup.value_or(Access::readonly);
        if (cgroup != Access::none && facts.cgroup2_mountable && wants(profile, "cgroup"))
            mounts.push_back({"/sys/fs/cgroup", "cgroup2", "cgroup2", {"nosuid", "nodev", "noexec", cgroup == Access::readonly ? "ro" : "rw"}, {}, {}});
    }
    if (!profile.filesystem.mounts) return;
    // The outer before the inner, in whatever order they were named.
    std::vector<policy::MountGrant> grants = *profile.filesystem.mounts;
    std::stable_sort(grants.begin(), grants.end(), [](const auto& a, const auto& b) {
        return std::count(a.destination.begin(), a.destination.end(), '/') < std::count(b.destination.begin(), b.destination.end(), '/');
    });
    for (const policy::MountGrant& grant : grants)
        if (grant.type != policy::MountGrant::Type::none)
            mounts.push_back(granted_mount(grant, profile.filesystem.deny_write_execute.value_or(false)));
}

// The image's user, unless it is root or nobody, or the profile ignores it; then the profile's (PROFILE 2.2).
oci::User choose_user(const AppSource& app, const policy::Profile& profile) {
    const policy::UserIds fallback = profile.identity.user.value_or(policy::UserIds{});
    const bool non_root = profile.identity.run_as_non_root.value_or(false);
    const bool ignore = profile.identity.image_user == policy::ImageUser::ignore;
    oci::User user;
    if (!app.user_forced && (!app.has_user || ignore || (app.uid == 0 && non_root))) {
        user.uid = fallback.uid;
        user.gid = fallback.gid;
        user.additional_gids = fallback.additional_gids;
    } else {
        user.uid = app.uid;
        user.gid = app.group_defaulted && profile.identity.deny_root_group.value_or(false) ? fallback.gid : app.gid;
        user.additional_gids = app.additional_gids;
    }
    if (profile.process.umask) user.umask = *profile.process.umask;
    return user;
}

std::vector<std::string> environment(const AppSource& app, const policy::Profile& profile) {
    std::vector<std::string> env;
    const auto put = [&](const std::string& name, const std::string& value) {
        const std::string prefix = name + "=";
        std::erase_if(env, [&](const std::string& variable) { return variable.starts_with(prefix); });
        env.push_back(prefix + value);
    };
    if (profile.environment.image.value_or(policy::ImageEnvironment::accept) == policy::ImageEnvironment::accept)
        for (const std::string& variable : app.env) {
            const size_t equals = variable.find('=');
            // Sockets are handed over by us alone.
            if (equals == std::string::npos || variable.starts_with("LISTEN_FDS=") || variable.starts_with("LISTEN_PID=")) continue;
            put(variable.substr(0, equals), equals == std::string::npos ? "" : variable.substr(equals + 1));
        }
    const auto has = [&](std::string_view prefix) {
        for (const std::string& variable : env)
            if (variable.starts_with(prefix)) return true;
        return false;
    };
    if (!has("PATH=")) put("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    if (!has("HOME=")) put("HOME", app.home.empty() ? "/" : app.home);
    if (profile.environment.set)
        for (const auto& [name, value] : *profile.environment.set) put(name, value);
    return env;
}

void add_sysctls(const policy::Profile& profile, oci::Config& config) {
    if (profile.namespaces.sysctl) config.linux_.sysctl = *profile.namespaces.sysctl;
    // A port below 1024 needs no capability in a network of the app's own (ECOSYSTEM 1.2).
    if (wants(profile, "network")) config.linux_.sysctl.emplace("net.ipv4.ip_unprivileged_port_start", "0");
}

void add_capabilities(const policy::Profile& profile, oci::Process& process) {
    if (!profile.capabilities) return;
    oci::Capabilities& sets = process.capabilities.emplace();
    sets.bounding = sets.effective = sets.permitted = *profile.capabilities;
    // Another uid than 0 keeps capabilities over its exec only as ambient ones (PROFILE 2.1).
    sets.inheritable = sets.ambient = process.user.uid != 0 ? *profile.capabilities : policy::Strings{};
}

}  // namespace

Result<oci::Config> synthesize(const AppSource& app, const policy::Profile& profile, const HostFacts& facts) {
    oci::Config config;
    config.oci_version = "1.2.0";
    config.root_path = app.root_path;
    config.root_readonly = profile.filesystem.readonly_root.value_or(false) || profile.filesystem.deny_write_execute.value_or(false);
    config.hostname = wants(profile, "uts") ? profile.process.hostname.value_or("casemate") : "";
    oci::Process& process = config.process.emplace();
    process.terminal = app.terminal;
    process.user = choose_user(app, profile);
    process.args = app.args;
    process.env = environment(app, profile);
    process.cwd = app.cwd.empty() ? "/" : app.cwd;
    process.no_new_privileges = profile.no_new_privileges.value_or(false);
    process.oom_score_adj = profile.process.oom_score_adj;
    const bool own_ids = wants(profile, "user") || !facts.root();
    if (profile.limits.rlimits)
        for (const auto& [name, pair] : *profile.limits.rlimits)
            // Among the host's ids it would count every process of that uid (PROFILE 2.8).
            if (name != "RLIMIT_NPROC" || own_ids) process.rlimits.push_back({name, pair.soft, pair.hard});
    add_capabilities(profile, process);
    for (const char* type : {"pid", "mount", "ipc", "uts", "network", "cgroup", "time"})
        if (wants(profile, type)) config.linux_.namespaces.push_back({type, ""});
    // Without root there is no way but a user namespace.
    if (own_ids) config.linux_.namespaces.push_back({"user", ""});
    add_mounts(profile, facts, config);
    add_sysctls(profile, config);
    if (profile.filesystem.masked_paths) config.linux_.masked_paths = *profile.filesystem.masked_paths;
    if (profile.filesystem.readonly_paths) config.linux_.readonly_paths = *profile.filesystem.readonly_paths;
    config.linux_.rootfs_propagation = "private";
    return config;
}

}  // namespace casemate::plan

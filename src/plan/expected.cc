// What a Plan promises, as an Expected. Computed before the fork: the launch waits for nothing here.
#include "plan/expected.h"

#include <linux/mount.h>
#include <signal.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"

namespace casemate::plan {

namespace {

struct NamespaceFile {
    std::string_view type, file;  // OCI's word, the file of /proc/PID/ns
};
constexpr std::array<NamespaceFile, 8> namespace_files = {{{"cgroup", "cgroup"},
                                                           {"ipc", "ipc"},
                                                           {"mount", "mnt"},
                                                           {"network", "net"},
                                                           {"pid", "pid"},
                                                           {"time", "time"},
                                                           {"user", "user"},
                                                           {"uts", "uts"}}};

std::vector<std::string> mount_flags(uint64_t attributes, bool idmapped) {
    std::vector<std::string> flags;
    if (attributes & MOUNT_ATTR_RDONLY) flags.emplace_back("ro");
    if (attributes & MOUNT_ATTR_NOSUID) flags.emplace_back("nosuid");
    if (attributes & MOUNT_ATTR_NODEV) flags.emplace_back("nodev");
    if (attributes & MOUNT_ATTR_NOEXEC) flags.emplace_back("noexec");
    if (idmapped) flags.emplace_back("idmapped");
    return flags;
}

// Propagation is a most: a slave of a private mount is just private.
std::vector<std::string> propagation_tags(uint64_t propagation) {
    if (propagation & MS_SHARED) return {"shared", "master"};
    if (propagation & MS_SLAVE) return {"master"};
    return {};
}

// "size" as /proc/PID/mountinfo says it: whole pages, in KiB (mm/shmem.c). Percentages are left out.
std::string tmpfs_size(std::string_view text) {
    uint64_t unit = 1;
    if (!text.empty()) {
        switch (text.back() | 0x20) {
            case 'k': unit = uint64_t{1} << 10; break;
            case 'm': unit = uint64_t{1} << 20; break;
            case 'g': unit = uint64_t{1} << 30; break;
            default: break;
        }
    }
    if (unit != 1) text.remove_suffix(1);
    const auto amount = parse_decimal(text, UINT64_MAX / unit / 2);
    if (!amount) return {};
    constexpr uint64_t page = 4096;
    return concat("size=", (*amount * unit + page - 1) / page * page / 1024, "k");
}

std::string hidepid_word(const std::string& value) {
    static constexpr std::array<std::string_view, 5> words = {"off", "noaccess", "invisible", "", "ptraceable"};
    const auto number = parse_decimal(value, words.size() - 1);
    return number ? std::string(words[*number]) : value;
}

std::vector<std::string> restricting_options(const MountPlan& mount) {
    std::vector<std::string> options;
    for (const auto& [key, value] : mount.options) {
        if (mount.kind == MountKind::tmpfs && key == "size") options.push_back(tmpfs_size(value));
        if (mount.kind == MountKind::tmpfs && key == "nr_inodes" && parse_decimal(value))
            options.push_back("nr_inodes=" + value);
        if (mount.kind == MountKind::proc && key == "hidepid") options.push_back("hidepid=" + hidepid_word(value));
        if (mount.kind == MountKind::proc && key == "subset") options.push_back("subset=" + value);
    }
    std::erase_if(options, [](const std::string& option) { return option.empty() || option == "hidepid=off"; });
    return options;
}

std::string file_system_type(MountKind kind) {
    switch (kind) {
        case MountKind::proc: return "proc";
        case MountKind::sysfs: return "sysfs";
        case MountKind::tmpfs:
        case MountKind::dev: return "tmpfs";
        case MountKind::devpts: return "devpts";
        case MountKind::mqueue: return "mqueue";
        case MountKind::cgroup2: return {};  // on a host without cgroup v2: its v1 hierarchies
        case MountKind::bind:
        case MountKind::remount:
        case MountKind::other: return {};  // "fuse" becomes "fuse.sshfs" and the like
    }
    return {};
}

void expect_ids(Expected& out, const Plan& plan) {
    const IdsPlan& ids = plan.ids();
    out.uids.emplace(4, ids.uid);
    out.gids.emplace(4, ids.gid);
    if (ids.set_groups) {
        out.groups = ids.groups;
        std::sort(out.groups->begin(), out.groups->end());
        out.groups->erase(std::unique(out.groups->begin(), out.groups->end()), out.groups->end());
    }
    if (!ids.uid_map.empty()) {
        out.uid_map = ids.uid_map;
        out.gid_map = ids.gid_map;
    }
    if (ids.deny_setgroups) out.setgroups_allowed = false;
    const bool reaches_root = std::any_of(ids.uid_map.begin(), ids.uid_map.end(), [](const IdMapping& entry) {
        return entry.outside == 0 && entry.count != 0;
    });
    out.host_uid_not_root = !reaches_root && ids.uid != 0;
}

void expect_privileges(Expected& out, const Plan& plan, int baseline) {
    const CapabilitiesPlan& capabilities = plan.capabilities();
    out.cap_bounding = capabilities.bounding;
    out.cap_permitted = capabilities.permitted;
    out.cap_effective = capabilities.effective;
    out.cap_inheritable = capabilities.inheritable;
    out.cap_ambient = capabilities.ambient;
    out.no_new_privs = capabilities.no_new_privs;
    if (capabilities.securebits != 0) out.securebits = capabilities.securebits;
    const bool filtered = !plan.seccomp().program.empty();
    out.seccomp_filters = baseline + (filtered ? 1 : 0);
    if (filtered) {
        out.seccomp_mode = 2;
        out.seccomp_program = plan.seccomp().program;
    }
}

// The flags that the last mount at its destination has from then on; the rest of what was expected of it is gone.
void expect_remount(Expected& out, const MountPlan& remount) {
    for (size_t i = out.mounts.size(); i-- > 0;) {
        if (out.mounts[i].mount_point != remount.destination) continue;
        out.mounts[i].flags = mount_flags(remount.attributes, false);
        return;
    }
}

void expect_mounts(Expected& out, const Plan& plan) {
    const MountsPlan& mounts = plan.mounts();
    const RootPlan& root = mounts.root;
    // A root that is neither read-only nor nosuid is wholly config.json's; and hooks may mount there.
    out.exact_mounts = (root.readonly || root.nosuid) && !holds_for_hooks(plan.hooks());
    // Of layers, each is idmapped, and the overlay of them is not. Without an upper its super block is read-only as well.
    MountLine line{{}, {}, "/", mount_flags(root.attributes(), root.idmap && !root.layered()), propagation_tags(root.propagation), {}, false};
    if (root.layered()) line.type = "overlay";
    if (root.layered() && root.readonly) line.super_options = {"ro"};
    out.mounts.push_back(std::move(line));
    for (const MountPlan& mount : mounts.mounts) {
        if (mount.kind == MountKind::remount) {
            expect_remount(out, mount);
            continue;
        }
        const bool tree = mount.recursive || mount.kind == MountKind::cgroup2;
        const uint64_t below = mount.kind == MountKind::cgroup2 ? mount.attributes : mount.tree_attributes;
        out.mounts.push_back({file_system_type(mount.kind),
                              {},
                              mount.destination,
                              mount_flags(mount.attributes, mount.idmap),
                              propagation_tags(mount.propagation),
                              restricting_options(mount),
                              tree,
                              tree ? mount_flags(below, mount.idmap_recursive) : std::vector<std::string>{}});
    }
    if (plan.ids().mode == Mode::rootless) {  // RECIPES I8: the host's nodes, bound one by one
        for (const auto* nodes : {&mounts.devices, &mounts.root_devices})
            for (const DeviceNode& node : *nodes)
                if (node.type != 'p') out.mounts.push_back({{}, {}, node.path, {}, {}, {}, false});
    }
    if (plan.process().terminal) out.mounts.push_back({"devpts", {}, "/dev/console", {"nosuid", "noexec"}, {}, {}, false});
    if (!plan.namespaces().is_apart("mount")) {
        // Seen by place only (sys/mount_places.h): nobody can ask for more.
        out.exact_mounts = false;
        for (MountLine& mount : out.mounts) {
            mount.super_options.clear();
            std::erase(mount.flags, "idmapped");
        }
    }
    out.masked_paths = mounts.masked_paths;
    out.readonly_paths = mounts.readonly_paths;
}

void expect_process(Expected& out, const Plan& plan) {
    const ProcessPlan& process = plan.process();
    for (const Rlimit& limit : process.rlimits) out.limits[limit.name] = {limit.soft, limit.hard};
    if (process.core_dumps_off) out.limits["RLIMIT_CORE"] = {0, 0};
    out.umask = process.umask;
    out.oom_score_adj = process.oom_score_adj;
    out.fds.emplace();
    for (int fd = 0; fd < 3 + static_cast<int>(process.inherited_fds); ++fd) out.fds->push_back(fd);
    if (process.preserved_fds > 0) out.foreign_fds.emplace();
    for (int fd = 3; fd < 3 + static_cast<int>(process.preserved_fds); ++fd) out.foreign_fds->push_back(fd);
    if (process.mdwe) out.mdwe = true;
    if (process.dumpable_off) out.dumpable = false;
    if (process.parent_death_signal) out.parent_death_signal = SIGKILL;
    if (process.scheduler) out.scheduler = scheduler_text(process.scheduler->policy, process.scheduler->nice, process.scheduler->priority);
    out.io_priority = process.io_priority;
    out.personality = process.personality;
    if (!process.apparmor_profile.empty()) out.apparmor_profile = process.apparmor_profile;
    if (!process.selinux_label.empty()) out.selinux_label = process.selinux_label;
    out.own_session = process.new_session;
    out.own_session_keyring = plan.namespaces().new_session_keyring;
}

void expect_namespaces(Expected& out, const Plan& plan) {
    const NamespacesPlan& namespaces = plan.namespaces();
    for (const NamespaceFile& known : namespace_files) {
        if (namespaces.owns(known.type)) out.own_namespaces.emplace_back(known.file);
        for (const NamespaceFact& fact : namespaces.joined)
            if (fact.type == known.type) out.joined_namespaces[std::string(known.file)] = fact.inode;
    }
    if (!namespaces.hostname.empty()) out.hostname = namespaces.hostname;
    if (!namespaces.domainname.empty()) out.domainname = namespaces.domainname;
    for (const auto& [key, value] : plan.sysctl().values) out.sysctls[key] = value;
    if (namespaces.restrict_user_namespaces) out.sysctls["user/max_user_namespaces"] = "0";
}

}  // namespace

std::string program_hex(std::span<const sock_filter> program) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(2 * program.size_bytes());
    for (const char c : program_bytes(program)) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

std::string_view program_bytes(std::span<const sock_filter> program) {
    return {reinterpret_cast<const char*>(program.data()), program.size_bytes()};
}

Expected expected_of(const Plan& plan, int baseline_seccomp_filters) {
    Expected out;
    expect_ids(out, plan);
    expect_privileges(out, plan, baseline_seccomp_filters);
    expect_namespaces(out, plan);
    // What a running container has done with its tree and its names since is its own.
    if (!plan.exec()) expect_mounts(out, plan);
    if (plan.exec()) out.hostname.reset(), out.sysctls.clear();
    expect_process(out, plan);
    if (!plan.cgroup().none) expect_cgroup(out, plan.cgroup().draft);
    if (plan.landlock().enabled) out.inside_only.emplace_back("landlock");
    if (plan.process().mdwe) out.inside_only.emplace_back("mdwe");
    if (out.securebits) out.inside_only.emplace_back("securebits");
    if (plan.namespaces().new_session_keyring) out.inside_only.emplace_back("session keyring");
    return out;
}

}  // namespace casemate::plan

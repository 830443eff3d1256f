// The root file system and everything mounted on it, in order.
#include <climits>
#include <linux/mount.h>

#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"
#include "plan/mount_order.h"

namespace casemate::plan {
namespace {

std::optional<uint64_t> propagation_flag(std::string_view name) {
    if (name.starts_with('r')) name.remove_prefix(1);
    if (name == "private") return 1 << 18;
    if (name == "slave") return 1 << 19;
    if (name == "shared") return 1 << 20;
    if (name == "unbindable") return 1 << 17;
    return std::nullopt;
}

// Is it weaker than what the profile allows? "unbindable" is private and more.
std::optional<std::string_view> weaker_than(uint64_t flag, const std::optional<policy::Propagation>& bound) {
    constexpr std::string_view names[] = {"shared", "slave", "private"};
    const auto strength = flag == 1 << 20 ? policy::Propagation::shared : flag == 1 << 19 ? policy::Propagation::slave : policy::Propagation::private_;
    if (!bound || strength >= *bound) return std::nullopt;
    return names[static_cast<size_t>(*bound)];
}

// A mount below /proc could redirect what is read and written there (CVE-2019-16884). What lxcfs and the engines bind is
// harmless: numbers of the machine that nothing of ours reads (the list is runc's).
bool may_cover_proc(const MountPlan& mount) {
    constexpr std::string_view harmless[] = {"/proc/cpuinfo",  "/proc/diskstats", "/proc/loadavg",                "/proc/meminfo",
                                             "/proc/slabinfo", "/proc/stat",      "/proc/swaps",                  "/proc/uptime",
                                             "/proc/sys/kernel/ns_last_pid",      "/proc/sys/crypto/fips_enabled"};
    if (!is_at_or_below(mount.destination, "/proc")) return true;
    if (mount.destination == "/proc") return mount.kind == MountKind::proc || (mount.kind == MountKind::bind && mount.source == "/proc");
    return mount.kind == MountKind::bind && std::ranges::find(harmless, mount.destination) != std::end(harmless);
}

// The earlier mount that holds this destination: the deepest, the last of equals.
int parent_of(const std::vector<MountPlan>& mounts, const std::string& destination) {
    int parent = -1;
    size_t depth = 0;
    for (size_t i = 0; i < mounts.size(); ++i) {
        const std::string& holder = mounts[i].destination;
        if (mounts[i].kind == MountKind::remount || holder == destination || !is_at_or_below(destination, holder)) continue;
        if (holder.size() >= depth) parent = static_cast<int>(i), depth = holder.size();
    }
    return parent;
}

// What a mount of type "cgroup" is where controllers are of cgroup v1 (runc does the same): a tmpfs with a bind of the
// container's own group of each hierarchy. Never writable: release_agent is a way out (CVE-2022-0492). For a caller that
// has no group the tmpfs stays empty.
std::vector<MountPlan> v1_view(MountPlan asked, const cgroup::Draft& group) {
    const uint64_t attributes = asked.attributes | MOUNT_ATTR_RDONLY;
    asked.kind = MountKind::tmpfs;
    asked.source = "tmpfs";
    asked.options = {{"mode", "755"}};
    std::vector<MountPlan> view{std::move(asked)};
    const std::vector<cgroup::Path> paths = group.paths();
    for (size_t i = 0; i < paths.size(); ++i) {
        const cgroup::Hierarchy& hierarchy = group.layout.hierarchies[i];
        if (hierarchy.version == cgroup::Version::v2) continue;
        MountPlan& bind = view.emplace_back();
        bind.kind = MountKind::bind;
        bind.destination = concat(view.front().destination, hierarchy.mount_point.substr(hierarchy.mount_point.rfind('/')));
        bind.source = paths[i].directory;
        bind.attributes = attributes;
        bind.resolved = true;
    }
    return view;
}

// Of v2 without a namespace of its own the container sees its group as well, not the host's root.
MountPlan v2_view(MountPlan asked, const cgroup::Draft& group) {
    for (const cgroup::Path& path : group.paths())
        if (path.controllers.empty()) asked.source = path.directory;
    asked.kind = MountKind::bind;
    asked.options.clear();
    asked.resolved = true;
    return asked;
}

// Who makes it, and so when: binds are cloned by the host before it makes a /dev for a user namespace, and both before init
// makes a file system. Rootless init makes everything, what comes of the host's tree last.
int time_of_making(const MountPlan& mount, Mode mode) {
    if (mode == Mode::rootless) return mount.kind == MountKind::bind || mount.kind == MountKind::dev;
    if (mount.kind == MountKind::bind) return 0;
    return mount.kind == MountKind::dev && mode == Mode::root_userns ? 1 : 2;
}

// One of the binds of v1_view(): the list has their tmpfs only.
bool is_part_of_view(const Plan& plan, const MountPlan& mount) {
    if (mount.kind != MountKind::bind || mount.parent < 0 || plan.mounts().mounts[static_cast<size_t>(mount.parent)].kind != MountKind::tmpfs) return false;
    const std::vector<cgroup::Path> paths = plan.cgroup().paths();
    return std::ranges::any_of(paths, [&](const cgroup::Path& path) { return path.directory == mount.source; });
}

}  // namespace

bool is_made_out_of_order(const Plan& plan) {
    if (plan.network().managed || !plan.namespaces().is_apart("mount")) return false;
    int latest = 0;
    for (const MountPlan& mount : plan.mounts().mounts) {
        if (mount.kind == MountKind::remount || is_part_of_view(plan, mount)) continue;
        const int time = time_of_making(mount, plan.ids().mode);
        if (time < latest) return true;
        latest = time;
    }
    return false;
}

uint64_t RootPlan::attributes() const {
    return (readonly ? MOUNT_ATTR_RDONLY : 0) | (nosuid ? MOUNT_ATTR_NOSUID : 0) | (nodev ? MOUNT_ATTR_NODEV : 0);
}

Result<void> Compiler::root() {
    RootPlan& root = plan_.mounts_.root;
    if (config_.root_path.empty()) return Error::invalid("config.json: $.root.path: missing");
    root.path = config_.root_path.front() == '/' ? config_.root_path : concat(request_.bundle, "/", config_.root_path);
    root.readonly = config_.root_readonly || profile_.filesystem.readonly_root.value_or(false) ||
                    profile_.filesystem.deny_write_execute.value_or(false);
    const auto setid = profile_.filesystem.setid_files;
    root.nosuid = request_.launch || (setid && *setid != policy::SetidFiles::keep);
    root.nodev = request_.launch;
    root.shifted = request_.root_shifted;
    root.layers = request_.root_layers;
    root.own = request_.root_own;
    root.idmap = request_.id_base != 0 && plan_.ids_.mode == Mode::root_userns && !request_.root_shifted;
    if (!config_.linux_.rootfs_propagation.empty()) {
        const auto flag = propagation_flag(config_.linux_.rootfs_propagation);
        if (!flag) return Error::invalid(concat("config.json: $.linux.rootfsPropagation: unknown value ", quoted(config_.linux_.rootfs_propagation)));
        if (const auto bound = weaker_than(*flag, profile_.filesystem.rootfs_propagation))
            return Error::with_code(EPERM, concat("config.json: $.linux.rootfsPropagation: weaker than filesystem.rootfsPropagation '", *bound, "'"));
        root.propagation = *flag == 1 << 18 ? 0 : *flag;
    }
    return {};
}

Result<std::vector<MountPlan>> Compiler::cgroup_view(MountPlan mount, bool any_version) const {
    const cgroup::Kind kind = facts_.cgroups.kind();
    // Without root a group is ours only by delegation, and its directory is not there before the launch.
    const cgroup::Draft group = plan_.cgroup_.none || plan_.ids_.mode == Mode::rootless ? cgroup::Draft() : plan_.cgroup_.draft;
    if (any_version && (kind == cgroup::Kind::v1 || kind == cgroup::Kind::hybrid)) return v1_view(std::move(mount), group);
    if (facts_.cgroup2_mountable && plan_.namespaces_.is_apart("cgroup")) return std::vector{std::move(mount)};
    for (const cgroup::Hierarchy& hierarchy : group.layout.hierarchies)
        if (hierarchy.version == cgroup::Version::v2) return std::vector{v2_view(std::move(mount), group)};
    return v1_view(std::move(mount), cgroup::Draft());
}

// Which ids an idmapped mount shows: its own maps, or the container's (config.md, Mounts).
Result<void> Compiler::idmap(const oci::Mount& asked, MountPlan& mount) {
    for (const oci::IdMap& map : asked.uid_mappings) mount.uid_map.push_back({map.container_id, map.host_id, map.size});
    for (const oci::IdMap& map : asked.gid_mappings) mount.gid_map.push_back({map.container_id, map.host_id, map.size});
    if (!mount.uid_map.empty()) mount.idmap = true;
    if (mount.idmap) {
        if (mount.kind != MountKind::bind) return Error::with_code(ENOTSUP, "only a bind mount can be idmapped");
        if (plan_.ids_.mode == Mode::rootless) return Error::with_code(EPERM, "an idmapped mount needs root");
        if (mount.uid_map.empty() && !own_user_namespace())
            return Error::invalid("an idmapped mount needs uidMappings and gidMappings, or a user namespace of the container's own");
        return {};
    }
    // `launch`: on disk the ids are those inside (RECIPES H13).
    mount.idmap = mount.kind == MountKind::bind && request_.id_base != 0 && plan_.ids_.mode == Mode::root_userns;
    mount.idmap_recursive = mount.idmap && mount.recursive;
    return {};
}

void Compiler::bind(MountPlan& mount) {
    if (mount.source.front() != '/') mount.source = concat(request_.bundle, "/", mount.source);
    mount.resolved = request_.launch || request_.sources_resolved;
    if (request_.launch) mount.attributes |= MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    // config.md: "ro" is of the one mount, "rro" of the tree. A profile's restrictions hold for all of it, and so does
    // what the caller of a rootless bind said: its submounts come along, as only the whole tree can be cloned there
    // (locked mounts, RECIPES I8).
    const bool forced = plan_.ids_.mode == Mode::rootless && !mount.recursive;
    if ((mount.resolved && mount.recursive) || forced) mount.tree_attributes |= mount.attributes & ~uint64_t{MOUNT_ATTR__ATIME};
    if (plan_.ids_.mode == Mode::rootless) mount.recursive = true;
}

Result<void> Compiler::one_mount(const oci::Mount& asked, const std::string& where) {
    std::vector<MountPlan>& mounts = plan_.mounts_.mounts;
    MountPlan mount = TRY_IN(where, parse_mount(asked));
    if (!is_normal_path(mount.destination)) return Error::invalid(concat(where, ".destination: ", quoted(mount.destination), " is not an absolute, normal path"));
    if (mount.destination.size() >= PATH_MAX) return Error::with_code(ENAMETOOLONG, concat(where, ".destination: ", mount.destination.size(), " bytes"));
    if (mount.destination == "/") return Error::invalid(concat(where, ".destination: '/' is the root file system"));
    if (!may_cover_proc(mount)) return Error::with_code(EPERM, concat(where, ".destination: ", quoted(mount.destination), " is at or below /proc"));
    if (const auto bound = weaker_than(mount.propagation, profile_.filesystem.rootfs_propagation))
        return Error::with_code(EPERM, concat(where, ".options: propagation weaker than filesystem.rootfsPropagation '", *bound, "'"));
    if (mount.kind == MountKind::tmpfs && mount.destination == "/dev") {
        if (plan_.mounts_.make_dev) return Error::invalid(concat(where, ".destination: a second file system at '/dev'"));
        if (mount.copy_up) return Error::with_code(ENOTSUP, concat(where, ".options: 'tmpcopyup': the image's /dev is not copied, its nodes are not ours"));
        mount.kind = MountKind::dev;
        mount.attributes &= ~uint64_t{MOUNT_ATTR_NODEV};
        plan_.mounts_.make_dev = true;
    }
    if (mount.kind == MountKind::bind) bind(mount);
    TRY_IN(where, idmap(asked, mount));
    // mount_setattr(2) changes no mount that is attached in a tree of no namespace.
    if (mount.kind == MountKind::remount && !plan_.namespaces_.is_apart("mount"))
        return Error::with_code(ENOTSUP, concat(where, ".options: 'remount' needs a mount namespace; add {\"type\": \"mount\"}"));
    if (mount.kind == MountKind::cgroup2) {
        for (MountPlan& part : TRY_IN(where, cgroup_view(std::move(mount), asked.type == "cgroup"))) {
            part.parent = parent_of(mounts, part.destination);
            mounts.push_back(std::move(part));
        }
        return {};
    }
    // gid=5 and the like only where the namespace maps them: EINVAL otherwise (RECIPES I7).
    if (plan_.ids_.single_id()) std::erase_if(mount.options, [](const auto& option) { return (option.first == "gid" || option.first == "uid") && parse_decimal(option.second); });
    mount.parent = parent_of(mounts, mount.destination);
    mounts.push_back(std::move(mount));
    return {};
}

Result<void> Compiler::mounts() {
    for (size_t i = 0; i < config_.mounts.size(); ++i) TRY(one_mount(config_.mounts[i], concat("config.json: $.mounts[", i, "]")));
    return {};
}

}  // namespace casemate::plan

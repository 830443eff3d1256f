// The root file system and everything mounted on it, in order.
#include <climits>
#include <linux/mount.h>

#include "base/text.h"
#include "plan/compiler.h"

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

// The earlier mount that holds this destination: the deepest, the last of equals.
int parent_of(const std::vector<MountPlan>& mounts, const std::string& destination) {
    int parent = -1;
    size_t depth = 0;
    for (size_t i = 0; i < mounts.size(); ++i) {
        const std::string& holder = mounts[i].destination;
        if (holder == destination || !is_at_or_below(destination, holder)) continue;
        if (holder.size() >= depth) parent = static_cast<int>(i), depth = holder.size();
    }
    return parent;
}

}  // namespace

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

Result<void> Compiler::mounts() {
    std::vector<MountPlan>& mounts = plan_.mounts_.mounts;
    for (size_t i = 0; i < config_.mounts.size(); ++i) {
        const std::string where = concat("config.json: $.mounts[", i, "]");
        MountPlan mount = TRY_IN(where, parse_mount(config_.mounts[i]));
        if (!is_normal_path(mount.destination)) return Error::invalid(concat(where, ".destination: ", quoted(mount.destination), " is not an absolute, normal path"));
        if (mount.destination.size() >= PATH_MAX) return Error::with_code(ENAMETOOLONG, concat(where, ".destination: ", mount.destination.size(), " bytes"));
        if (mount.destination == "/") return Error::invalid(concat(where, ".destination: '/' is the root file system"));
        // A mount below /proc could redirect what is read and written there (CVE-2019-16884).
        if (is_at_or_below(mount.destination, "/proc") && !(mount.kind == MountKind::proc && mount.destination == "/proc"))
            return Error::with_code(EPERM, concat(where, ".destination: ", quoted(mount.destination), " is at or below /proc"));
        if (const auto bound = weaker_than(mount.propagation, profile_.filesystem.rootfs_propagation))
            return Error::with_code(EPERM, concat(where, ".options: propagation weaker than filesystem.rootfsPropagation '", *bound, "'"));
        if (mount.kind == MountKind::tmpfs && mount.destination == "/dev") {
            if (plan_.mounts_.make_dev) return Error::invalid(concat(where, ".destination: a second file system at '/dev'"));
            mount.kind = MountKind::dev;
            mount.attributes &= ~uint64_t{MOUNT_ATTR_NODEV};
            plan_.mounts_.make_dev = true;
        }
        if (mount.kind == MountKind::bind) {
            if (mount.source.front() != '/') mount.source = concat(request_.bundle, "/", mount.source);
            mount.idmap = plan_.mounts_.root.idmap || (request_.id_base != 0 && plan_.ids_.mode == Mode::root_userns);
            mount.resolved = request_.launch || request_.sources_resolved;
            if (request_.launch) mount.attributes |= MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
            // A rootless bind has locked submounts or may have: only the whole tree can be cloned (RECIPES I8).
            if (plan_.ids_.mode == Mode::rootless) mount.recursive = true;
        }
        if (mount.kind == MountKind::cgroup2) {
            if (!facts_.cgroup2_mountable)
                return Error::with_code(ENOTSUP, concat(where, ": cgroup v1 views are not applied by this version of casemate"));
            if (!plan_.namespaces_.is_apart("cgroup")) return Error::invalid(concat(where, ": needs a cgroup namespace"));
        }
        // gid=5 and the like only where the namespace maps them: EINVAL otherwise (RECIPES I7).
        if (plan_.ids_.single_id()) std::erase_if(mount.options, [](const auto& option) { return (option.first == "gid" || option.first == "uid") && parse_decimal(option.second); });
        mount.parent = parent_of(mounts, mount.destination);
        mounts.push_back(std::move(mount));
    }
    return {};
}

}  // namespace casemate::plan

// Mount options as OCI's config.md lists them: attributes, propagation, and data for the file system. A closed table:
// an option that no file system of ours takes is an error (CVE-2024-9407).
#include <linux/mount.h>

#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {
namespace {

// <sys/mount.h> clashes with <linux/mount.h>.
constexpr uint64_t ms_unbindable = 1 << 17, ms_private = 1 << 18, ms_slave = 1 << 19, ms_shared = 1 << 20;

enum class Does : uint8_t { set, clear, atime, propagate, bind, recursive_bind, copy_up, nothing };

struct Option {
    std::string_view name;
    Does does;
    uint64_t value;
    bool recursive = false;
};

constexpr Option options[] = {
    {"ro", Does::set, MOUNT_ATTR_RDONLY},
    {"rw", Does::clear, MOUNT_ATTR_RDONLY},
    {"nosuid", Does::set, MOUNT_ATTR_NOSUID},
    {"suid", Does::clear, MOUNT_ATTR_NOSUID},
    {"nodev", Does::set, MOUNT_ATTR_NODEV},
    {"dev", Does::clear, MOUNT_ATTR_NODEV},
    {"noexec", Does::set, MOUNT_ATTR_NOEXEC},
    {"exec", Does::clear, MOUNT_ATTR_NOEXEC},
    {"nodiratime", Does::set, MOUNT_ATTR_NODIRATIME},
    {"diratime", Does::clear, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", Does::set, MOUNT_ATTR_NOSYMFOLLOW},
    {"symfollow", Does::clear, MOUNT_ATTR_NOSYMFOLLOW},
    {"noatime", Does::atime, MOUNT_ATTR_NOATIME},
    {"relatime", Does::atime, MOUNT_ATTR_RELATIME},
    {"strictatime", Does::atime, MOUNT_ATTR_STRICTATIME},
    {"atime", Does::atime, MOUNT_ATTR_RELATIME},
    {"norelatime", Does::atime, MOUNT_ATTR_STRICTATIME},
    {"nostrictatime", Does::atime, MOUNT_ATTR_RELATIME},
    {"rro", Does::set, MOUNT_ATTR_RDONLY, true},
    {"rnosuid", Does::set, MOUNT_ATTR_NOSUID, true},
    {"rnodev", Does::set, MOUNT_ATTR_NODEV, true},
    {"rnoexec", Does::set, MOUNT_ATTR_NOEXEC, true},
    {"private", Does::propagate, ms_private},
    {"rprivate", Does::propagate, ms_private},
    {"slave", Does::propagate, ms_slave},
    {"rslave", Does::propagate, ms_slave},
    {"shared", Does::propagate, ms_shared},
    {"rshared", Does::propagate, ms_shared},
    {"unbindable", Does::propagate, ms_unbindable},
    {"runbindable", Does::propagate, ms_unbindable},
    {"bind", Does::bind, 0},
    {"rbind", Does::recursive_bind, 0},
    {"tmpcopyup", Does::copy_up, 0},
    {"defaults", Does::nothing, 0},
    {"loud", Does::nothing, 0},
    {"async", Does::nothing, 0},
};

std::optional<MountKind> kind_of(std::string_view type) {
    constexpr std::pair<std::string_view, MountKind> kinds[] = {
        {"proc", MountKind::proc},     {"sysfs", MountKind::sysfs},   {"tmpfs", MountKind::tmpfs}, {"devpts", MountKind::devpts},
        {"mqueue", MountKind::mqueue}, {"cgroup2", MountKind::cgroup2}, {"cgroup", MountKind::cgroup2}, {"bind", MountKind::bind}};
    for (const auto& [name, kind] : kinds)
        if (name == type) return kind;
    return std::nullopt;
}

// What each file system of ours takes as data.
bool takes(MountKind kind, std::string_view key) {
    const auto one_of = [&](std::initializer_list<std::string_view> keys) { return std::find(keys.begin(), keys.end(), key) != keys.end(); };
    switch (kind) {
        case MountKind::tmpfs:
        case MountKind::dev: return one_of({"mode", "size", "nr_inodes", "nr_blocks", "uid", "gid", "huge", "mpol"});
        case MountKind::devpts: return one_of({"newinstance", "ptmxmode", "mode", "gid", "uid", "max"});
        case MountKind::proc: return one_of({"hidepid", "subset", "gid"});
        case MountKind::cgroup2: return one_of({"nsdelegate", "memory_recursiveprot"});
        case MountKind::sysfs:
        case MountKind::mqueue:
        case MountKind::bind: return false;
    }
    return false;
}

void apply(const Option& option, MountPlan& plan) {
    switch (option.does) {
        case Does::set:
            plan.attributes |= option.value;
            plan.clear_attributes &= ~option.value;
            if (option.recursive) plan.recursive = true;
            break;
        case Does::clear:
            plan.attributes &= ~option.value;
            plan.clear_attributes |= option.value;
            break;
        // One field of two bits: mount_setattr(2) sets it only where the whole field is cleared in the same call.
        case Does::atime:
            plan.attributes = (plan.attributes & ~uint64_t{MOUNT_ATTR__ATIME}) | option.value;
            plan.clear_attributes |= MOUNT_ATTR__ATIME;
            break;
        case Does::propagate: plan.propagation = option.value; break;
        case Does::bind: plan.kind = MountKind::bind; break;
        case Does::recursive_bind: plan.kind = MountKind::bind, plan.recursive = true; break;
        case Does::copy_up: plan.copy_up = true; break;
        case Does::nothing: break;
    }
}

}  // namespace

Result<MountPlan> parse_mount(const oci::Mount& mount) {
    MountPlan plan;
    plan.destination = mount.destination;
    plan.source = mount.source;
    const auto is = [](std::string_view name) { return [name](const std::string& option) { return option == name; }; };
    const bool bind = std::any_of(mount.options.begin(), mount.options.end(), is("bind")) ||
                      std::any_of(mount.options.begin(), mount.options.end(), is("rbind"));
    const auto kind = bind ? MountKind::bind : kind_of(mount.type);
    if (!kind) return Error::with_code(ENOTSUP, concat("type ", quoted(mount.type), ": not applied by this version of casemate"));
    plan.kind = *kind;
    for (const std::string& text : mount.options) {
        const auto found = std::find_if(std::begin(options), std::end(options), [&](const Option& o) { return o.name == text; });
        if (found != std::end(options)) {
            apply(*found, plan);
            continue;
        }
        const size_t equals = text.find('=');
        const std::string key = text.substr(0, equals);
        if (!takes(plan.kind, key)) return Error::invalid(concat("option ", quoted(text), ": unknown for a mount of type ", quoted(mount_kind_name(plan.kind))));
        // newinstance is what every devpts mount is since Linux 4.7.
        if (key == "newinstance") continue;
        plan.options.emplace_back(key, equals == std::string::npos ? "" : text.substr(equals + 1));
    }
    if (plan.copy_up) return Error::with_code(ENOTSUP, "option 'tmpcopyup': not applied by this version of casemate");
    if (plan.kind == MountKind::bind && plan.source.empty()) return Error::invalid("a bind mount needs a source");
    return plan;
}

}  // namespace casemate::plan

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

enum class Does : uint8_t {
    set, clear, atime,  // attributes of the mount
    propagate, bind, remount, idmap, copy_up,
    pass,     // a flag of the super-block
    nothing,  // the state that a mount has anyway
};

struct Option {
    std::string_view name;
    Does does;
    uint64_t value = 0;
    bool recursive = false;  // of the whole tree
};

// config.md, Mounts: Linux mount options.
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
    {"rrw", Does::clear, MOUNT_ATTR_RDONLY, true},
    {"rnosuid", Does::set, MOUNT_ATTR_NOSUID, true},
    {"rsuid", Does::clear, MOUNT_ATTR_NOSUID, true},
    {"rnodev", Does::set, MOUNT_ATTR_NODEV, true},
    {"rdev", Does::clear, MOUNT_ATTR_NODEV, true},
    {"rnoexec", Does::set, MOUNT_ATTR_NOEXEC, true},
    {"rexec", Does::clear, MOUNT_ATTR_NOEXEC, true},
    {"rnodiratime", Does::set, MOUNT_ATTR_NODIRATIME, true},
    {"rdiratime", Does::clear, MOUNT_ATTR_NODIRATIME, true},
    {"rnosymfollow", Does::set, MOUNT_ATTR_NOSYMFOLLOW, true},
    {"rsymfollow", Does::clear, MOUNT_ATTR_NOSYMFOLLOW, true},
    {"rnoatime", Does::atime, MOUNT_ATTR_NOATIME, true},
    {"rrelatime", Does::atime, MOUNT_ATTR_RELATIME, true},
    {"rstrictatime", Does::atime, MOUNT_ATTR_STRICTATIME, true},
    {"ratime", Does::atime, MOUNT_ATTR_RELATIME, true},
    {"rnorelatime", Does::atime, MOUNT_ATTR_STRICTATIME, true},
    {"rnostrictatime", Does::atime, MOUNT_ATTR_RELATIME, true},
    {"private", Does::propagate, ms_private},
    {"rprivate", Does::propagate, ms_private},
    {"slave", Does::propagate, ms_slave},
    {"rslave", Does::propagate, ms_slave},
    {"shared", Does::propagate, ms_shared},
    {"rshared", Does::propagate, ms_shared},
    {"unbindable", Does::propagate, ms_unbindable},
    {"runbindable", Does::propagate, ms_unbindable},
    {"bind", Does::bind},
    {"rbind", Does::bind, 0, true},
    {"remount", Does::remount},
    {"idmap", Does::idmap},
    {"ridmap", Does::idmap, 0, true},
    {"tmpcopyup", Does::copy_up},
    {"sync", Does::pass},
    {"dirsync", Does::pass},
    {"lazytime", Does::pass},
    {"mand", Does::pass},
    {"async", Does::nothing},
    {"defaults", Does::nothing},
    {"loud", Does::nothing},
    {"silent", Does::nothing},  // fsopen's messages go to its descriptor, never to the kernel log
    {"nolazytime", Does::nothing},
    {"nomand", Does::nothing},
    // The kernel's own file systems keep the change counter always or never, and mount(2) takes the flag in silence.
    {"iversion", Does::nothing},
    {"noiversion", Does::nothing},
};

MountKind kind_of(std::string_view type) {
    constexpr std::pair<std::string_view, MountKind> kinds[] = {
        {"proc", MountKind::proc},     {"sysfs", MountKind::sysfs},   {"tmpfs", MountKind::tmpfs}, {"devpts", MountKind::devpts},
        {"mqueue", MountKind::mqueue}, {"cgroup2", MountKind::cgroup2}, {"cgroup", MountKind::cgroup2}, {"bind", MountKind::bind}};
    for (const auto& [name, kind] : kinds)
        if (name == type) return kind;
    return MountKind::other;
}

// What each file system of ours takes as data.
bool takes(MountKind kind, std::string_view key) {
    const auto one_of = [&](std::initializer_list<std::string_view> keys) { return std::find(keys.begin(), keys.end(), key) != keys.end(); };
    switch (kind) {
        case MountKind::tmpfs:
        case MountKind::dev:
            return one_of({"mode", "size", "nr_inodes", "nr_blocks", "uid", "gid", "huge", "mpol", "inode32", "inode64", "noswap", "context"});
        case MountKind::devpts: return one_of({"newinstance", "ptmxmode", "mode", "gid", "uid", "max", "context"});
        case MountKind::proc: return one_of({"hidepid", "subset", "gid"});
        case MountKind::cgroup2: return one_of({"nsdelegate", "memory_recursiveprot"});
        case MountKind::sysfs:
        case MountKind::mqueue:
        case MountKind::bind:
        case MountKind::remount: return false;
        case MountKind::other: return true;  // the kernel judges
    }
    return false;
}

void set_attribute(const Option& option, uint64_t& set, uint64_t& clear) {
    if (option.does == Does::clear) {
        set &= ~option.value;
        clear |= option.value;
        return;
    }
    // Access time is one field of two bits: mount_setattr(2) sets it only where all of it is cleared in the same call.
    const uint64_t field = option.does == Does::atime ? uint64_t{MOUNT_ATTR__ATIME} : option.value;
    set = (set & ~field) | option.value;
    clear = option.does == Does::atime ? clear | field : clear & ~field;
}

void apply(const Option& option, MountPlan& plan) {
    switch (option.does) {
        case Does::set:
        case Does::clear:
        case Does::atime:
            set_attribute(option, plan.attributes, plan.clear_attributes);
            if (option.recursive) set_attribute(option, plan.tree_attributes, plan.tree_clear_attributes);
            break;
        // Of a recursive bind it is always the whole tree's: a part left in the host's peer group would reach the host.
        case Does::propagate: plan.propagation = option.value; break;
        case Does::bind: plan.recursive = option.recursive; break;
        case Does::idmap:
            plan.idmap = true;
            plan.idmap_recursive = option.recursive;
            break;
        case Does::copy_up: plan.copy_up = true; break;
        case Does::pass:
            // A bind is another view of a super-block that has its flags already: mount(2) takes and ignores these.
            if (plan.kind != MountKind::bind && plan.kind != MountKind::remount) plan.options.emplace_back(option.name, "");
            break;
        case Does::remount:
        case Does::nothing: break;
    }
}

Result<MountKind> kind_of(const oci::Mount& mount) {
    const auto has = [&](std::string_view name) { return std::ranges::find(mount.options, name) != mount.options.end(); };
    if (has("remount")) return MountKind::remount;
    if (has("bind") || has("rbind")) return MountKind::bind;
    if (mount.type.empty() || mount.type == "none") return Error::invalid("a mount needs a type, or the option 'bind'");
    return kind_of(mount.type);
}

}  // namespace

Result<MountPlan> parse_mount(const oci::Mount& mount) {
    MountPlan plan;
    plan.destination = mount.destination;
    plan.source = mount.source;
    plan.kind = TRY(kind_of(mount));
    if (plan.kind == MountKind::other) plan.type = mount.type;
    for (const std::string& text : mount.options) {
        const auto found = std::find_if(std::begin(options), std::end(options), [&](const Option& o) { return o.name == text; });
        if (found != std::end(options)) {
            apply(*found, plan);
            continue;
        }
        const size_t equals = text.find('=');
        const std::string key = text.substr(0, equals);
        // Data is a file system's, and a bind makes none: mount(2) ignores it there, and so do the other runtimes.
        if (plan.kind == MountKind::bind && takes(MountKind::tmpfs, key)) continue;
        if (key.empty() || !takes(plan.kind, key))
            return Error::invalid(concat("option ", quoted(text), ": unknown for a mount of type ", quoted(mount_kind_name(plan.kind))));
        // newinstance is what every devpts mount is since Linux 4.7.
        if (plan.kind == MountKind::devpts && key == "newinstance") continue;
        plan.options.emplace_back(key, equals == std::string::npos ? "" : text.substr(equals + 1));
    }
    if (plan.copy_up && plan.kind != MountKind::tmpfs) return Error::invalid("option 'tmpcopyup': only a tmpfs has it");
    if (plan.kind == MountKind::bind && plan.source.empty()) return Error::invalid("a bind mount needs a source");
    return plan;
}

}  // namespace casemate::plan

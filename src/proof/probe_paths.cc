// Paths: the root in many places, every mount, every masked and read-only path, /proc, /sys, /dev and the control
// groups. "mount-flags" asks statfs(2): the kernel's own word for the flags at that path.
#include <linux/capability.h>
#include <linux/mount.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "proof/check_list.h"

namespace casemate::proof {

namespace {

constexpr std::array<const char*, 14> root_places = {"/",    "/bin",  "/etc",  "/home", "/lib", "/media",   "/mnt",
                                                     "/opt", "/root", "/sbin", "/srv",  "/usr", "/usr/bin", "/var"};
constexpr std::array<const char*, 8> forbidden_devices = {
    "/dev/fuse", "/dev/kmsg", "/dev/kvm", "/dev/loop-control", "/dev/loop0", "/dev/mem", "/dev/net/tun", "/dev/sda"};

std::string flag_words(uint64_t attributes) {
    std::vector<std::string> words;
    if (attributes & MOUNT_ATTR_RDONLY) words.emplace_back("ro");
    if (attributes & MOUNT_ATTR_NOSUID) words.emplace_back("nosuid");
    if (attributes & MOUNT_ATTR_NODEV) words.emplace_back("nodev");
    if (attributes & MOUNT_ATTR_NOEXEC) words.emplace_back("noexec");
    return join(words, ",");
}

bool is_destination(const CheckList& list, std::string_view path) {
    const auto& mounts = list.plan.mounts().mounts;
    return std::any_of(mounts.begin(), mounts.end(),
                       [&](const plan::MountPlan& mount) { return mount.destination == path; });
}

void add_root(CheckList& list) {
    const plan::RootPlan& root = list.plan.mounts().root;
    const uint64_t attributes = (root.readonly ? MOUNT_ATTR_RDONLY : 0) | (root.nosuid ? MOUNT_ATTR_NOSUID : 0) |
                                (root.nodev ? MOUNT_ATTR_NODEV : 0);
    if (attributes != 0) list.add("mount /: flags", "mount-flags", "/ " + flag_words(attributes), "ok");
    for (const char* place : root_places) {
        if (is_destination(list, place)) continue;
        // Only /root may be closed to the app before the read-only mount is asked.
        const std::string refused = std::string_view(place) == "/root" ? "EROFS|ENOENT|EACCES" : "EROFS|ENOENT|ENOTDIR";
        list.add(concat("root: create in ", place), "create", place, root.readonly ? refused : "any");
    }
    for (const char* path : {"/", "/etc", "/usr/bin"}) {
        const std::string refused = list.filtered("fchmodat");
        list.add(concat("root: chmod ", path), "chmod", path,
                 !root.readonly    ? "any"
                 : refused.empty() ? "EROFS|ENOENT"
                                   : "EROFS|ENOENT|" + refused);
    }
    list.add("root: mkdir in /", "mkdir", "/",
             !root.readonly                   ? "any"
             : list.filtered("mkdir").empty() ? "EROFS"
                                              : list.filtered("mkdir"));
}

void add_mount(CheckList& list, const plan::MountPlan& mount) {
    const std::string words = flag_words(mount.attributes);
    if (!words.empty())
        list.add(concat("mount ", mount.destination, ": flags"), "mount-flags", concat(mount.destination, ' ', words),
                 "ok|EACCES");
    const bool readonly = mount.attributes & MOUNT_ATTR_RDONLY, noexec = mount.attributes & MOUNT_ATTR_NOEXEC;
    if (readonly) {
        list.add(concat("mount ", mount.destination, ": create"), "create", mount.destination, "denied");
    } else if (mount.kind == plan::MountKind::tmpfs || mount.kind == plan::MountKind::bind) {
        list.add(concat("mount ", mount.destination, ": exec what was written"), "exec-from", mount.destination,
                 noexec ? "denied" : "any");
        list.add(concat("mount ", mount.destination, ": map what was written"), "map-from", mount.destination,
                 noexec ? "denied" : "any");
        for (const char* type : {"char", "block"}) {
            list.add(concat("mount ", mount.destination, ": mknod ", type), "mknod",
                     concat(type, ' ', mount.destination), list.has_capability(CAP_MKNOD) ? "any" : "denied");
        }
    }
    if (mount.kind != plan::MountKind::tmpfs || readonly) return;
    constexpr uint64_t most = uint64_t{256} << 20;
    for (const auto& [key, value] : mount.options) {
        const auto size = key == "size" ? parse_decimal(value, most) : std::nullopt;
        // A tmpfs that another uid owns refuses at once.
        if (size)
            list.add(concat("mount ", mount.destination, ": fill beyond its size"), "fill",
                     concat(mount.destination, ' ', *size), "ENOSPC|EACCES|ENOMEM|EDQUOT");
    }
}

void add_covered(CheckList& list) {
    for (const std::string& path : list.plan.mounts().masked_paths) {
        list.add(concat("masked ", path, ": read"), "read", path, "empty|ENOENT");
        list.add(concat("masked ", path, ": flags"), "mount-flags", path + " ro", "ok|ENOENT");
        list.add(concat("masked ", path, ": write"), "write", path, "denied");
    }
    for (const std::string& path : list.plan.mounts().readonly_paths) {
        list.add(concat("readonly ", path, ": flags"), "mount-flags", path + " ro", "ok|ENOENT");
        list.add(concat("readonly ", path, ": write"), "write", path, "denied");
    }
}

bool landlock_allows_writing(const CheckList& list, std::string_view path) {
    constexpr uint64_t write_file = 2;  // LANDLOCK_ACCESS_FS_WRITE_FILE
    const plan::LandlockPlan& landlock = list.plan.landlock();
    if (!landlock.enabled) return true;
    return std::any_of(landlock.rules.begin(), landlock.rules.end(), [&](const plan::LandlockRule& rule) {
        return (rule.access & write_file) && (rule.path == "/" || is_at_or_below(path, rule.path));
    });
}

void add_kernel_files(CheckList& list) {
    // The owner of these files is uid 0 of the host, capabilities or not.
    const bool privileged =
        list.plan.ids().uid == 0 || list.has_capability(CAP_SYS_ADMIN) || list.has_capability(CAP_DAC_OVERRIDE);
    const std::string refused = privileged ? "any" : "denied";
    for (const char* path : {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger",
                             "/sys/kernel/uevent_helper", "/sys/power/state", "/sys/fs/cgroup/cgroup.procs",
                             "/sys/fs/cgroup/release_agent"}) {
        list.add(concat("write ", path), "write", path, refused);
    }
    list.add("mkdir in /sys/fs/cgroup", "mkdir", "/sys/fs/cgroup", refused);
    const auto& filesystem = list.profile.filesystem;
    if (filesystem.proc_subset == policy::ProcSubset::pid)
        list.add("proc shows pids alone", "read", "/proc/meminfo", "ENOENT");
    if (filesystem.sys == policy::Access::none) list.add("no sysfs", "read", "/sys/kernel", "ENOENT");
    // A place that no mount flag protects: procfs is writable, and what it holds of this process is its own.
    const bool writable = landlock_allows_writing(list, "/proc");
    list.add("Landlock: write /proc/self/comm", "write-text", "/proc/self/comm probe", writable ? "any" : "EACCES");
    list.add("Landlock: write /proc/self/oom_score_adj", "write-text", "/proc/self/oom_score_adj 900",
             writable ? "any" : "EACCES");
    list.add("memory of a sibling through /proc", "open-memory", "", writable ? "any" : "EACCES");
}

void add_devices(CheckList& list) {
    const plan::MountsPlan& mounts = list.plan.mounts();
    if (!mounts.make_dev) return;
    std::vector<std::string> known = {"console", "core", "fd", "ptmx", "stderr", "stdin", "stdout"};
    for (const plan::DeviceNode& node : mounts.devices) known.push_back(node.path.substr(5));
    constexpr std::string_view dev = "/dev/";
    for (const plan::MountPlan& mount : mounts.mounts) {
        if (mount.destination.starts_with(dev))
            known.push_back(mount.destination.substr(dev.size(), mount.destination.find('/', dev.size()) - dev.size()));
    }
    list.add("/dev holds nothing else", "only-entries", "/dev " + join(known, ","), "ok");
    for (const char* path : forbidden_devices) {
        const bool granted = std::any_of(mounts.devices.begin(), mounts.devices.end(),
                                         [&](const plan::DeviceNode& node) { return node.path == path; });
        if (!granted) list.add(concat("device ", path), "read", path, "ENOENT");
    }
}

void add_setid(CheckList& list) {
    const bool kept = !list.plan.mounts().root.nosuid;
    list.add("setuid files of the image", "setid-image", "", kept ? "any" : "ignored");
    const std::string copy = list.context.setid_copy.empty() ? "/.casemate-probe-setid" : list.context.setid_copy;
    list.add("a setuid copy of the probe", "setid-copy", copy,
             kept && !list.plan.capabilities().no_new_privs ? "any" : "gained nothing|EACCES");
}

}  // namespace

void add_path_checks(CheckList& list) {
    add_root(list);
    for (const plan::MountPlan& mount : list.plan.mounts().mounts) add_mount(list, mount);
    add_covered(list);
    add_kernel_files(list);
    add_devices(list);
    add_setid(list);
    const std::string refused = list.has_capability(CAP_SYS_ADMIN) ? "any" : "EPERM|EACCES";
    list.add("mount a tmpfs on /", "mount", "/", list.expect("mount", {}, refused));
    list.add("chroot", "chroot", "/", list.expect("chroot", {}, list.has_capability(CAP_SYS_CHROOT) ? "any" : "EPERM"));
}

}  // namespace casemate::proof

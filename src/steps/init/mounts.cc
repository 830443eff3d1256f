// The container's tree: kernel file systems made while the host's tree is attached, then root, then everything on it,
// descriptor to descriptor.
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/scope_exit.h"
#include "base/text.h"
#include "plan/mount_order.h"
#include "steps/devices.h"
#include "steps/init/copy_up.h"
#include "steps/init/overlay_paths.h"
#include "steps/init/steps.h"
#include "steps/mounts.h"
#include "sys/call.h"

#ifndef MS_PRIVATE
#define MS_PRIVATE (1 << 18)
#endif

namespace casemate::steps::init {
namespace {

using plan::MountKind;
using plan::MountPlan;

constexpr size_t fsconfig_limit = 255;

// Without one the root stays a tree that is in no namespace (decision 0019), and the caller's mounts are not ours to touch.
bool has_mount_namespace(const plan::Plan& plan) { return plan.namespaces().is_apart("mount"); }

const char* filesystem_type(const MountPlan& mount) {
    switch (mount.kind) {
        case MountKind::proc: return "proc";
        case MountKind::sysfs: return "sysfs";
        case MountKind::tmpfs: return "tmpfs";
        case MountKind::devpts: return "devpts";
        case MountKind::mqueue: return "mqueue";
        case MountKind::cgroup2: return "cgroup2";
        case MountKind::other: return mount.type.c_str();
        case MountKind::bind:
        case MountKind::remount:
        case MountKind::dev: return nullptr;  // made elsewhere
    }
    return nullptr;
}

Result<Fd> make_filesystem(const MountPlan& mount) {
    sys::MountBuilder builder = TRY(sys::MountBuilder::open(filesystem_type(mount)));
    if (!mount.source.empty()) TRY(builder.set("source", mount.source.c_str()));
    std::vector<Fd> directories;
    for (const auto& [key, value] : mount.options) {
        const bool layers = mount.type == "overlay" && key == "lowerdir" && value.size() > fsconfig_limit;
        const std::string given = layers ? TRY(by_descriptor(value, directories)) : value;
        TRY(given.empty() ? builder.flag(key.c_str()) : builder.set(key.c_str(), given.c_str()));
    }
    // A tmpfs with mount points below it is made read-only once they are there (attach_one).
    auto made = builder.mount(mount.kind == MountKind::tmpfs ? mount.attributes & ~uint64_t{MOUNT_ATTR_RDONLY} : mount.attributes);
    if (!made && made.error().code() == EPERM && (mount.kind == MountKind::proc || mount.kind == MountKind::sysfs))
        return std::move(made).take_error().hint(
            concat("something is mounted over files of the host's ", mount.kind == MountKind::proc ? "/proc" : "/sys",
                   ", as inside another container; the kernel then allows no fresh one in a user namespace"));
    return made;
}

Result<void> make_all(InitContext& context) {
    const auto& mounts = context.plan.mounts().mounts;
    context.mounts.resize(mounts.size());
    // Ours alone, never attached: for sysctls and for the inside half of verify (I4).
    auto own = sys::Procfs::make();
    if (!own)
        return std::move(own).take_error().within("private procfs").hint(
            "something is mounted over files of the host's /proc, as inside another container");
    context.proc = std::move(own).take();
    for (size_t i = 0; i < mounts.size(); ++i) {
        if (filesystem_type(mounts[i])) context.mounts[i] = TRY_IN(quoted(mounts[i].destination), make_filesystem(mounts[i]));
        if (mounts[i].kind == MountKind::dev && context.plan.ids().mode == plan::Mode::root)
            context.prepared.dev = TRY_IN(quoted(mounts[i].destination), make_dev(context.plan, context.prepared.binds, i));
    }
    return {};
}

// Where the mount goes: kernel file systems want a real directory there (CVE-2019-19921: /proc as a symlink), other
// mount points may be reached through links of the image, resolved in the root.
Result<Fd> find_target(const sys::Root& root, const MountPlan& mount) {
    const bool kernels = mount.kind == MountKind::proc || mount.kind == MountKind::sysfs || mount.kind == MountKind::dev ||
                         mount.kind == MountKind::devpts || mount.kind == MountKind::mqueue || mount.kind == MountKind::cgroup2;
    return root.resolve(mount.destination, !kernels && !is_at_or_below(mount.destination, "/proc"));
}

Result<void> create_in_parent(const sys::Root& root, const MountPlan& mount, const MountPlan& parent, bool is_file) {
    // /dev is ready-made, others are the kernel's.
    if (parent.kind != MountKind::tmpfs && parent.kind != MountKind::bind && parent.kind != MountKind::other) return {};
    if (is_file) {
        TRY(root.make_file(mount.destination));
    } else {
        TRY(root.make_directory(mount.destination));
    }
    return {};
}

// mount(2) with MS_REMOUNT: the mount has these flags afterwards, and no other.
Result<void> remount(const sys::Root& root, const MountPlan& mount) {
    constexpr uint64_t all = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW;
    const Fd target = TRY(root.resolve(mount.destination, true));
    struct statx status {};
    if (::statx(target.get(), "", AT_EMPTY_PATH, 0, &status) < 0) return Error::sys("statx");
    if (!(status.stx_attributes & STATX_ATTR_MOUNT_ROOT)) return Error::from_errno(EINVAL, "remount: nothing is mounted there");
    const uint64_t atime = mount.clear_attributes & MOUNT_ATTR__ATIME;
    return sys::mount_setattr(target, 0, mount.attributes, (all & ~mount.attributes) | atime);
}

// A tmpfs without `mode` has that of the directory it covers, as with the other runtimes; the kernel's 01777 would open
// what the image keeps closed.
Result<void> prepare_tmpfs(const MountPlan& mount, FdView filesystem, FdView target) {
    if (mount.copy_up) TRY(copy_up(target, filesystem));
    const bool has_mode = std::ranges::any_of(mount.options, [](const auto& option) { return option.first == "mode"; });
    if (has_mode) return {};
    const struct stat status = TRY(sys::fstat(target));
    if (::fchmodat(filesystem.get(), ".", status.st_mode & 07777, 0) < 0) return Error::sys("fchmodat");
    return {};
}

Fd& source_of(InitContext& context, size_t index) {
    const MountKind kind = context.plan.mounts().mounts[index].kind;
    if (kind == MountKind::bind) return context.prepared.binds[index].tree;
    return kind == MountKind::dev ? context.prepared.dev : context.mounts[index];
}

Result<Fd> make_target(InitContext& context, const sys::Root& root, size_t index) {
    const auto& mounts = context.plan.mounts().mounts;
    const MountPlan& mount = mounts[index];
    if (mount.parent >= 0)
        TRY(create_in_parent(root, mount, mounts[static_cast<size_t>(mount.parent)],
                             index < context.prepared.binds.size() && context.prepared.binds[index].is_file));
    return find_target(root, mount);
}

// A clone has a new id, and is the mount in all else: flags, idmap, peer group. The kernel clones what is attached in our
// namespace (before 6.15 that only; the host's detached trees never), so the mount is put into the yard for it. There it leaves
// its peer group: when the yard is unmounted, what lies below such a mount would be unmounted on the host as well.
Result<void> clone_in_turn(InitContext& context, const sys::Root& yard, size_t index) {
    constexpr unsigned clone = AT_EMPTY_PATH | OPEN_TREE_CLONE;
    Fd& source = source_of(context, index);
    const Fd place = TRY(make_target(context, yard, index));
    TRY(sys::move_mount(source, place));
    Fd again = TRY(sys::open_tree(source, "", clone | (context.plan.mounts().mounts[index].recursive ? AT_RECURSIVE : 0)));
    TRY(sys::mount_setattr(source, AT_RECURSIVE, 0, 0, MS_PRIVATE));
    source = std::move(again);
    return {};
}

Result<sys::Root> root_of(FdView tree) {
    return sys::Root::adopt(TRY(sys::openat2(tree, ".", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT)));
}

// What is said of a mount in a tree of no namespace must be said before it is attached there: EINVAL afterwards. So the
// mount points on a read-only tmpfs are made before it is.
Result<void> finish_detached(InitContext& context, const MountPlan& mount, size_t index) {
    const auto& mounts = context.plan.mounts().mounts;
    const Fd& source = source_of(context, index);
    if (mount.kind == MountKind::tmpfs && (mount.attributes & MOUNT_ATTR_RDONLY)) {
        const sys::Root inside = TRY(root_of(source));
        for (size_t i = index + 1; i < mounts.size(); ++i) {
            if (mounts[i].parent != static_cast<int>(index)) continue;
            const std::string below = mounts[i].destination.substr(mount.destination.size());
            const bool file = mounts[i].kind == MountKind::bind && context.prepared.binds[i].is_file;
            TRY(file ? inside.make_file(below) : inside.make_directory(below));
        }
        TRY(sys::mount_setattr(source, 0, MOUNT_ATTR_RDONLY));
    }
    if (mount.propagation) TRY(sys::mount_setattr(source, mount.recursive ? AT_RECURSIVE : 0, 0, 0, mount.propagation));
    return {};
}

Result<void> attach_detached(InitContext& context, const sys::Root& root, size_t index) {
    const MountPlan& mount = context.plan.mounts().mounts[index];
    const Fd target = TRY(make_target(context, root, index));
    const Fd& source = source_of(context, index);
    if (mount.kind == MountKind::tmpfs) TRY(prepare_tmpfs(mount, source, target));
    TRY(finish_detached(context, mount, index));
    auto moved = sys::move_mount(source, target);
    if (!moved && moved.error().code() == EINVAL)
        return std::move(moved).take_error().hint("without a mount namespace this needs Linux 6.15; add {\"type\": \"mount\"} to $.linux.namespaces");
    return moved;
}

Result<void> attach_one(InitContext& context, const sys::Root& root, const std::optional<sys::Root>& yard, size_t index) {
    const MountPlan& mount = context.plan.mounts().mounts[index];
    if (mount.kind == MountKind::remount) return remount(root, mount);
    if (!has_mount_namespace(context.plan)) return attach_detached(context, root, index);
    if (yard) TRY(clone_in_turn(context, *yard, index));
    const Fd target = TRY(make_target(context, root, index));
    const Fd& source = source_of(context, index);
    if (mount.kind == MountKind::tmpfs) TRY(prepare_tmpfs(mount, source, target));
    TRY(sys::move_mount(source, target));
    if (mount.propagation) TRY(sys::mount_setattr(source, mount.recursive ? AT_RECURSIVE : 0, 0, 0, mount.propagation));
    return {};
}

// In the root, on a volume or a tmpfs; in the kernel's own file systems nothing can be made.
Result<void> create_working_directory(const plan::Plan& plan, const sys::Root& root) {
    const MountPlan* around = nullptr;
    for (const MountPlan& mount : plan.mounts().mounts)
        if (is_at_or_below(plan.process().cwd, mount.destination)) around = &mount;
    const bool writable = !around || around->kind == MountKind::tmpfs || around->kind == MountKind::bind || around->kind == MountKind::other;
    return writable ? make_working_directory(root, plan.process().cwd) : Result<void>();
}

// On top of "/": no directory of the host is needed for it (RECIPES I9). For hooks at its own path, where they look for it:
// what they mount below it, moves with it.
Result<Fd> find_place(InitContext& context) {
    if (!plan::holds_for_hooks(context.plan.hooks())) return sys::open("/", O_PATH | O_DIRECTORY);
    Fd place = TRY(sys::openat2(AT_FDCWD, context.plan.mounts().root.path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW, 0));
    const struct stat status = TRY(sys::fstat(place));
    if (status.st_dev != context.prepared.root_device || status.st_ino != context.prepared.root_inode)
        return Error::invalid("changed while the container was being made");
    return place;
}

// The root tree as it came becomes the yard, where mounts are put to be cloned. Its own clone, on top of it, is the root to pivot
// into; the yard stays with the host's tree.
Result<sys::Root> leave_as_yard(InitContext& context) {
    Fd& tree = context.prepared.tree;
    Fd again = TRY(sys::open_tree(tree, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | AT_RECURSIVE));
    const Fd place = TRY(find_place(context));
    TRY(sys::move_mount(again, place));
    sys::Root yard = TRY(root_of(tree));
    tree = std::move(again);
    return yard;
}

Result<void> attach_all(InitContext& context) {
    const auto& mounts = context.plan.mounts().mounts;
    // The app's user must be able to walk what is made, whatever the caller's umask.
    const mode_t before = ::umask(0);
    const ScopeExit restore([before] { ::umask(before); });
    std::optional<sys::Root> yard;
    if (plan::is_made_out_of_order(context.plan)) yard = TRY(leave_as_yard(context));
    const sys::Root root = TRY(root_of(context.prepared.tree));
    for (size_t i = 0; i < mounts.size(); ++i) TRY_IN(quoted(mounts[i].destination), attach_one(context, root, yard, i));
    TRY(create_working_directory(context.plan, root));
    for (size_t i = 0; has_mount_namespace(context.plan) && i < mounts.size(); ++i)
        if ((mounts[i].attributes & MOUNT_ATTR_RDONLY) && mounts[i].kind == MountKind::tmpfs)
            TRY_IN(quoted(mounts[i].destination), sys::mount_setattr(context.mounts[i], 0, MOUNT_ATTR_RDONLY));
    return {};
}

std::string list_mounts(const plan::Plan& plan) {
    std::string text;
    for (const MountPlan& mount : plan.mounts().mounts)
        text += concat(text.empty() ? "" : ", ", quoted(mount.destination), " ", plan::mount_kind_name(mount.kind));
    return text;
}

}  // namespace

const InitStep make_mounts_private{
    "make mounts private", Phase::mounts, has_mount_namespace,
    [](const plan::Plan&) { return std::string("/ and below: nothing reaches the host's table, nothing comes from it"); },
    [](InitContext&) -> Result<void> {
        const Fd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
        return sys::mount_setattr(root, AT_RECURSIVE, 0, 0, MS_PRIVATE);
    }};

const InitStep make_filesystems{
    "make file systems", Phase::mounts, [](const plan::Plan&) { return true; },
    [](const plan::Plan&) { return std::string("kernel file systems, detached, while the host's /proc and /sys are visible"); }, make_all};

const InitStep attach_root{
    "attach root", Phase::mounts, has_mount_namespace,
    [](const plan::Plan& plan) { return concat(quoted(plan.mounts().root.path), plan.mounts().root.readonly ? " read-only" : "", plan.mounts().root.idmap ? " idmapped" : ""); },
    [](InitContext& context) -> Result<void> {
        const Fd place = TRY_IN(quoted(context.plan.mounts().root.path), find_place(context));
        return sys::move_mount(context.prepared.tree, place);
    }};

const InitStep attach_mounts{
    "attach mounts", Phase::mounts, [](const plan::Plan& plan) { return !plan.mounts().mounts.empty() || plan.process().cwd != "/"; }, list_mounts, attach_all};

}  // namespace casemate::steps::init

// Root file system and volumes, as descriptors: resolved once, cloned detached, given their flags while detached, so
// that there is never a writable window and no path is resolved in the new namespace (SECURITY I1, I3).
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "base/scope_exit.h"
#include "base/text.h"
#include "steps/host/id_namespace.h"
#include "steps/host/steps.h"
#include "steps/mounts.h"
#include "sys/call.h"

namespace casemate::steps {

// The tree first, then its top: "rro,rw" is a writable top. What is cleared below must have been asked for by name
// ("rrw"): mounts of the host that are read-only or nosuid stay so otherwise.
Result<void> set_bind_attributes(FdView tree, const plan::MountPlan& mount) {
    if (mount.tree_attributes | mount.tree_clear_attributes)
        TRY(sys::mount_setattr(tree, AT_RECURSIVE, mount.tree_attributes, mount.tree_clear_attributes));
    // An atime mode is only set where the whole field is cleared in the same call.
    const uint64_t clear = mount.clear_attributes | (mount.attributes & MOUNT_ATTR__ATIME ? uint64_t{MOUNT_ATTR__ATIME} : 0);
    if (mount.attributes | clear) TRY(sys::mount_setattr(tree, 0, mount.attributes, clear));
    return {};
}

Result<void> make_working_directory(const sys::Root& root, const std::string& cwd) {
    if (cwd == "/") return {};
    auto made = root.make_directory(cwd);
    if (made || made.error().code() == EROFS || made.error().code() == EACCES || made.error().code() == EPERM) return {};
    return std::move(made).take_error().within(concat("working directory ", quoted(cwd)));
}

namespace host {
namespace {

constexpr uint64_t ms_private = 1 << 18;  // <sys/mount.h> clashes with <linux/mount.h>

bool is_rootless(const plan::Plan& plan) { return plan.ids().mode == plan::Mode::rootless; }

bool has_binds(const plan::Plan& plan) {
    for (const plan::MountPlan& mount : plan.mounts().mounts)
        if (mount.kind == plan::MountKind::bind) return true;
    return false;
}

Result<void> open_sources(HostContext& context) {
    const auto& mounts = context.plan.mounts().mounts;
    context.prepared.binds.resize(mounts.size());
    for (size_t i = 0; i < mounts.size(); ++i) {
        if (mounts[i].kind != plan::MountKind::bind) continue;
        BindSource& bind = context.prepared.binds[i];
        // The operator's path, opened once; from here on it is this inode (CVE-2021-25741). Where the runtime judged a
        // resolved path, a link that appeared since is an error.
        const uint64_t resolve = mounts[i].resolved ? RESOLVE_NO_SYMLINKS : 0;
        bind.path = TRY_IN(quoted(mounts[i].source), sys::openat2(AT_FDCWD, mounts[i].source.c_str(), O_PATH, resolve));
        const struct stat status = TRY_IN(quoted(mounts[i].source), sys::fstat(bind.path));
        if (mounts[i].destination == "/proc" && TRY(sys::filesystem_magic(bind.path)) != PROC_SUPER_MAGIC)
            return Error::invalid(concat(quoted(mounts[i].source), ": is no procfs, and would be the container's /proc"));
        bind.device = status.st_dev;
        bind.inode = status.st_ino;
        bind.is_file = !S_ISDIR(status.st_mode);
        if (!mounts[i].uid_map.empty())
            bind.userns = TRY_IN(quoted(mounts[i].source), user_namespace_of(*context.proc, mounts[i].uid_map, mounts[i].gid_map));
    }
    return {};
}

// "/var/run/app" of an image with /var/run -> /run is mounted on /run/app: verify must look for it there.
Result<void> note_where_it_leads(HostContext& context, const std::string& destination, FdView point) {
    const std::string root = TRY(context.proc->descriptor_path(context.prepared.root->fd()));
    const std::string path = TRY(context.proc->descriptor_path(point));
    const std::string prefix = root == "/" ? "" : root;
    if (!path.starts_with(prefix) || path.substr(prefix.size()) == destination) return {};
    context.prepared.reached[destination] = path.substr(prefix.size());
    return {};
}

// In a root that init gets read-only; elsewhere init makes it, as the container's own ids.
Result<void> create_working_directory(HostContext& context) {
    const std::string& cwd = context.plan.process().cwd;
    if (!context.plan.mounts().root.readonly) return {};
    for (const plan::MountPlan& mount : context.plan.mounts().mounts)
        if (is_at_or_below(cwd, mount.destination)) return {};
    return make_working_directory(*context.prepared.root, cwd);
}

Result<void> create_points(HostContext& context) {
    const auto& mounts = context.plan.mounts().mounts;
    // The app's user must be able to walk what is made, whatever the caller's umask.
    const mode_t before = ::umask(0);
    const ScopeExit restore([before] { ::umask(before); });
    for (size_t i = 0; i < mounts.size(); ++i) {
        if (mounts[i].parent >= 0 || mounts[i].kind == plan::MountKind::remount) continue;
        const bool file = mounts[i].kind == plan::MountKind::bind && context.prepared.binds[i].is_file;
        const std::string where = concat("mount point ", quoted(mounts[i].destination));
        const Fd point = TRY_IN(where, file ? context.prepared.root->make_file(mounts[i].destination)
                                            : context.prepared.root->make_directory(mounts[i].destination));
        TRY_IN(where, note_where_it_leads(context, mounts[i].destination, point));
    }
    return create_working_directory(context);
}

// A clone stays in the host's peer group: what is mounted in it would show on the host, and pivot_root into a shared
// mount is EINVAL. Under systemd every mount is shared.
Result<void> leave_peer_group(FdView tree) { return sys::mount_setattr(tree, AT_RECURSIVE, 0, 0, ms_private); }

Result<void> set_idmap(FdView tree, bool recursive, int userns) {
    auto done = sys::mount_setattr(tree, recursive ? AT_RECURSIVE : 0, MOUNT_ATTR_IDMAP, 0, 0, userns);
    if (!done)
        return std::move(done).take_error().hint(
            "this file system cannot be idmapped; use a directory on ext4, xfs or btrfs, or waive namespaces.private 'user'");
    return done;
}

// Attributes of every tree whose idmap is as `idmapped` says.
Result<void> set_all_attributes(HostContext& context, bool idmapped, int userns) {
    const plan::MountsPlan& plan = context.plan.mounts();
    if (plan.root.idmap == idmapped && !plan.root.layered()) {
        if (idmapped) TRY_IN(quoted(plan.root.path), set_idmap(context.prepared.tree, true, userns));
        if (const uint64_t attributes = plan.root.attributes())
            TRY_IN(quoted(plan.root.path), sys::mount_setattr(context.prepared.tree, AT_RECURSIVE, attributes));
    }
    for (size_t i = 0; i < plan.mounts.size(); ++i) {
        const plan::MountPlan& mount = plan.mounts[i];
        if (mount.kind != plan::MountKind::bind) continue;
        const BindSource& bind = context.prepared.binds[i];
        const bool by_container = mount.idmap && !bind.userns;
        if (by_container != idmapped) continue;
        if (mount.idmap) TRY_IN(quoted(mount.source), set_idmap(bind.tree, mount.idmap_recursive, bind.userns ? bind.userns.get() : userns));
        TRY_IN(quoted(mount.source), set_bind_attributes(bind.tree, mount));
    }
    return {};
}

}  // namespace

// A bundle's `rootfs` is image data: its last component is never followed (SECURITY 3.A, Incus).
const HostStep open_root{
    "open root", Phase::prepare, [](const plan::Plan& plan) { return !plan.mounts().root.layered(); },
    [](const plan::Plan& plan) { return quoted(plan.mounts().root.path); },
    [](HostContext& context) -> Result<void> {
        context.prepared.root = TRY(sys::Root::open(context.plan.mounts().root.path));
        const struct stat status = TRY(sys::fstat(context.prepared.root->fd()));
        context.prepared.root_device = status.st_dev;
        context.prepared.root_inode = status.st_ino;
        return {};
    }};

const HostStep open_bind_sources{
    "open bind sources", Phase::prepare, has_binds,
    [](const plan::Plan& plan) {
        std::string text;
        for (const plan::MountPlan& mount : plan.mounts().mounts)
            if (mount.kind == plan::MountKind::bind) text += (text.empty() ? "" : ", ") + quoted(mount.source);
        return text;
    },
    open_sources};

// Before idmap (host root would get EOVERFLOW) and read-only (EROFS): RECIPES H5. In the root through the resolver.
const HostStep create_mount_points{
    "create mount points", Phase::prepare, [](const plan::Plan& plan) { return !plan.mounts().mounts.empty() || plan.process().cwd != "/"; },
    [](const plan::Plan&) { return std::string("what is missing, one component at a time"); }, create_points};

// Rootless has no CAP_SYS_ADMIN over the host's mount namespace: init clones, after checking the identity (I8).
const HostStep clone_trees{
    "clone trees", Phase::prepare, [](const plan::Plan& plan) { return !is_rootless(plan) || plan.mounts().root.layered(); },
    [](const plan::Plan& plan) { return std::string(is_rootless(plan) ? "by init; the view of the layers is closed" : "root file system and volumes, detached"); },
    [](HostContext& context) -> Result<void> {
        constexpr unsigned clone = AT_EMPTY_PATH | OPEN_TREE_CLONE;
        const plan::MountsPlan& plan = context.plan.mounts();
        if (plan.root.layered()) {
            // The view has served: its upper is about to become a layer, and init must not inherit it.
            context.prepared.root.reset();
            if (is_rootless(context.plan)) return {};
        } else {
            context.prepared.tree = TRY_IN(quoted(plan.root.path), sys::open_tree(context.prepared.root->fd(), "", clone | AT_RECURSIVE));
            TRY_IN(quoted(plan.root.path), leave_peer_group(context.prepared.tree));
        }
        for (size_t i = 0; i < plan.mounts.size(); ++i) {
            if (plan.mounts[i].kind != plan::MountKind::bind) continue;
            BindSource& bind = context.prepared.binds[i];
            bind.tree = TRY_IN(quoted(plan.mounts[i].source),
                               sys::open_tree(bind.path, "", clone | (plan.mounts[i].recursive ? AT_RECURSIVE : 0)));
            if (plan.mounts[i].propagation == 0) TRY_IN(quoted(plan.mounts[i].source), leave_peer_group(bind.tree));
        }
        return set_all_attributes(context, false, -1);
    }};

// Idmapped trees get their map and flags in one call once init's user namespace has its maps (RECIPES H13).
const HostStep set_tree_attributes{
    "idmap trees", Phase::adopt,
    [](const plan::Plan& plan) {
        if (is_rootless(plan)) return false;
        if (plan.mounts().root.idmap && !plan.mounts().root.layered()) return true;
        for (const plan::MountPlan& mount : plan.mounts().mounts)
            if (mount.idmap && mount.uid_map.empty()) return true;
        return false;
    },
    [](const plan::Plan& plan) { return concat("ids of the container's range, host base ", plan.ids().owner_uid); },
    [](HostContext& context) -> Result<void> {
        const Fd userns = TRY(context.proc->namespace_fd(std::to_string(context.pid), "user"));
        return set_all_attributes(context, true, userns.get());
    }};

}  // namespace host
}  // namespace casemate::steps

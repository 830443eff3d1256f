// Without root the host cannot clone trees of its own mount namespace, and descriptors opened there are EINVAL for
// open_tree in ours: init opens every path again and compares the inode with the one the host saw (RECIPES I8).
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "steps/devices.h"
#include "steps/init/steps.h"
#include "steps/layers.h"
#include "steps/mounts.h"
#include "sys/call.h"

namespace casemate::steps::init {
namespace {

constexpr unsigned clone = AT_EMPTY_PATH | OPEN_TREE_CLONE | AT_RECURSIVE;

Result<Fd> clone_again(const std::string& path, bool follow, dev_t device, ino_t inode) {
    const Fd again = TRY(sys::openat2(AT_FDCWD, path.c_str(), O_PATH | (follow ? 0 : O_NOFOLLOW), 0));
    const struct stat status = TRY(sys::fstat(again));
    if (status.st_dev != device || status.st_ino != inode) return Error::invalid("changed while the container was being made");
    // Recursive always: a tree with locked submounts is EINVAL otherwise.
    return sys::open_tree(again, "", clone);
}

Result<Fd> clone_node(const plan::DeviceNode& node) {
    const Fd found = TRY(sys::openat2(AT_FDCWD, node.path.c_str(), O_PATH | O_NOFOLLOW, 0));
    const struct stat status = TRY(sys::fstat(found));
    if ((node.type == 'b' ? !S_ISBLK(status.st_mode) : !S_ISCHR(status.st_mode)) || status.st_rdev != ::makedev(node.major, node.minor))
        return Error::invalid("is not the device that it should be");
    Fd tree = TRY(sys::open_tree(found, "", AT_EMPTY_PATH | OPEN_TREE_CLONE));
    TRY(sys::mount_setattr(tree, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
    return tree;
}

Result<void> make_dev(InitContext& context, size_t index) {
    const auto& devices = context.plan.mounts().devices;
    Fd dev = TRY(make_dev_filesystem(context.plan, index));
    const sys::Root root = sys::Root::adopt(TRY(sys::openat2(dev, ".", O_PATH | O_DIRECTORY, 0)));
    for (const plan::DeviceNode& node : devices) {
        const std::string name = node.path.substr(sizeof "/dev/" - 1);
        if (const size_t slash = name.rfind('/'); slash != std::string::npos) TRY_IN(quoted(node.path), root.make_directory(name.substr(0, slash)));
        // Only a FIFO can be made without root.
        if (node.type == 'p' && ::mknodat(dev.get(), name.c_str(), S_IFIFO | node.mode, 0) < 0) return Error::sys("mknodat").within(quoted(node.path));
        if (node.type == 'p') continue;
        TRY_IN(quoted(node.path), root.make_file(name, 0666));
    }
    TRY(fill_dev_directories(context.plan, context.prepared.binds, index, dev));
    context.prepared.dev = std::move(dev);
    return {};
}

Result<Fd> clone_root(const Prepared& prepared, const plan::RootPlan& root) {
    Fd tree = TRY(clone_again(root.path, false, prepared.root_device, prepared.root_inode));
    TRY(sys::mount_setattr(tree, AT_RECURSIVE, root.attributes()));
    return tree;
}

Result<Fd> stack_again(const plan::RootPlan& root, const Layers& seen) { return make_root(TRY(find_layers_again(root, seen)), root); }

Result<void> clone_all(InitContext& context) {
    const plan::MountsPlan& plan = context.plan.mounts();
    const plan::RootPlan& root = plan.root;
    context.prepared.tree = TRY_IN(quoted(root.path), root.layered() ? stack_again(root, context.prepared.layers) : clone_root(context.prepared, root));
    for (const auto* nodes : {&plan.devices, &plan.root_devices})
        for (const plan::DeviceNode& node : *nodes)
            if (node.type != 'p') context.device_nodes.push_back(TRY_IN(quoted(node.path), clone_node(node)));
    for (size_t i = 0; i < plan.mounts.size(); ++i) {
        const plan::MountPlan& mount = plan.mounts[i];
        if (mount.kind == plan::MountKind::dev) TRY_IN(quoted(mount.destination), make_dev(context, i));
        if (mount.kind != plan::MountKind::bind) continue;
        BindSource& bind = context.prepared.binds[i];
        bind.tree = TRY_IN(quoted(mount.source), clone_again(mount.source, true, bind.device, bind.inode));
        TRY_IN(quoted(mount.source), set_bind_attributes(bind.tree, mount));
    }
    return {};
}

}  // namespace

const InitStep clone_trees_rootless{
    "clone trees again", Phase::mounts, [](const plan::Plan& plan) { return plan.ids().mode == plan::Mode::rootless; },
    [](const plan::Plan&) { return std::string("by path in the own mount namespace, identity compared"); }, clone_all};

// The host's device nodes, bound one by one: mknod is EPERM in a user namespace.
const InitStep attach_devices_rootless{
    "attach device nodes", Phase::mounts,
    [](const plan::Plan& plan) {
        return plan.ids().mode == plan::Mode::rootless && (plan.mounts().make_dev || !plan.mounts().root_devices.empty());
    },
    [](const plan::Plan& plan) {
        return concat(plan.mounts().devices.size() + plan.mounts().root_devices.size(), " nodes of the host, verified");
    },
    [](InitContext& context) -> Result<void> {
        const sys::Root root = sys::Root::adopt(TRY(sys::openat2(context.prepared.tree, ".", O_PATH | O_DIRECTORY, 0)));
        size_t next = 0;
        for (const plan::DeviceNode& node : context.plan.mounts().devices)
            if (node.type != 'p')
                TRY_IN(quoted(node.path), sys::move_mount_at(context.device_nodes[next++], context.prepared.dev, node.path.substr(sizeof "/dev/" - 1).c_str()));
        for (const plan::DeviceNode& node : context.plan.mounts().root_devices) {
            if (node.type == 'p') continue;
            const Fd place = TRY_IN(quoted(node.path), root.resolve(node.path));
            TRY_IN(quoted(node.path), sys::move_mount(context.device_nodes[next++], place));
        }
        for (const plan::MountPlan& mount : context.plan.mounts().mounts)
            if (mount.kind == plan::MountKind::dev && (mount.attributes & MOUNT_ATTR_RDONLY))
                TRY_IN(quoted(mount.destination), sys::mount_setattr(context.prepared.dev, 0, MOUNT_ATTR_RDONLY));
        return {};
    }};

}  // namespace casemate::steps::init

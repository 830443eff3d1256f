// The whole /dev, made by the host as one detached tmpfs: mknod in a user namespace is EPERM, and a super-block of the
// host has no implicit nodev, so its nodes work inside without a bind per node (RECIPES H6). The nodes are ours, never
// the image's (SECURITY I5).
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/scope_exit.h"
#include "base/text.h"
#include "steps/devices.h"
#include "steps/host/steps.h"
#include "sys/call.h"

namespace casemate::steps {

Result<Fd> make_dev_filesystem(const plan::Plan& plan, size_t index) {
    const plan::MountPlan& mount = plan.mounts().mounts[index];
    sys::MountBuilder builder = TRY(sys::MountBuilder::open("tmpfs"));
    for (const auto& [key, value] : mount.options) TRY(value.empty() ? builder.flag(key.c_str()) : builder.set(key.c_str(), value.c_str()));
    if (plan.ids().mode == plan::Mode::root_userns) {
        TRY(builder.set("uid", std::to_string(plan.ids().owner_uid).c_str()));
        TRY(builder.set("gid", std::to_string(plan.ids().owner_gid).c_str()));
    }
    // Not yet read-only: it is filled first.
    return builder.mount(mount.attributes & ~uint64_t{MOUNT_ATTR_RDONLY});
}

Result<void> fill_dev_directories(const plan::Plan& plan, const std::vector<BindSource>& binds, size_t dev_index, FdView dev) {
    static constexpr const char* links[][2] = {{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
                                               {"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"}};
    for (const auto& link : links)
        if (::symlinkat(link[0], dev.get(), link[1]) < 0) return Error::sys("symlinkat").within(link[1]);
    if (plan.process().terminal) {
        const sys::Root root = sys::Root::adopt(TRY(sys::openat2(dev, ".", O_PATH | O_DIRECTORY, 0)));
        TRY_IN("'/dev/console'", root.make_file("console"));
    }
    const auto& mounts = plan.mounts().mounts;
    for (size_t i = 0; i < mounts.size(); ++i) {
        if (mounts[i].parent != static_cast<int>(dev_index)) continue;
        const std::string name = mounts[i].destination.substr(sizeof "/dev/" - 1);
        const sys::Root root = sys::Root::adopt(TRY(sys::openat2(dev, ".", O_PATH | O_DIRECTORY, 0)));
        const bool file = mounts[i].kind == plan::MountKind::bind && binds[i].is_file;
        TRY_IN(quoted(mounts[i].destination), file ? root.make_file(name) : root.make_directory(name));
    }
    return {};
}

namespace host {
namespace {

mode_t type_bits(char type) { return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR; }

Result<void> make_node(FdView dev, const plan::DeviceNode& node, const plan::IdsPlan& ids) {
    const std::string name = node.path.substr(sizeof "/dev/" - 1);
    const sys::Root root = sys::Root::adopt(TRY(sys::openat2(dev, ".", O_PATH | O_DIRECTORY, 0)));
    const size_t slash = name.rfind('/');
    const Fd parent = TRY(root.make_directory(slash == std::string::npos ? "/" : name.substr(0, slash)));
    const std::string leaf = slash == std::string::npos ? name : name.substr(slash + 1);
    if (::mknodat(parent.get(), leaf.c_str(), type_bits(node.type) | node.mode, ::makedev(node.major, node.minor)) < 0)
        return Error::sys("mknodat");
    if (node.uid + ids.owner_uid == 0 && node.gid + ids.owner_gid == 0) return {};
    if (::fchownat(parent.get(), leaf.c_str(), node.uid + ids.owner_uid, node.gid + ids.owner_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return Error::sys("fchownat");
    return {};
}

Result<void> make_all(HostContext& context) {
    const plan::MountsPlan& mounts = context.plan.mounts();
    const mode_t before = ::umask(0);
    const ScopeExit restore([before] { ::umask(before); });
    for (size_t i = 0; i < mounts.mounts.size(); ++i) {
        if (mounts.mounts[i].kind != plan::MountKind::dev) continue;
        Fd dev = TRY(make_dev_filesystem(context.plan, i));
        for (const plan::DeviceNode& node : mounts.devices) TRY_IN(quoted(node.path), make_node(dev, node, context.plan.ids()));
        TRY(fill_dev_directories(context.plan, context.prepared.binds, i, dev));
        if (mounts.mounts[i].attributes & MOUNT_ATTR_RDONLY) TRY(sys::mount_setattr(dev, 0, MOUNT_ATTR_RDONLY));
        context.prepared.dev = std::move(dev);
    }
    return {};
}

}  // namespace

const HostStep make_devices{
    "make devices", Phase::prepare,
    [](const plan::Plan& plan) { return plan.mounts().make_dev && plan.ids().mode != plan::Mode::rootless; },
    [](const plan::Plan& plan) { return concat("/dev as a detached tmpfs with ", plan.mounts().devices.size(), " nodes"); }, make_all};

}  // namespace host
}  // namespace casemate::steps

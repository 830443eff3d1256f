// The whole /dev, made by the host as one detached tmpfs: mknod in a user namespace is EPERM, and a super-block of the
// host has no implicit nodev, so its nodes work inside without a bind per node (RECIPES H6). The nodes are ours, never
// the image's (SECURITY I5). Without a user namespace init makes the same in its turn: what lists mounts by their age
// (mountinfo since 6.8) then shows them in config.json's order (config.md, Mounts).
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "base/scope_exit.h"
#include "base/text.h"
#include "steps/devices.h"
#include "steps/host/steps.h"
#include "sys/call.h"

namespace casemate::steps {
namespace {

struct Link {
    const char *target, *name;
};
// runtime-linux.md, Dev symbolic links; ptmx as config-linux.md wants it.
constexpr Link standard_links[] = {{"/proc/self/fd", "fd"},         {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
                                   {"/proc/self/fd/2", "stderr"},   {"pts/ptmx", "ptmx"}};

}  // namespace

Result<Fd> make_dev_filesystem(const plan::Plan& plan, size_t index) {
    const plan::MountPlan& mount = plan.mounts().mounts[index];
    sys::MountBuilder builder = TRY(sys::MountBuilder::open("tmpfs"));
    if (!mount.source.empty()) TRY(builder.set("source", mount.source.c_str()));
    for (const auto& [key, value] : mount.options) TRY(value.empty() ? builder.flag(key.c_str()) : builder.set(key.c_str(), value.c_str()));
    if (plan.ids().mode == plan::Mode::root_userns) {
        TRY(builder.set("uid", std::to_string(plan.ids().owner_uid).c_str()));
        TRY(builder.set("gid", std::to_string(plan.ids().owner_gid).c_str()));
    }
    // Not yet read-only: it is filled first.
    return builder.mount(mount.attributes & ~uint64_t{MOUNT_ATTR_RDONLY});
}

Result<void> fill_dev_directories(const plan::Plan& plan, const std::vector<BindSource>& binds, size_t dev_index, FdView dev) {
    for (const auto& link : standard_links)
        if (::symlinkat(link.target, dev.get(), link.name) < 0) return Error::sys("symlinkat").within(link.name);
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

namespace {

mode_t type_bits(char type) { return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR; }

// An id that the container does not have: the host's root, as a host's own node would show.
uint32_t outside(const std::vector<plan::IdMapping>& map, uint32_t inside) {
    if (map.empty()) return inside;
    for (const plan::IdMapping& line : map)
        if (inside >= line.inside && inside - line.inside < line.count) return line.outside + (inside - line.inside);
    return 0;
}

// A node that is there must be the one that was asked for: a bundle that is started again has it.
Result<void> check_existing(FdView parent, const std::string& leaf, const plan::DeviceNode& node) {
    const struct stat status = TRY(sys::fstatat(parent, leaf.c_str(), AT_SYMLINK_NOFOLLOW));
    const bool same = (status.st_mode & S_IFMT) == type_bits(node.type) && (node.type == 'p' || status.st_rdev == ::makedev(node.major, node.minor));
    if (!same) return Error::from_errno(EEXIST, "something else is at its place in the image");
    return {};
}

// `name` in `root`, parents included.
Result<void> make_node(const sys::Root& root, const std::string& name, const plan::DeviceNode& node, const plan::IdsPlan& ids) {
    const size_t slash = name.rfind('/');
    const Fd parent = TRY(root.make_directory(slash == std::string::npos || slash == 0 ? "/" : name.substr(0, slash)));
    const std::string leaf = slash == std::string::npos ? name : name.substr(slash + 1);
    const dev_t number = node.type == 'p' ? 0 : ::makedev(node.major, node.minor);
    if (::mknodat(parent.get(), leaf.c_str(), type_bits(node.type) | node.mode, number) < 0) {
        if (errno == EEXIST) return check_existing(parent, leaf, node);
        return Error::sys("mknodat");
    }
    const uint32_t uid = outside(ids.uid_map, node.uid), gid = outside(ids.gid_map, node.gid);
    if (uid == 0 && gid == 0) return {};
    if (::fchownat(parent.get(), leaf.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) < 0) return Error::sys("fchownat");
    return {};
}

}  // namespace

Result<Fd> make_dev(const plan::Plan& plan, const std::vector<BindSource>& binds, size_t index) {
    const mode_t before = ::umask(0);
    const ScopeExit restore([before] { ::umask(before); });
    Fd dev = TRY(make_dev_filesystem(plan, index));
    const sys::Root root = sys::Root::adopt(TRY(sys::openat2(dev, ".", O_PATH | O_DIRECTORY, 0)));
    for (const plan::DeviceNode& node : plan.mounts().devices)
        TRY_IN(quoted(node.path), make_node(root, node.path.substr(sizeof "/dev/" - 1), node, plan.ids()));
    TRY(fill_dev_directories(plan, binds, index, dev));
    if (plan.mounts().mounts[index].attributes & MOUNT_ATTR_RDONLY) TRY(sys::mount_setattr(dev, 0, MOUNT_ATTR_RDONLY));
    return dev;
}

namespace host {
namespace {

Result<void> make_in_root(HostContext& context) {
    const mode_t before = ::umask(0);
    const ScopeExit restore([before] { ::umask(before); });
    const plan::Plan& plan = context.plan;
    const sys::Root& root = *context.prepared.root;
    for (const plan::DeviceNode& node : plan.mounts().root_devices) {
        // Rootless a node is a file on which init binds the host's.
        if (plan.ids().mode == plan::Mode::rootless && node.type != 'p') {
            TRY_IN(quoted(node.path), root.make_file(node.path));
        } else {
            TRY_IN(quoted(node.path), make_node(root, node.path, node, plan.ids()));
        }
    }
    const auto in_dev = [](const plan::DeviceNode& node) { return is_at_or_below(node.path, "/dev"); };
    if (std::ranges::none_of(plan.mounts().root_devices, in_dev)) return {};
    const Fd dev = TRY(root.make_directory("/dev"));
    for (const auto& link : standard_links)
        if (::symlinkat(link.target, dev.get(), link.name) < 0 && errno != EEXIST) return Error::sys("symlinkat").within(link.name);
    return {};
}

Result<void> make_all(HostContext& context) {
    const auto& mounts = context.plan.mounts().mounts;
    for (size_t i = 0; i < mounts.size(); ++i)
        if (mounts[i].kind == plan::MountKind::dev) context.prepared.dev = TRY(make_dev(context.plan, context.prepared.binds, i));
    return {};
}

}  // namespace

// In the bundle itself, as nothing is mounted at /dev or over the path: before idmap and read-only, through the resolver.
const HostStep make_root_devices{
    "make devices in the root", Phase::prepare, [](const plan::Plan& plan) { return !plan.mounts().root_devices.empty(); },
    [](const plan::Plan& plan) { return concat(plan.mounts().root_devices.size(), " nodes in the root file system"); }, make_in_root};

const HostStep make_devices{
    "make devices", Phase::prepare,
    [](const plan::Plan& plan) { return plan.mounts().make_dev && plan.ids().mode == plan::Mode::root_userns; },
    [](const plan::Plan& plan) { return concat("/dev as a detached tmpfs with ", plan.mounts().devices.size(), " nodes"); }, make_all};

}  // namespace host
}  // namespace casemate::steps

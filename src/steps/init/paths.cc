// Masked and read-only paths. A mask is the empty file or the empty directory of one read-only tmpfs of our own, never a device
// node: a bind of the image's /dev/null would be a read-write bind of whatever it really is (CVE-2025-31133).
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <unistd.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {
namespace {

struct Target {
    const std::string* path;
    Fd fd;
    bool directory;
};

struct Start {
    FdView directory;
    std::string rest;  // of the path, from there
};

// What lies in a kernel file system of the plan is looked up from that mount itself. By its name it could be missed: a
// neighbour that shares the root file system may let its "/proc" and a link change places for as long as a look takes, and
// what is not found counts as what the kernel does not have (CVE-2019-19921, CVE-2023-27561).
Start start_of(const InitContext& context, FdView root, const std::string& path) {
    Start start{root, path.substr(1)};
    const auto& mounts = context.plan.mounts().mounts;
    size_t deepest = 0;
    for (size_t i = 0; i < mounts.size(); ++i) {
        const std::string& destination = mounts[i].destination;
        if (mounts[i].kind == plan::MountKind::remount || destination.size() < deepest || path == destination || !is_at_or_below(path, destination)) continue;
        deepest = destination.size();
        const bool kernels = mounts[i].kind == plan::MountKind::proc || mounts[i].kind == plan::MountKind::sysfs || mounts[i].kind == plan::MountKind::cgroup2;
        const bool covers = mounts[i].kind == plan::MountKind::bind && (is_at_or_below(destination, "/proc") || is_at_or_below(destination, "/sys"));
        const FdView mount = kernels ? FdView(context.mounts[i]) : covers ? FdView(context.prepared.binds[i].tree) : FdView(-1);
        start = mount.get() < 0 ? Start{root, path.substr(1)} : Start{mount, path.substr(destination.size() + 1)};
    }
    return start;
}

// Paths that the kernel does not have need no mask; whatever else goes wrong is an error.
Result<std::vector<Target>> open_targets(const InitContext& context, const std::vector<std::string>& paths) {
    const Fd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    std::vector<Target> targets;
    for (const std::string& path : paths) {
        const Start start = start_of(context, root, path);
        auto found = sys::openat2(start.directory, start.rest.c_str(), O_PATH | O_NOFOLLOW, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
        if (!found && (found.error().code() == ENOENT || found.error().code() == ENOTDIR)) continue;
        if (!found) return std::move(found).take_error().within(quoted(path));
        Fd fd = std::move(found).take();
        const struct stat status = TRY_IN(quoted(path), sys::fstat(fd));
        if (S_ISLNK(status.st_mode)) return Error::from_errno(ELOOP, "a symbolic link is in the way").within(quoted(path));
        targets.push_back({&path, std::move(fd), S_ISDIR(status.st_mode)});
    }
    return targets;
}

Result<Fd> make_mask() {
    sys::MountBuilder builder = TRY(sys::MountBuilder::open("tmpfs"));
    TRY(builder.set("mode", "0555"));
    TRY(builder.set("size", "4k"));
    TRY(builder.set("nr_inodes", "4"));
    Fd mask = TRY(builder.mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
    const Fd file = TRY(sys::openat2(mask, "file", O_CREAT | O_EXCL | O_RDONLY, 0, 0444));
    TRY(sys::mkdirat(mask, "directory", 0555));
    TRY(sys::mount_setattr(mask, 0, MOUNT_ATTR_RDONLY));
    return mask;
}

// Clones are taken from the *attached* mask: cloning from a detached mount is EINVAL before 6.15 (RECIPES I12). It is
// attached to "/" for the moment and leaves when it is unmounted there; the clones stay.
Result<void> mask_all(InitContext& context) {
    const std::vector<Target> targets = TRY(open_targets(context, context.plan.mounts().masked_paths));
    if (targets.empty()) return {};
    const Fd mask = TRY(make_mask());
    const Fd top = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    // In a tree of no namespace nothing could be unmounted again, and its kernels [6.15] clone the detached.
    const bool attached = context.plan.namespaces().is_apart("mount");
    if (attached) TRY(sys::move_mount(mask, top));
    for (const Target& target : targets) {
        const char* source = target.directory ? "directory" : "file";
        const Fd clone = TRY_IN(quoted(*target.path), sys::open_tree(mask, source, OPEN_TREE_CLONE));
        TRY_IN(quoted(*target.path), sys::move_mount(clone, target.fd));
    }
    if (!attached) return {};
    if (::fchdir(mask.get()) < 0) return Error::sys("fchdir");
    TRY(sys::unmount_detached("."));
    if (::chdir("/") < 0) return Error::sys("chdir");
    return {};
}

Result<void> protect_all(InitContext& context) {
    for (const Target& target : TRY(open_targets(context, context.plan.mounts().readonly_paths))) {
        const Fd clone = TRY_IN(quoted(*target.path), sys::open_tree(target.fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | AT_RECURSIVE));
        TRY_IN(quoted(*target.path), sys::mount_setattr(clone, AT_RECURSIVE, MOUNT_ATTR_RDONLY));
        TRY_IN(quoted(*target.path), sys::move_mount(clone, target.fd));
    }
    return {};
}

}  // namespace

const InitStep mask_paths{
    "mask paths", Phase::paths, [](const plan::Plan& plan) { return !plan.mounts().masked_paths.empty(); },
    [](const plan::Plan& plan) { return join(plan.mounts().masked_paths, " "); }, mask_all};

const InitStep make_paths_readonly{
    "make paths read-only", Phase::paths, [](const plan::Plan& plan) { return !plan.mounts().readonly_paths.empty(); },
    [](const plan::Plan& plan) { return join(plan.mounts().readonly_paths, " "); }, protect_all};

}  // namespace casemate::steps::init

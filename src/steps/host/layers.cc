// The root of an image that lies in the store as layers: an overlay, made by the host (init may not: its descriptors of
// the layers are EPERM there) and attached by init alone. RECIPES section 3.
//
// On top lies a directory of the container's own. Missing mount points are made through a first overlay that writes
// there, so that the kernel resolves the image's links and copies the directories above them; the final overlay then
// reads it as one layer more. The shared layers are never written to. A directory on disk, not a tmpfs: a tmpfs can be
// idmapped since 6.3 only, and only what is attached can be cloned before 6.15.
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>

#include "base/text.h"
#include "steps/host/steps.h"
#include "sys/call.h"
#include "sys/overlay.h"

namespace casemate::steps::host {
namespace {

constexpr const char* upper = "upper";
constexpr const char* work = "work";
constexpr const char* view_work = "view";
constexpr uint64_t layer_attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

bool is_layered(const plan::Plan& plan) { return plan.mounts().root.layered(); }

Result<Fd> clone(FdView directory, const char* below = "") {
    Fd tree = TRY(sys::open_tree(directory, below, OPEN_TREE_CLONE | (*below ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH)));
    TRY(sys::mount_setattr(tree, 0, 0, 0, uint64_t{1} << 18));  // MS_PRIVATE: out of the host's peer group
    return tree;
}

// "/" inside takes its owner, mode and times from the topmost directory: they are the image's.
Result<void> make_upper(FdView own, FdView top_layer) {
    const struct stat image = TRY(sys::fstat(top_layer));
    TRY(sys::mkdirat(own, upper, 0700));
    const Fd made = TRY(sys::openat2(own, upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0));
    if (::fchown(made.get(), image.st_uid, image.st_gid) < 0) return Error::sys("fchown");
    if (::fchmod(made.get(), image.st_mode & 07777) < 0) return Error::sys("fchmod");
    const timespec times[2] = {image.st_mtim, image.st_mtim};
    if (::futimens(made.get(), times) < 0) return Error::sys("futimens");
    TRY(sys::mkdirat(own, work, 0700));
    return sys::mkdirat(own, view_work, 0700);
}

struct Clones {
    std::vector<Fd> trees;
    std::vector<FdView> views() const { return {trees.begin(), trees.end()}; }
};

Result<Clones> clone_layers(const std::vector<Fd>& layers) {
    Clones clones;
    for (const Fd& layer : layers) clones.trees.push_back(TRY(clone(layer)));
    return clones;
}

Result<void> open_all(HostContext& context) {
    const plan::RootPlan& root = context.plan.mounts().root;
    constexpr int directory = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    Prepared& prepared = context.prepared;
    for (const std::string& path : root.layers) prepared.layers.push_back(TRY_IN(quoted(path), sys::open(path.c_str(), directory)));
    prepared.own = TRY_IN(quoted(root.own), sys::open(root.own.c_str(), directory));
    TRY_IN(quoted(root.own), make_upper(prepared.own, prepared.layers.front()));
    const Clones clones = TRY(clone_layers(prepared.layers));
    const Fd own = TRY(clone(prepared.own));
    const Fd view = TRY(sys::make_overlay({clones.views(), own, upper, view_work}, layer_attributes | MOUNT_ATTR_NOEXEC));
    prepared.root = sys::Root::adopt(TRY(sys::openat2(view, ".", O_PATH | O_DIRECTORY, 0)));
    return {};
}

Result<void> stack_all(HostContext& context) {
    const plan::RootPlan& root = context.plan.mounts().root;
    Fd userns;
    if (root.idmap) userns = TRY(context.proc->namespace_fd(std::to_string(context.pid), "user"));
    const uint64_t idmap = root.idmap ? MOUNT_ATTR_IDMAP : 0;
    Clones clones = TRY(clone_layers(context.prepared.layers));
    if (root.readonly) clones.trees.insert(clones.trees.begin(), TRY(clone(context.prepared.own, upper)));
    for (const Fd& tree : clones.trees)
        TRY(sys::mount_setattr(tree, 0, layer_attributes | MOUNT_ATTR_RDONLY | idmap, 0, 0, userns.get()));
    sys::Overlay overlay{clones.views()};
    Fd own;
    if (!root.readonly) {
        own = TRY(clone(context.prepared.own));
        TRY(sys::mount_setattr(own, 0, layer_attributes | idmap, 0, 0, userns.get()));
        overlay.own = own;
    }
    context.prepared.tree = TRY(sys::make_overlay(overlay, root.attributes()));
    return {};
}

}  // namespace

const HostStep open_layers{
    "open layers", Phase::prepare, is_layered,
    [](const plan::Plan& plan) { return concat(plan.mounts().root.layers.size(), " of ", quoted(plan.mounts().root.path), ", seen as one tree"); },
    open_all};

// After the maps: each layer gets its idmap, which an overlay itself cannot have.
const HostStep stack_layers{
    "stack layers", Phase::adopt, is_layered,
    [](const plan::Plan& plan) {
        const plan::RootPlan& root = plan.mounts().root;
        return concat("an overlay", root.readonly ? ", read-only" : "", root.idmap ? concat(", layers idmapped to host base ", plan.ids().owner_uid) : "");
    },
    stack_all};

}  // namespace casemate::steps::host

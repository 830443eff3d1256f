#include "steps/layers.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>

#include "base/text.h"
#include "sys/call.h"
#include "sys/overlay.h"

namespace casemate::steps {
namespace {

constexpr const char* upper = "upper";
constexpr const char* work = "work";
constexpr const char* view_work = "view";
constexpr uint64_t layer_attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

Result<Fd> clone(FdView directory, const char* below = "") {
    Fd tree = TRY(sys::open_tree(directory, below, OPEN_TREE_CLONE | (*below ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH)));
    TRY(sys::mount_setattr(tree, 0, 0, 0, uint64_t{1} << 18));  // MS_PRIVATE: out of the host's peer group
    return tree;
}

struct Clones {
    std::vector<Fd> trees;
    std::vector<FdView> views() const { return {trees.begin(), trees.end()}; }
};

Result<Clones> clone_all(const std::vector<Fd>& directories) {
    Clones clones;
    for (const Fd& directory : directories) clones.trees.push_back(TRY(clone(directory)));
    return clones;
}

Result<void> check_same(FdView directory, FdView seen) {
    const struct stat now = TRY(sys::fstat(directory)), then = TRY(sys::fstat(seen));
    if (now.st_dev == then.st_dev && now.st_ino == then.st_ino) return {};
    return Error::invalid("changed while the container was being made");
}

}  // namespace

Result<Layers> find_layers(const plan::RootPlan& root) {
    constexpr int directory = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    Layers layers;
    for (const std::string& path : root.layers) layers.directories.push_back(TRY_IN(quoted(path), sys::open(path.c_str(), directory)));
    layers.own = TRY_IN(quoted(root.own), sys::open(root.own.c_str(), directory));
    return layers;
}

Result<Layers> find_layers_again(const plan::RootPlan& root, const Layers& seen) {
    Layers layers = TRY(find_layers(root));
    for (size_t i = 0; i < layers.directories.size(); ++i) TRY_IN(quoted(root.layers[i]), check_same(layers.directories[i], seen.directories.at(i)));
    TRY_IN(quoted(root.own), check_same(layers.own, seen.own));
    return layers;
}

// "/" inside takes its owner, mode and times from the topmost directory: they are the image's.
Result<void> make_upper(const Layers& layers) {
    const FdView own = layers.own;
    const struct stat image = TRY(sys::fstat(layers.directories.front()));
    TRY(sys::mkdirat(own, upper, 0700));
    const Fd made = TRY(sys::openat2(own, upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0));
    if (::fchown(made.get(), image.st_uid, image.st_gid) < 0) return Error::sys("fchown");
    if (::fchmod(made.get(), image.st_mode & 07777) < 0) return Error::sys("fchmod");
    const timespec times[2] = {image.st_mtim, image.st_mtim};
    if (::futimens(made.get(), times) < 0) return Error::sys("futimens");
    TRY(sys::mkdirat(own, work, 0700));
    return sys::mkdirat(own, view_work, 0700);
}

Result<Fd> make_view(const Layers& layers) {
    const Clones clones = TRY(clone_all(layers.directories));
    const Fd own = TRY(clone(layers.own));
    return sys::make_overlay({clones.views(), own, upper, view_work}, layer_attributes | MOUNT_ATTR_NOEXEC);
}

Result<Fd> make_root(const Layers& layers, const plan::RootPlan& root, FdView userns) {
    const uint64_t idmap = root.idmap ? MOUNT_ATTR_IDMAP : 0;
    Clones clones = TRY(clone_all(layers.directories));
    if (root.readonly) clones.trees.insert(clones.trees.begin(), TRY(clone(layers.own, upper)));
    for (const Fd& tree : clones.trees) TRY(sys::mount_setattr(tree, 0, layer_attributes | MOUNT_ATTR_RDONLY | idmap, 0, 0, userns.get()));
    sys::Overlay overlay{clones.views()};
    Fd own;
    if (!root.readonly) {
        own = TRY(clone(layers.own));
        TRY(sys::mount_setattr(own, 0, layer_attributes | idmap, 0, 0, userns.get()));
        overlay.own = own;
    }
    return sys::make_overlay(overlay, root.attributes());
}

}  // namespace casemate::steps

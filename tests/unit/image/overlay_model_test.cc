// Layers as the store makes them: each through a writable overlay of those below, and the image as a read-only overlay of
// all. The same model as for one directory, and both ways to make an overlay.
#include <fcntl.h>
#include <linux/mount.h>

#include <random>

#include "image/digest.h"
#include "image/file_list.h"
#include "layer_model.h"
#include "scratch.h"
#include "sys/call.h"
#include "sys/overlay.h"

using namespace casemate;
using namespace casemate::image;
using namespace test;

namespace {

std::string digest_of(const std::string& content) {
    Hasher hasher = Hasher::make(oci::Digest::Algorithm::sha256).take();
    hasher.update({reinterpret_cast<const uint8_t*>(content.data()), content.size()});
    return hasher.finish();
}

Model read_tree(FdView root) {
    Model model;
    const OnFile add = [&](const std::string& line) -> Result<void> {
        const std::string path = line.substr(0, line.find(' '));
        if (path == ".") return {};
        std::string what = "?" + line;
        if (line.find(" type=dir ") != std::string::npos) what = "d";
        for (int number = 0; number < 4; ++number)
            if (line.find("sha256digest=" + digest_of(std::to_string(number))) != std::string::npos) what = "f" + std::to_string(number);
        model[path.substr(2)] = what;
        return {};
    };
    REQUIRE(list_files(root, add));
    return model;
}

class Stack {
public:
    Stack(const std::string& where, sys::OverlayWay way) : where_(where), way_(way) { REQUIRE(::mkdir(where.c_str(), 0755) == 0); }
    size_t size() const { return trees_.size(); }

    void add(const ModelLayer& layer, const std::string& content) {
        const std::string part = where_ + "/" + std::to_string(trees_.size());
        for (const char* leaf : {"", "/upper", "/work"}) REQUIRE(::mkdir((part + leaf).c_str(), 0755) == 0);
        const std::string upper = part + "/upper";
        {
            const Fd mounted = trees_.empty() ? Fd() : mount(part);
            Fd root = sys::openat2(mounted ? mounted.get() : AT_FDCWD, mounted ? "." : upper.c_str(), O_RDONLY | O_DIRECTORY, 0).take();
            Tree tree = Tree::make(std::move(root), TreeOptions(), limits_).take();
            tree.start_layer(!trees_.empty());
            const auto applied = apply_to_tree(tree, layer, content);
            INFO((applied ? "" : applied.error().text()));
            REQUIRE(applied);
        }
        trees_.push_back(upper);
    }
    Model model() const {
        if (trees_.size() == 1) return read_tree(sys::open(trees_[0].c_str(), O_RDONLY | O_DIRECTORY).take());
        const Fd view = mount("");
        return read_tree(sys::openat2(view, ".", O_RDONLY | O_DIRECTORY, 0).take());
    }

private:
    static Fd clone(const std::string& path) { return sys::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE).take(); }
    Fd mount(const std::string& own) const {
        std::vector<Fd> clones;
        for (auto tree = trees_.rbegin(); tree != trees_.rend(); ++tree) clones.push_back(clone(*tree));
        const Fd writable = own.empty() ? Fd() : clone(own);
        auto made = sys::make_overlay({{clones.begin(), clones.end()}, writable}, MOUNT_ATTR_NODEV, way_);
        INFO((made ? "" : made.error().text()));
        REQUIRE(made);
        return std::move(made).take();
    }
    std::string where_;
    sys::OverlayWay way_;
    Limits limits_;
    std::vector<std::string> trees_;
};

void compare_stacks(sys::OverlayWay way, int rounds) {
    if (::geteuid() != 0) {
        MESSAGE("SKIP: needs root");
        return;
    }
    Scratch scratch;
    std::mt19937 random(20261122);
    for (int round = 0; round < rounds; ++round) {
        Stack stack(scratch / std::to_string(round), way);
        Model model;
        for (int number = 0; number < 4; ++number) {
            const ModelLayer layer = random_layer(random, number);
            if (!fits(model, layer)) continue;
            if (stack.size() > 0)
                apply_to_model(model, layer);
            else
                for (const auto& [path, what] : layer.upper) put(model, path, what);
            stack.add(layer, std::to_string(number));
        }
        if (stack.size() == 0) continue;
        CAPTURE(round);
        REQUIRE(stack.model() == model);
    }
}

}  // namespace

TEST_CASE("store: random layers through overlays give what the model says") { compare_stacks(sys::OverlayWay::by_descriptor, 150); }

TEST_CASE("store: the same where layers must be attached, as before Linux 6.15") { compare_stacks(sys::OverlayWay::private_namespace, 40); }

TEST_CASE("store: a list of files notices content, mode, owner, links, removal and addition") {
    Scratch scratch;
    const std::string root = scratch / "root";
    scratch.run({"sh", "-c", "mkdir -p root/d && printf one >root/a && ln root/a root/d/b && ln -s a root/l && mkfifo root/p && printf 'x y' >'root/with space'"});
    const auto listed = [&] {
        std::string text;
        const OnFile add = [&](const std::string& line) -> Result<void> {
            text += line + "\n";
            return {};
        };
        REQUIRE(list_files(sys::open(root.c_str(), O_RDONLY | O_DIRECTORY).take(), add));
        return text;
    };
    const auto differences = [&](const std::string& list) {
        return compare_file_list(sys::open(root.c_str(), O_RDONLY | O_DIRECTORY).take(), list, 100).take();
    };
    const std::string before = listed();
    CHECK(before.find("./with\\040space type=file") != std::string::npos);
    CHECK(differences(before).empty());
    for (const char* change : {"printf two >root/a", "chmod 600 root/d/b", "ln -sfn b root/l", "rm root/p", "touch root/new", "chown 7 root/a", "ln root/a root/c",
                               "touch -d @1 root/d", "setfattr -n user.x -v y root/a || attr -s x -V y root/a"}) {
        scratch.run({"cp", "-a", "root", "kept"});
        const Ran changed = scratch.run({"sh", "-c", change});
        CAPTURE(change);
        INFO(changed.err);
        if (changed.exit == 0 && ::geteuid() == 0) CHECK_FALSE(differences(before).empty());
        scratch.run({"rm", "-rf", "root"});
        scratch.run({"mv", "kept", "root"});
    }
}

// Root::resolve against the kernel's own idea of a root: a chroot. 10^4 random paths through random trees of directories,
// files and links, hostile ones among them; both must reach the same inode or fail with the same errno.
#include <algorithm>
#include <random>
#include <vector>

#include "base/text.h"
#include "support/in_child.h"
#include "unit/sys/trees.h"

using namespace casemate;
using namespace casemate::test;

namespace {

constexpr int trees = 100, paths_in_a_tree = 100;

class Dice {
public:
    explicit Dice(uint32_t seed) : engine_(seed) {}
    size_t below(size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(engine_); }
    template <typename T>
    const T& one_of(const std::vector<T>& values) { return values[below(values.size())]; }

private:
    std::mt19937 engine_;
};

// Few names, so that paths hit something.
const std::vector<std::string> names = {"a", "b", "c", "link", "up"};

std::string random_path(Dice& dice) {
    const std::vector<std::string> parts = {"a", "b", "c", "link", "up", "..", ".", ""};
    std::string path = dice.below(2) ? "/" : "";
    for (size_t i = 0, count = 1 + dice.below(6); i < count; ++i) path += (i ? "/" : "") + dice.one_of(parts);
    if (dice.below(8) == 0) path += "/";
    return path.empty() ? "." : path;
}

void grow(Dice& dice, const TempTree& tree) {
    std::vector<std::string> directories = {"root"};
    for (int i = 0; i < 25; ++i) {
        const std::string name = concat(dice.one_of(directories), "/", dice.one_of(names));
        if (tree.exists(name)) continue;
        switch (dice.below(4)) {
            case 0: tree.file(name, ""); break;
            case 1: tree.link(random_path(dice), name); break;
            default: tree.directory(name), directories.push_back(name); break;
        }
    }
}

struct Answer {
    int error;
    ino_t inode;
    bool is_link;
};
struct Answers {
    Answer followed[paths_in_a_tree], not_followed[paths_in_a_tree];
};

Answer ask_kernel(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC | flags);
    if (fd < 0) return {errno, 0, false};
    struct stat status {};
    ::fstat(fd, &status);
    ::close(fd);
    return {0, status.st_ino, S_ISLNK(status.st_mode)};
}

Answer ask_root(const sys::Root& root, const std::string& path, bool follow) {
    const auto found = root.resolve(path, follow);
    if (!found) return {found.error().code(), 0, false};
    return {0, inode_of(found.value()), false};
}

}  // namespace

TEST_CASE("Root::resolve does what a chroot does: 10^4 random paths") {
    if (!needs(Need::root)) return;
    int reached = 0, refused = 0, different = 0;
    for (uint32_t seed = 0; seed < trees; ++seed) {
        Dice dice(seed);
        const TempTree tree;
        grow(dice, tree);
        std::vector<std::string> paths;
        for (int i = 0; i < paths_in_a_tree; ++i) paths.push_back(random_path(dice));
        const std::string place = tree.path("root");
        const auto oracle = in_child<Answers>([&](Answers& answers) {
            if (::chroot(place.c_str()) != 0 || ::chdir("/") != 0) ::_exit(1);
            for (size_t i = 0; i < paths.size(); ++i) {
                answers.followed[i] = ask_kernel(paths[i], 0);
                answers.not_followed[i] = ask_kernel(paths[i], O_NOFOLLOW);
            }
        });
        REQUIRE(oracle);
        const sys::Root root = tree.root();
        for (size_t i = 0; i < paths.size(); ++i) {
            const Answer followed = ask_root(root, paths[i], true), not_followed = ask_root(root, paths[i], false);
            Answer expected = oracle->not_followed[i];
            if (expected.is_link) expected = {ELOOP, 0, false};  // Root refuses a link that the kernel opens itself
            const bool same = followed.error == oracle->followed[i].error && followed.inode == oracle->followed[i].inode &&
                              not_followed.error == expected.error && not_followed.inode == expected.inode;
            if (!same) MESSAGE("seed ", seed, " path ", paths[i], ": ", followed.error, " ", oracle->followed[i].error, " ", not_followed.error, " ", expected.error);
            different += same ? 0 : 1;
            ++(followed.error == 0 ? reached : refused);
        }
    }
    CHECK(different == 0);
    CHECK(reached > 1000);  // the trees are not too empty to tell anything
    CHECK(refused > 1000);
}

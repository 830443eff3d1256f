// Root against hostile trees: nothing outside the root is ever reached, read or made.
#include "sys/root.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <chrono>

#include "unit/sys/trees.h"

using namespace casemate;
using namespace casemate::test;
using sys::Root;

TEST_CASE("Root::open: the last component is never a symlink, however it is spelled") {
    const TempTree tree;
    tree.link("root", "link");
    CHECK(Root::open(tree.path("root")));
    CHECK(Root::open(tree.path("root/")));
    CHECK(Root::open(tree.path("root/.")));
    for (const char* spelling : {"link", "link/", "link//", "link/.", "link/./"}) {
        INFO(spelling);
        CHECK_FALSE(Root::open(tree.path(spelling)));
    }
    CHECK_FALSE(Root::open(tree.path("outside/secret")));
    CHECK_FALSE(Root::open(tree.path("nothing")));
    CHECK_FALSE(Root::open(""));
    CHECK(Root::open("/"));
    tree.link("outside", "parent");
    tree.directory("outside/below");
    CHECK(Root::open(tree.path("parent/below")));  // the operator's parents may be links
}

TEST_CASE("Root::resolve: links and '..' stay inside") {
    const TempTree tree;
    tree.directory("root/etc");
    tree.file("root/etc/passwd", "inside");
    tree.link("/etc/passwd", "root/absolute");
    tree.link("../../../../../../etc/passwd", "root/climbing");
    tree.link(tree.path("outside/secret"), "root/named");
    tree.link("/..", "root/up");
    tree.link("loop2", "root/loop1");
    tree.link("loop1", "root/loop2");
    const Root root = tree.root();
    const ino_t inside = tree.inode("root/etc/passwd");
    for (const char* path : {"/absolute", "absolute", "/climbing", "/etc/../etc/passwd", "/../../../etc/passwd", "/up/etc/passwd", "//etc//./passwd", "up/up/up/absolute"}) {
        INFO(path);
        const auto found = root.resolve(path, true);
        REQUIRE(found);
        CHECK(inode_of(found.value()) == inside);
    }
    const auto named = root.resolve("/named", true);
    REQUIRE_FALSE(named);
    CHECK(named.error().code() == ENOENT);
    CHECK(root.resolve("/loop1", true).error().code() == ELOOP);
    CHECK(root.resolve("/absolute", false).error().code() == ELOOP);
    CHECK(root.resolve("/absolute/", false).error().code() == ENOTDIR);
    CHECK(root.resolve("/", false));
    CHECK(inode_of(root.resolve("/up", true).value()) == tree.inode("root"));
    CHECK(root.resolve("/etc", false, O_DIRECTORY));
    CHECK(root.resolve("/etc/passwd", false, O_DIRECTORY).error().code() == ENOTDIR);
}

TEST_CASE("Root::resolve: magic links of procfs are refused") {
    const auto root = Root::open("/");
    REQUIRE(root);
    for (const char* path : {"/proc/self/exe", "/proc/self/root/etc", "/proc/self/cwd/.", "/proc/self/fd/0"}) {
        INFO(path);
        const auto found = root.value().resolve(path, true);
        REQUIRE_FALSE(found);
        CHECK(found.error().code() == ELOOP);
    }
}

TEST_CASE("Root::read_regular: regular files only, and only so much of them") {
    const TempTree tree;
    tree.file("root/plain", "content");
    tree.link("/plain", "root/link");
    tree.link(tree.path("outside/secret"), "root/outside");
    tree.directory("root/directory");
    REQUIRE(::mkfifo(tree.path("root/fifo").c_str(), 0644) == 0);
    tree.link("fifo", "root/to-fifo");
    const Root root = tree.root();
    REQUIRE(root.read_regular("/plain", 100));
    CHECK(root.read_regular("/plain", 100).value() == "content");
    CHECK(root.read_regular("/link", 7).value() == "content");
    CHECK(root.read_regular("/plain", 6).error().code() == EFBIG);
    CHECK_FALSE(root.read_regular("/outside", 100));
    CHECK_FALSE(root.read_regular("/directory", 100));
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(root.read_regular("/fifo", 100));
    CHECK_FALSE(root.read_regular("/to-fifo", 100));
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(1));  // nobody waits for a writer
}

TEST_CASE("Root::make_directory: makes what is missing, through links only as far as they lead somewhere") {
    const TempTree tree;
    tree.directory("root/real");
    tree.link("/real", "root/link");
    tree.link("/missing", "root/dangling");
    tree.link(tree.path("outside"), "root/escape");
    tree.file("root/file", "");
    const Root root = tree.root();
    const auto made = root.make_directory("/a/b/c");
    REQUIRE(made);
    CHECK(inode_of(made.value()) == tree.inode("root/a/b/c"));
    CHECK(root.make_directory("/a/b/c"));  // again
    CHECK(root.make_directory("/link/below"));
    CHECK(tree.exists("root/real/below"));
    for (const char* path : {"/dangling/x", "/dangling", "/escape/x", "/file/x", "/file", "/a/../../x/y"}) {
        INFO(path);
        CHECK_FALSE(root.make_directory(path));
    }
    CHECK_FALSE(tree.exists("root/missing"));
    CHECK_FALSE(tree.exists("outside/x"));
    CHECK_FALSE(tree.exists("x"));
}

TEST_CASE("Root::make_file: a new one exclusively, an old one as it is, never a directory or a link's far end") {
    const TempTree tree;
    tree.directory("root/directory");
    tree.file("root/old", "kept");
    tree.link("/old", "root/link");
    tree.link("/new-by-link", "root/dangling");
    tree.link(tree.path("outside/made"), "root/escape");
    const Root root = tree.root();
    const auto made = root.make_file("/sub/new");
    REQUIRE(made);
    CHECK(inode_of(made.value()) == tree.inode("root/sub/new"));
    CHECK(inode_of(root.make_file("/old").value()) == tree.inode("root/old"));
    CHECK(inode_of(root.make_file("/link").value()) == tree.inode("root/old"));
    CHECK(root.read_regular("/old", 100).value() == "kept");
    for (const char* path : {"/directory", "/dangling", "/escape", "/old/x", "/", "/sub/..", "/sub/."}) {
        INFO(path);
        CHECK_FALSE(root.make_file(path));
    }
    CHECK_FALSE(tree.exists("root/new-by-link"));
    CHECK_FALSE(tree.exists("outside/made"));
}

namespace {

// Swaps `a` and `b` until it is killed: the hostile peer of a race.
pid_t start_swapping(const std::string& a, const std::string& b) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    for (;;) ::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), 2);  // RENAME_EXCHANGE
}

}  // namespace

TEST_CASE("races: while a directory and a link outwards change places, nothing outside is seen or made") {
    const TempTree tree;
    tree.directory("root/a");
    tree.file("root/a/secret", "the container's");
    tree.link(tree.path("outside"), "root/b");
    const Root root = tree.root();
    const ino_t inside = tree.inode("root/a/secret"), outside = tree.inode("outside/secret");
    const pid_t peer = start_swapping(tree.path("root/a"), tree.path("root/b"));
    REQUIRE(peer > 0);
    int found_inside = 0, refused = 0, escaped = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
    for (int round = 0; std::chrono::steady_clock::now() < end; ++round) {
        const auto found = root.resolve("/a/secret", true);
        if (!found) ++refused;
        else if (inode_of(found.value()) == inside) ++found_inside;
        else escaped += inode_of(found.value()) == outside ? 1 : 0;
        const auto text = root.read_regular("/a/secret", 100);
        if (text && text.value() != "the container's") ++escaped;
        (void)root.make_directory("/a/made/below").operator bool();
        (void)root.make_file("/a/file").operator bool();
    }
    ::kill(peer, SIGKILL);
    ::waitpid(peer, nullptr, 0);
    CHECK(escaped == 0);
    CHECK(found_inside > 0);  // the race was run in both states
    CHECK(refused > 0);
    CHECK_FALSE(tree.exists("outside/made"));
    CHECK_FALSE(tree.exists("outside/file"));
}

// What is left when an unpacking does not come to its end: nothing. And what stands in its way is named.
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "scratch.h"

namespace {

// An image of one layer, big enough to be interrupted.
struct Image {
    test::Scratch scratch;
    std::string layout, out;
    explicit Image(int mebibytes) : layout(scratch / "layout"), out(scratch / "out") {
        const std::string script = "import sys; sys.path.insert(0, '" + test::image_data +
                                   "'); sys.dont_write_bytecode = True\n"
                                   "import os\nfrom tarbytes import *\nfrom layout import *\n"
                                   "layout = Layout('layout')\n"
                                   "tar = b''.join(member('f%d' % i, os.urandom(1 << 20)) for i in range(" +
                                   std::to_string(mebibytes) +
                                   ")) + END\n"
                                   "layout.finish([layout.image([layout.layer(tar)])])\n";
        const test::Ran made = scratch.run({"python3", "-c", script});
        INFO(made.err);
        REQUIRE(made.exit == 0);
        REQUIRE(::mkdir(out.c_str(), 0755) == 0);
    }
    std::string left() const { return scratch.run({"ls", "-A", out}).out; }
    pid_t start() const {
        const pid_t child = ::fork();
        if (child == 0) {
            ::execl(test::unpack_program.c_str(), "casemate-unpack", "--progress", "never", layout.c_str(),
                    (out + "/d").c_str(), nullptr);
            ::_exit(97);
        }
        return child;
    }
    // Until the first file is there: the worker is in the middle.
    void wait_until_under_way() const {
        for (int i = 0; i < 2000; ++i) {
            if (!scratch.run({"sh", "-c", "ls -d \"$1\"/.casemate-unpack-*/rootfs/f0 2>/dev/null", "x", out})
                     .out.empty())
                return;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        FAIL("the unpacking never began");
    }
    static int wait(pid_t child) {
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }
    std::string worker_of(pid_t parent) const { return scratch.run({"pgrep", "-P", std::to_string(parent)}).out; }
};

}  // namespace

TEST_CASE("interrupted by a signal: the worker is gone, nothing is left, the exit code says which") {
    const Image image(64);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        const pid_t child = image.start();
        image.wait_until_under_way();
        const std::string worker = image.worker_of(child);
        ::kill(child, signal);
        CHECK(Image::wait(child) == 128 + signal);
        CHECK(image.left().empty());
        REQUIRE_FALSE(worker.empty());
        CHECK(::kill(std::stoi(worker), 0) == -1);
    }
}

TEST_CASE("the worker is killed: an error, nothing is left") {
    const Image image(64);
    const pid_t child = image.start();
    image.wait_until_under_way();
    ::kill(std::stoi(image.worker_of(child)), SIGKILL);
    CHECK(Image::wait(child) == 125);
    CHECK(image.left().empty());
}

TEST_CASE("kill -9 of the parent: the worker goes along, the next unpacking removes what is left") {
    const Image image(64);
    const pid_t child = image.start();
    image.wait_until_under_way();
    const int worker = std::stoi(image.worker_of(child));
    ::kill(child, SIGKILL);
    CHECK(Image::wait(child) == 1000 + SIGKILL);
    for (int i = 0; i < 1000 && ::kill(worker, 0) == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    CHECK(::kill(worker, 0) == -1);
    CHECK(image.left().starts_with(".casemate-unpack-"));
    CHECK(Image::wait(image.start()) == 0);
    CHECK(image.left() == "d\n");
}

TEST_CASE("two unpackings beside each other do not take the other's directory for a left-over") {
    const Image image(32);
    const pid_t first = image.start();
    image.wait_until_under_way();
    const test::Ran second = image.scratch.run({test::unpack_program, image.layout, image.out + "/e"});
    CHECK(second.exit == 0);
    CHECK(Image::wait(first) == 0);
    CHECK(image.left() == "d\ne\n");
}

TEST_CASE("a destination that is taken, missing or read-only is named, and stays as it is") {
    const Image image(1);
    const auto refused = [&](const std::string& destination, const std::string& says, uid_t uid = 0) {
        const test::Ran ran = image.scratch.run({test::unpack_program, image.layout, destination}, uid);
        INFO(ran.err);
        CHECK(ran.exit == 125);
        CHECK(ran.err.find(says) != std::string::npos);
        CHECK(ran.err.find("'" + destination.substr(0, 4)) != std::string::npos);
    };
    test::spill(image.scratch / "file", "x");
    refused(image.scratch / "file", "exists");
    refused(image.layout, "exists");
    refused(image.scratch / "no/such", "ENOENT");
    REQUIRE(::symlink("nowhere", (image.scratch / "link").c_str()) == 0);
    refused(image.scratch / "link", "exists");
    if (::geteuid() == 0) {
        ::chmod(image.scratch.path().c_str(), 0755);
        refused(image.scratch / "new", "writ", 1234);
    }
    REQUIRE(::mkdir((image.scratch / "empty").c_str(), 0755) == 0);
    CHECK(image.scratch.run({test::unpack_program, image.layout, image.scratch / "empty"}).exit == 0);
    CHECK(test::slurp(image.scratch / "file") == "x");
}

TEST_CASE("a full disk: one error with the path, nothing is left") {
    if (::geteuid() != 0) return;
    const Image image(24);
    const std::string script =
        "mount -t tmpfs -o size=10m,mode=0755 none \"$2\" && \"$1\" \"$3\" \"$2/d\"; code=$?; ls -A \"$2\"; exit $code";
    const test::Ran ran =
        image.scratch.run({"unshare", "-m", "sh", "-c", script, "x", test::unpack_program, image.out, image.layout});
    INFO(ran.err);
    CHECK(ran.exit == 125);
    CHECK(ran.err.find("ENOSPC") != std::string::npos);
    CHECK(ran.err.find("'f") != std::string::npos);
    CHECK(ran.err.find("hint: the destination's file system is full") != std::string::npos);
    CHECK(ran.out.empty());
}

TEST_CASE("errors as JSON are one object with the same text") {
    const Image image(1);
    const test::Ran ran =
        image.scratch.run({test::unpack_program, "--format", "json", image.layout + ":nope", image.out + "/d"});
    CHECK(ran.exit == 125);
    CHECK(ran.err.starts_with(R"({"level":"error","msg":"unpack ')"));
    CHECK(ran.err.find(R"("hint":"available: test")") != std::string::npos);
    CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
    const test::Ran fine =
        image.scratch.run({test::unpack_program, "--format", "json", image.layout, image.out + "/d"});
    CHECK(fine.out.starts_with(R"({"event":"layer","layer":1,"layers":1})"));
}

TEST_CASE("the command line is strict") {
    const Image image(1);
    const auto refused = [&](std::vector<std::string> words) {
        words.insert(words.begin(), test::unpack_program);
        words.push_back(image.layout);
        words.push_back(image.out + "/d");
        const test::Ran ran = image.scratch.run(words);
        INFO(ran.err);
        CHECK(ran.exit == 125);
        CHECK(image.left().empty());
    };
    for (const char* value : {"0", "-1", "1k", "", "0x10", "99999999999999999999"}) refused({"--max-size", value});
    refused({"--setid", "yes"});
    refused({"--platform", "linux"});
    refused({"--shift", "4294967000"});
    refused({"--no-such-option"});
    refused({"--ref", "a", "b"});
}

TEST_CASE("shifted owners: one that does not fit is an error") {
    if (::geteuid() != 0) return;
    const Image image(1);
    REQUIRE(image.scratch.run({test::unpack_program, "--shift", "200000", image.layout, image.out + "/d"}).exit == 0);
    struct stat status {};
    REQUIRE(::stat((image.out + "/d/rootfs/f0").c_str(), &status) == 0);
    CHECK(status.st_uid == 200000);
    CHECK(status.st_gid == 200000);
    REQUIRE(::stat((image.out + "/d/rootfs").c_str(), &status) == 0);
    CHECK(status.st_uid == 200000);
    const std::string script = "import sys; sys.path.insert(0, '" + test::image_data +
                               "'); sys.dont_write_bytecode = True\n"
                               "from tarbytes import *\nfrom layout import *\nlayout = Layout('big')\n"
                               "layout.finish([layout.image([layout.layer(member('f', b'x', uid=65536) + END)])])";
    REQUIRE(image.scratch.run({"python3", "-c", script}).exit == 0);
    const test::Ran ran =
        image.scratch.run({test::unpack_program, "--shift", "200000", image.scratch / "big", image.out + "/e"});
    CHECK(ran.exit == 125);
    CHECK(ran.err.find("owner 65536:0 does not fit") != std::string::npos);
}

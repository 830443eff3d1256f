// The worker's walls, each tried from inside, each with its control. The child makes one forbidden act; how it ends
// tells which wall it met.
#include "image/confine.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <functional>

#include "image/broker.h"
#include "scratch.h"
#include "sys/call.h"
#include "sys/procfs.h"

using namespace casemate;
using namespace casemate::image;

namespace {

enum class Ended { fine, refused, killed };

// Runs `act` in a child, confined or not. It gives 0 for success.
Ended in_worker(const test::Scratch& scratch, bool confined, const std::function<int()>& act) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (confined) {
            const auto directory = sys::open(scratch.path().c_str(), O_RDONLY | O_DIRECTORY);
            if (!directory) ::_exit(90);
            const Confinement wanted{directory.value(), ::geteuid() == 0, false, uint64_t{1} << 30};
            const auto entered = confine(wanted);
            if (!entered) {
                ::dprintf(2, "%s\n", entered.error().text().c_str());
                ::_exit(91);
            }
        }
        ::_exit(act() == 0 ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
        CHECK(WTERMSIG(status) == SIGSYS);
        return Ended::killed;
    }
    CHECK_FALSE((WEXITSTATUS(status) == 90 || WEXITSTATUS(status) == 91));
    return WEXITSTATUS(status) == 0 ? Ended::fine : Ended::refused;
}

}  // namespace

TEST_CASE("confined: what lies outside the scratch directory is not there") {
    const test::Scratch scratch;
    const auto see = [] { return ::openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : 1; };
    CHECK(in_worker(scratch, false, see) == Ended::fine);
    CHECK(in_worker(scratch, true, see) == Ended::refused);
    const auto up = [] { return ::openat(AT_FDCWD, "../../../etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : 1; };
    CHECK(in_worker(scratch, true, up) == Ended::refused);
    const auto write_inside = [] {
        return ::openat(AT_FDCWD, "/made", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) >= 0 ? 0 : 1;
    };
    CHECK(in_worker(scratch, true, write_inside) == Ended::fine);
    struct stat status {};
    CHECK(::stat((scratch / "made").c_str(), &status) == 0);
}

TEST_CASE("confined: no sockets, no programs, no processes, no device nodes, no chmod by path") {
    const test::Scratch scratch;
    test::spill(scratch / "file", "x");
    const std::string file = scratch / "file", node = scratch / "node";
    struct Act {
        const char* name;
        std::function<int()> confined, control;
    };
    const auto same = [](std::function<int()> act) { return std::pair(act, act); };
    const auto socket = same([] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : 1; });
    const auto fork = same([] { return ::fork() >= 0 ? 0 : 1; });
    const auto prctl = same([] { return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) >= 0 ? 0 : 1; });
    const Act acts[] = {
        {"socket", socket.first, socket.second},
        {"fork", fork.first, fork.second},
        {"prctl", prctl.first, prctl.second},
        {"kill", [] { return ::kill(::getpid(), 0); }, [] { return ::kill(::getpid(), 0); }},
        {"execve", [] { return ::execl("/file", "file", nullptr); },
         [] { return ::execl("/bin/true", "true", nullptr); }},
        {"chmod", [] { return ::fchmodat(AT_FDCWD, "/file", 0600, 0); },
         [&] { return ::fchmodat(AT_FDCWD, file.c_str(), 0600, 0); }},
        {"rename", [] { return ::rename("/file", "/file"); }, [&] { return ::rename(file.c_str(), file.c_str()); }},
        {"mknod regular", [] { return ::mknodat(AT_FDCWD, "/node", S_IFREG | 0600, 0); },
         [&] { return ::mknodat(AT_FDCWD, node.c_str(), S_IFREG | 0600, 0); }},
        {"mknod device", [] { return ::mknodat(AT_FDCWD, "/null", S_IFCHR | 0600, makedev(1, 3)); }, nullptr},
    };
    for (const Act& act : acts) {
        CAPTURE(act.name);
        CHECK(in_worker(scratch, true, act.confined) == Ended::killed);
        if (act.control) CHECK(in_worker(scratch, false, act.control) == Ended::fine);
    }
    const auto fifo = [] { return ::mknodat(AT_FDCWD, "/fifo", S_IFIFO | 0600, 0); };
    CHECK(in_worker(scratch, true, fifo) == Ended::fine);
}

TEST_CASE("confined: only the capabilities that owners and modes need") {
    const test::Scratch scratch;
    // /proc is not there inside: the status is opened before.
    const int status = ::open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
    REQUIRE(status >= 0);
    ::close(status);
    int channel[2];
    REQUIRE(::pipe2(channel, O_CLOEXEC) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const int self = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        const auto directory = sys::open(scratch.path().c_str(), O_RDONLY | O_DIRECTORY);
        if (!confine({directory.value(), ::geteuid() == 0, false, 1 << 20})) ::_exit(1);
        char text[4096];
        const ssize_t size = ::pread(self, text, sizeof text, 0);
        ::_exit(size > 0 && ::write(channel[1], text, static_cast<size_t>(size)) == size ? 0 : 1);
    }
    int ended = 0;
    ::waitpid(child, &ended, 0);
    REQUIRE(ended == 0);
    char text[4096];
    const ssize_t size = ::read(channel[0], text, sizeof text);
    REQUIRE(size > 0);
    const auto seen = sys::parse_status(std::string_view(text, static_cast<size_t>(size)));
    REQUIRE(seen);
    const uint64_t chown = ::geteuid() == 0 ? 1 : 0;
    const uint64_t wanted = chown | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER | 1u << CAP_FSETID;
    CHECK(seen.value().cap_effective == wanted);
    CHECK(seen.value().cap_permitted == wanted);
    CHECK(seen.value().cap_bounding == wanted);
    CHECK(seen.value().cap_inheritable == 0);
    CHECK(seen.value().cap_ambient == 0);
    CHECK(seen.value().no_new_privs);
    CHECK(seen.value().seccomp_mode == 2);
}

TEST_CASE("the parent opens the names of a layout, and nothing else") {
    const test::Scratch scratch;
    const std::string blob = "blobs/sha256/" + std::string(64, 'a');
    scratch.run({"mkdir", "-p", "blobs/sha256"});
    test::spill(scratch / blob, "x");
    test::spill(scratch / "index.json", "{}");
    test::spill(scratch / "other", "x");
    const auto layout = sys::open(scratch.path().c_str(), O_RDONLY | O_DIRECTORY).take();
    CHECK(open_in_layout(layout, blob));
    CHECK(open_in_layout(layout, "index.json"));
    for (const std::string& name : std::vector<std::string>{
             "other", std::string("./index.json"), std::string("/etc/passwd"), blob + "/",
             std::string("blobs/sha256/../../other"), std::string("blobs/sha256/") + std::string(63, 'a'),
             "blobs/sha256/" + std::string(64, 'A'), std::string()})
        CHECK_FALSE(open_in_layout(layout, name));
    REQUIRE(::symlink("other", (scratch / "manifest.json").c_str()) == 0);
    CHECK_FALSE(open_in_layout(layout, "manifest.json"));
    CHECK(open_in_layout(layout, "oci-layout").error().code() == ENOENT);
}

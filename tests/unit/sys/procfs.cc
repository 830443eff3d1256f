// Procfs against the kernel: reads of our own process, and the refusals that make it "verified".
#include "sys/procfs.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

using namespace casemate;
using namespace casemate::sys;

namespace {

// Runs `body` in a child of its own mount namespace; its value is the child's exit code. -1: it could not start.
template <typename Body>
int in_private_mounts(Body body) {
    const pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) _exit(77);
        _exit(body());
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("the host's procfs is read, with and without 'self'") {
    const auto procfs = Procfs::host();
    REQUIRE(procfs);
    const auto text = procfs.value().read("self/status");
    REQUIRE(text);
    const auto status = parse_status(text.value());
    REQUIRE(status);
    CHECK(status.value().uids.at(1) == geteuid());
    CHECK(procfs.value().read(std::to_string(getpid()) + "/mountinfo"));
    CHECK(parse_mountinfo(procfs.value().read("self/mountinfo").value()));

    const auto limits = parse_limits(procfs.value().read("self/limits").value());
    REQUIRE(limits);
    rlimit own{};
    getrlimit(RLIMIT_NOFILE, &own);
    CHECK(limits.value().at("RLIMIT_NOFILE") == std::pair<uint64_t, uint64_t>{own.rlim_cur, own.rlim_max});
    CHECK(parse_start_time(procfs.value().read("self/stat").value()));
    CHECK(parse_id_map(procfs.value().read("self/uid_map").value()));
}

TEST_CASE("a symlink of procfs is not followed, a path does not leave it") {
    const auto procfs = Procfs::host();
    REQUIRE(procfs);
    CHECK_FALSE(procfs.value().read("mounts"));                  // a symlink to self/mounts
    CHECK_FALSE(procfs.value().read("self/root/etc/hostname"));  // a magic link
    CHECK_FALSE(procfs.value().read("../etc/hostname"));
    CHECK_FALSE(procfs.value().read("self/no-such-file"));
    CHECK_FALSE(procfs.value().read("self/status", 10));  // longer than the limit
}

TEST_CASE("a namespace's inode and descriptor") {
    const auto procfs = Procfs::host();
    REQUIRE(procfs);
    for (const char* kind : {"mnt", "net", "pid", "user", "uts", "ipc", "cgroup"}) {
        struct stat expected {};
        REQUIRE(stat(("/proc/self/ns/" + std::string(kind)).c_str(), &expected) == 0);
        CHECK(procfs.value().namespace_inode("self", kind).value() == expected.st_ino);
        CHECK(procfs.value().namespace_fd("self", kind));
    }
    CHECK_FALSE(procfs.value().namespace_inode("self", "no-such-kind"));
}

TEST_CASE("descriptors: all of them but the reader's own") {
    const auto procfs = Procfs::host();
    REQUIRE(procfs);
    const auto before = procfs.value().descriptors("self");
    REQUIRE(before);
    const Fd extra(open("/dev/null", O_RDONLY | O_CLOEXEC));
    const auto after = procfs.value().descriptors("self");
    REQUIRE(after);
    CHECK(after.value().size() == before.value().size() + 1);
    CHECK(std::count(after.value().begin(), after.value().end(), extra.get()) == 1);
    CHECK(std::is_sorted(after.value().begin(), after.value().end()));
}

TEST_CASE("a bind over a proc file redirects no read, and the control shows that it would") {
    if (geteuid() != 0) return;
    const int seen = in_private_mounts([] {
        if (mount("/etc/hostname", "/proc/self/status", nullptr, MS_BIND, nullptr) != 0) return 77;
        const Fd plain(open("/proc/self/status", O_RDONLY));  // the control: open(2) is deceived
        char first = 0;
        if (read(plain.get(), &first, 1) != 1 || first == 'N') return 2;
        const auto procfs = Procfs::host();
        if (!procfs) return 3;
        if (procfs.value().read("self/status")) return 4;
        const auto own = Procfs::make();
        return own && own.value().read("self/status") ? 0 : 5;
    });
    CHECK(seen == 0);
}

TEST_CASE("a tmpfs over /proc is not taken for a procfs") {
    if (geteuid() != 0) return;
    CHECK(in_private_mounts([] {
              if (mount("none", "/proc", "tmpfs", 0, nullptr) != 0) return 77;
              return Procfs::host() ? 1 : 0;
          }) == 0);
}

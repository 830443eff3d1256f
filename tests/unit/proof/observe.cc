// observe() and verify() against live processes: one that restricts itself, and this test, which does not.
#include "proof/observe.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "proof/seccomp_program.h"
#include "proof/verify.h"

using namespace casemate;

namespace {

constexpr std::array<sock_filter, 4> program = {
    {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_swapon, 0, 1),
     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};

bool load(int times) {
    sock_fprog loaded{program.size(), const_cast<sock_filter*>(program.data())};
    for (int i = 0; i < times; ++i) {
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded) != 0) return false;
    }
    return true;
}

// A child that restricted itself, and sleeps in read(2) until it is ended.
class Restricted {
public:
    explicit Restricted(int filters, bool leak = false) {
        int ready[2];
        if (pipe(ready) != 0) return;
        pid_ = fork();
        if (pid_ == 0) {
            const bool good = unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET) == 0 &&
                              mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                              mount("none", "/mnt", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k") == 0 &&
                              mount("none", "/proc/sys", "tmpfs", MS_RDONLY, nullptr) == 0;
            const rlimit none{0, 0};
            umask(027);
            close(ready[0]);
            dup2(ready[1], 3);
            syscall(SYS_close_range, 4, ~0U, 0);
            if (leak && dup2(open("/root", O_RDONLY | O_DIRECTORY), 4) != 4) _exit(1);
            if (leak && unmount_root_view() != 0) _exit(1);
            if (!good || setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
                !load(filters))
                _exit(1);
            if (write(3, "r", 1) != 1) _exit(1);
            for (;;) pause();
        }
        close(ready[1]);
        char byte = 0;
        ready_ = read(ready[0], &byte, 1) == 1;
        close(ready[0]);
    }
    ~Restricted() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    Restricted(const Restricted&) = delete;
    Restricted& operator=(const Restricted&) = delete;
    bool ready() const { return ready_; }
    pid_t pid() const { return pid_; }

private:
    // A new root, so that descriptor 4 is of a mount that the process no longer has.
    static int unmount_root_view() {
        if (chdir("/mnt") != 0 || mkdir("old", 0700) != 0 || mkdir("proc", 0700) != 0) return 1;
        if (syscall(SYS_pivot_root, ".", "old") != 0 || chdir("/") != 0) return 1;
        return umount2("/old", MNT_DETACH);
    }
    pid_t pid_ = -1;
    bool ready_ = false;
};

plan::Expected restricted_expectation() {
    plan::Expected e;
    e.uids.emplace(4, 0);
    e.no_new_privs = true;
    e.seccomp_mode = 2;
    e.seccomp_filters = 1;
    e.seccomp_program.emplace(program.begin(), program.end());
    e.own_namespaces = {"mnt", "net", "uts"};
    e.mounts = {{"tmpfs", "", "/mnt", {"nosuid", "nodev", "noexec"}, {}, {"size=64k"}, false}};
    e.readonly_paths = {"/proc/sys", "/no/such/path"};
    e.limits = {{"RLIMIT_CORE", {0, 0}}};
    e.umask = 027;
    e.fds = {0, 1, 2, 3};
    return e;
}

std::vector<std::string> red(const proof::Verification& verification) {
    std::vector<std::string> names;
    for (const plan::Check& check : verification.checks) {
        if (check.verdict != plan::Verdict::ok) names.push_back(check.what);
    }
    return names;
}

bool privileged() { return geteuid() == 0; }

}  // namespace

TEST_CASE("a restricted process is seen as it is") {
    if (!privileged()) return;
    const Restricted child(1);
    REQUIRE(child.ready());
    const auto procfs = sys::Procfs::host();
    REQUIRE(procfs);
    const auto report = proof::verify(procfs.value(), child.pid(), restricted_expectation(), "child");
    REQUIRE(report);
    CHECK(red(report.value()).empty());
    CHECK(report.value().green());
    CHECK(report.value().exit_status() == 0);
    // The stop for reading the program left it as it was.
    const auto status = procfs.value().read(std::to_string(child.pid()) + "/status");
    REQUIRE(status);
    CHECK(status.value().find("TracerPid:\t0\n") != std::string::npos);
    CHECK(kill(child.pid(), 0) == 0);
}

TEST_CASE("control: this unrestricted test is red in every restriction") {
    if (!privileged()) return;
    const auto procfs = sys::Procfs::host();
    REQUIRE(procfs);
    const pid_t child = fork();
    if (child == 0) {
        const rlimit most{0, RLIM_INFINITY};
        setrlimit(RLIMIT_CORE, &most);
        umask(022);
        for (;;) pause();
    }
    usleep(20000);
    const auto report = proof::verify(procfs.value(), child, restricted_expectation(), "control");
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    REQUIRE(report);
    const auto names = red(report.value());
    for (const char* what : {"noNewPrivileges", "seccomp.mode", "seccomp.filters", "seccomp.program", "namespace.mnt",
                             "namespace.net", "namespace.uts", "mount /mnt", "readonly /proc/sys", "process.umask"}) {
        CAPTURE(what);
        CHECK(std::count(names.begin(), names.end(), what) == 1);
    }
    CHECK(report.value().exit_status() == 1);
}

TEST_CASE("another program, or one more filter, is named") {
    if (!privileged()) return;
    const auto procfs = sys::Procfs::host();
    REQUIRE(procfs);
    const Restricted child(2);
    REQUIRE(child.ready());
    auto expected = restricted_expectation();
    const auto two = proof::verify(procfs.value(), child.pid(), expected, "two filters");
    REQUIRE(two);
    CHECK(red(two.value()) == std::vector<std::string>{"seccomp.filters"});
    // A running app may stack filters of its own: ours is found below.
    const auto later = proof::verify(procfs.value(), child.pid(), proof::while_running(expected), "running");
    REQUIRE(later);
    CHECK(red(later.value()).empty());
    expected.seccomp_filters = 2;
    expected.seccomp_program->back().k ^= 1;
    const auto other = proof::verify(procfs.value(), child.pid(), expected, "other program");
    REQUIRE(other);
    CHECK(red(other.value()) == std::vector<std::string>{"seccomp.program"});
}

TEST_CASE("a directory of the host left open is a foreign descriptor") {
    if (!privileged()) return;
    const auto procfs = sys::Procfs::host();
    REQUIRE(procfs);
    const Restricted child(1, true);
    REQUIRE(child.ready());
    const auto seen = proof::observe(procfs.value(), std::to_string(child.pid()), restricted_expectation(), {});
    REQUIRE(seen);
    REQUIRE(seen.value().foreign_fds);
    CHECK(*seen.value().foreign_fds == std::vector<int>{4});
}

TEST_CASE("a process that is gone is an error, not a green report") {
    const auto procfs = sys::Procfs::host();
    REQUIRE(procfs);
    const pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, nullptr, 0);
    CHECK_FALSE(proof::verify(procfs.value(), child, restricted_expectation(), "gone"));
}

TEST_CASE("the table and the JSON of a report") {
    proof::Verification report{"web-1 (pid 7)",
                               {{"noNewPrivileges", "1", "1", plan::Verdict::ok, true},
                                {"hostname", "casemate", "evil\x1b[2J", plan::Verdict::different, true},
                                {"landlock", "set", "checked inside at start", plan::Verdict::inside_only, true}},
                               {}, {}, {}};
    const std::string table = proof::to_table(report, false);
    CHECK(table.find("  ok        noNewPrivileges  1\n") != std::string::npos);
    CHECK(table.find("  DIFFERENT hostname         expected casemate; seen evil\\x1b[2J\n") != std::string::npos);
    CHECK(table.find("3 checks: 1 ok, 1 different, 0 unseen, 1 checked inside at start\n") != std::string::npos);
    CHECK(table.find('\x1b') == std::string::npos);
    CHECK(proof::to_table(report, true).find("\033[31mDIFFERENT") != std::string::npos);
    const auto document = json::Document::parse(proof::to_json(report));
    REQUIRE(document);
    CHECK_FALSE(document.value().root().find("green")->boolean());
    CHECK(document.value().root().find("checks")->items().size() == 3);
}

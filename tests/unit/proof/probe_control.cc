// The control: the probe without a sandbox, as root, in namespaces of its own so that it does no harm. What a sandbox
// must prevent has to be seen as possible here, or the probe could not notice its absence.
#include <doctest/doctest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "proof/probe_report.h"
#include "unit/proof/plans.h"

using namespace casemate;
using namespace casemate::proof;
using namespace casemate::proof::test;

namespace {

constexpr int no_namespaces = 77;

// Child of a new pid namespace: confines itself by `confine`, then becomes the probe.
template <typename Confine>
[[noreturn]] void become_probe(int out, const std::vector<std::string>& arguments, Confine confine) {
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    char* const environment[] = {nullptr};
    dup2(out, STDOUT_FILENO);
    syscall(SYS_close_range, 3, ~0U, 0);
    if (mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 || mount("proc", "/proc", "proc", 0, nullptr) != 0 ||
        !confine())
        _exit(no_namespaces);
    execve(BINARY_DIR "/casemate-probe", argv.data(), environment);
    _exit(no_namespaces);
}

template <typename Confine>
std::vector<ProbeResult> run_probe(const std::vector<ProbeCheck>& checks, Confine confine) {
    const std::vector<std::string> arguments = probe_arguments(checks);
    int out[2];
    REQUIRE(pipe(out) == 0);
    const pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0) _exit(no_namespaces);
        const pid_t first = fork();
        if (first == 0) become_probe(out[1], arguments, confine);
        int status = 0;
        waitpid(first, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    close(out[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = read(out[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(got));
    close(out[0]);
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    return judge_probe(checks, text);
}

std::map<std::string, ProbeResult> by_name(const std::vector<ProbeResult>& results) {
    std::map<std::string, ProbeResult> map;
    for (const ProbeResult& result : results) map[result.check.name] = result;
    return map;
}

}  // namespace

TEST_CASE("control: without a sandbox the probe is full of surprises") {
    if (geteuid() != 0) return;
    const Planned made = planned(std::string("hardened"));
    const auto results = run_probe(probe_checks(made.plan, made.profile), [] { return true; });
    const auto seen = by_name(results);
    for (const auto& [name, result] : seen) {
        CAPTURE(name);
        CHECK(result.seen != "no answer");
        CHECK(result.seen != "unknown act");
        CHECK(result.seen != "wrong act");
        CHECK(result.seen != "nothing");
    }
    for (const char* name : {"mount /tmp: exec what was written",
                             "mount /tmp: map what was written",
                             "W+X: mmap",
                             "W+X: mprotect of a written page",
                             "W+X: pkey_mprotect",
                             "W+X: shmat SHM_EXEC",
                             "W+X: a memfd mapped executable",
                             "W+X: in a child",
                             "exec of a memfd",
                             "READ_IMPLIES_EXEC",
                             "unshare CLONE_NEWUSER",
                             "unshare CLONE_NEWNET",
                             "clone CLONE_NEWUSER",
                             "clone CLONE_NEWNS with bit 32",
                             "clone3",
                             "keyctl: id of the session keyring",
                             "ptrace ATTACH a sibling",
                             "ptrace SEIZE a sibling",
                             "ptrace TRACEME",
                             "process_vm_readv of a sibling",
                             "process_vm_writev of a sibling",
                             "pidfd_getfd of a sibling",
                             "memory of a sibling through /proc",
                             "socket AF_VSOCK",
                             "socket AF_PACKET",
                             "ioctl TIOCSTI",
                             "ioctl TIOCSTI with bits 32, 63",
                             "bpf",
                             "userfaultfd",
                             "io_uring_setup",
                             "personality ADDR_NO_RANDOMIZE",
                             "sched_setscheduler FIFO",
                             "chmod 04755",
                             "root: create in /",
                             "root: chmod /etc",
                             "mount /: flags",
                             "mount a tmpfs on /",
                             "chroot",
                             "ids",
                             "capabilities",
                             "bounding set",
                             "setuid(0)",
                             "capset CAP_SYS_ADMIN",
                             "no_new_privs",
                             "seccomp mode",
                             "securebits",
                             "MDWE",
                             "umask",
                             "hostname",
                             "limit RLIMIT_NOFILE",
                             "fork past the limit",
                             "Landlock: write /proc/self/comm",
                             "masked /proc/kallsyms: read",
                             "masked /proc/keys: flags",
                             "readonly /proc/sys: flags",
                             "write /proc/sys/kernel/core_pattern",
                             "every call number 0..1023 that the filter refuses",
                             "a call through i386's entry",
                             "sendto MSG_FASTOPEN",
                             "netlink protocols 0..22, with bit 32: EPROTONOSUPPORT",
                             "socket families 0..45, with bits 32 and 63: EAFNOSUPPORT"}) {
        INFO(std::string(name));
        REQUIRE(seen.count(name) == 1);
        INFO(seen.at(name).seen);
        CHECK(seen.at(name).status == ProbeStatus::surprise);
    }
}

TEST_CASE("the filter alone: every check of it passes, the others still surprise") {
    if (geteuid() != 0) return;
    const Planned made = planned(std::string("hardened"));
    std::vector<ProbeCheck> checks;
    for (const ProbeCheck& check : probe_checks(made.plan, made.profile)) {
        const bool by_filter = check.kind == "calls" || check.kind == "sweep" || check.kind == "clone" ||
                               check.kind == "unshare" || check.kind == "foreign" || check.kind == "memfd-exec" ||
                               check.kind == "wx-memfd" || check.kind == "ptrace-attach" || check.kind == "copy-memory";
        if (by_filter || check.name == "W+X: mmap") checks.push_back(check);
    }
    const auto results = run_probe(checks, [&] {
        const auto& program = made.plan.seccomp().program;
        sock_fprog loaded{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
               syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded) == 0;
    });
    for (const ProbeResult& result : results) {
        CAPTURE(result.check.name);
        CAPTURE(result.check.expected);
        CAPTURE(result.seen);
        if (result.check.name == "W+X: mmap") {
            CHECK(result.status == ProbeStatus::surprise);
        } else if (result.check.expected != "any" && result.check.name != "raw socket") {  // root still has CAP_NET_RAW
            CHECK(result.status == ProbeStatus::passed);
        }
    }
}

// Compiled programs in the running kernel: a child loads one and tries every number. What it saw comes back in shared
// memory; the parent compares it with the oracle. The child cannot outlive ten seconds.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>

#include "seccomp/guards.h"
#include "support.h"

#if defined(__x86_64__)

namespace casemate::seccomp {
namespace {

using namespace test;

constexpr int numbers = 1024;
constexpr uint16_t our_errno = 3333;  // no call of the kernel fails so

struct Seen {
    int loaded_errno = -1;  // of seccomp(2)
    double load_us = 0;
    int error[numbers] = {};
    int probe[64] = {};
};

// uretprobe and uprobe: entered from the kernel's own trampolines, which seccomp must not judge (Linux 6.14 and 6.18
// pass them by). From anywhere else they end in SIGILL.
bool unfiltered(int number) { return number == 335 || number == 336; }

int error_of(long result) { return result == -1 ? errno : 0; }

int load(const std::vector<sock_filter>& program) {
    const sock_fprog filter{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return errno;
    return error_of(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
}

// Runs `act` in a child under `program` (none: no filter). Yields its wait status.
template <typename Act>
int in_child(const std::vector<sock_filter>* program, Seen& seen, Act act) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::alarm(10);
        const auto start = std::chrono::steady_clock::now();
        seen.loaded_errno = program ? load(*program) : 0;
        seen.load_us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
        if (seen.loaded_errno == 0) act(seen);
        ::syscall(SYS_exit_group, 0);  // not _exit: a leak checker would hook it, and the filter stop that
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return status;
}

Seen& shared() {
    void* memory = ::mmap(nullptr, sizeof(Seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    return *new (memory) Seen;
}

// The child's own needs only. All else fails with an errno that nothing but the filter gives.
Policy almost_nothing() {
    Layer layer;
    layer.default_verdict = {Action::errno_, our_errno, false};
    layer.unknown_verdict = {Action::errno_, our_errno + 1, false};
    layer.allow = {allow("exit_group"), allow("clock_gettime"), allow("getppid"), allow("rt_sigreturn")};
    layer.deny = {deny("personality", our_errno + 2, {{0, Op::ne, 0xffffffff, 0}})};
    layer.allow->push_back(allow("personality"));
    return {{layer}, {}, {}};
}

}  // namespace

TEST_CASE("kernel: a sweep over all numbers sees what the oracle says") {
    const Policy policy = almost_nothing();
    const auto program = program_of(policy);
    Seen& seen = shared();
    const int status = in_child(&program, seen, [](Seen& out) {
        for (int number = 0; number < numbers; ++number)
            if (number != SYS_exit_group && number != SYS_rt_sigreturn && !unfiltered(number))
                out.error[number] = error_of(::syscall(number, 0, 0, 0, 0, 0, 0));
    });
    REQUIRE(status == 0);
    REQUIRE(seen.loaded_errno == 0);
    size_t denied = 0;
    for (int number = 0; number < numbers; ++number) {
        seccomp_data data{.nr = number, .arch = audit_arch(Arch::x86_64), .instruction_pointer = 0, .args = {}};
        const Verdict verdict = verdict_of(policy, data);
        if (verdict.action != Action::errno_ || unfiltered(number)) continue;
        CHECK_MESSAGE(seen.error[number] == verdict.data, "nr ", number);
        ++denied;
    }
    CHECK(denied == numbers - 6);
    CHECK(seen.error[SYS_getppid] == 0);
    ::munmap(&seen, sizeof seen);
}

TEST_CASE("kernel, control: without the filter no call fails with its errno") {
    Seen& seen = shared();
    const int status = in_child(nullptr, seen, [](Seen& out) {
        for (int number : {SYS_getpid, SYS_getuid, SYS_sched_yield}) out.error[number] = error_of(::syscall(number));
        out.error[900] = error_of(::syscall(900));
    });
    REQUIRE(status == 0);
    CHECK(seen.error[SYS_getpid] == 0);
    CHECK(seen.error[SYS_sched_yield] == 0);
    CHECK(seen.error[900] == ENOSYS);
    ::munmap(&seen, sizeof seen);
}

TEST_CASE("kernel: bits the kernel does not look at change nothing") {
    const uint32_t families[] = {AF_UNIX};
    Layer layer;
    layer.deny = only_socket_families(families);
    for (Rule& rule : layer.deny) rule.verdict.data = our_errno;
    const Rules personality = lock_personality();
    layer.deny.insert(layer.deny.end(), personality.begin(), personality.end());
    const auto program = program_of({{layer}, {}, {}});
    Seen& seen = shared();
    const int status = in_child(&program, seen, [](Seen& out) {
        const unsigned long high = 1ul << 32, highest = 1ul << 63;
        out.probe[0] = error_of(::syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
        out.probe[1] = error_of(::syscall(SYS_socket, AF_UNIX | high, SOCK_STREAM, 0));
        out.probe[2] = error_of(::syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
        out.probe[3] = error_of(::syscall(SYS_socket, AF_INET | high, SOCK_STREAM, 0));
        out.probe[4] = error_of(::syscall(SYS_socket, AF_INET | highest, SOCK_STREAM, 0));
        out.probe[5] = error_of(::syscall(SYS_personality, 0x0040000ul));
        out.probe[6] = error_of(::syscall(SYS_personality, 0x0040000ul | high));
        out.probe[7] = error_of(::syscall(SYS_personality, 0xfffffffful | high));
    });
    REQUIRE(status == 0);
    REQUIRE(seen.loaded_errno == 0);
    CHECK(seen.probe[0] == 0);
    CHECK(seen.probe[1] == 0);
    for (int i : {2, 3, 4}) CHECK(seen.probe[i] == our_errno);
    for (int i : {5, 6}) CHECK(seen.probe[i] == EPERM);
    CHECK(seen.probe[7] == 0);
    ::munmap(&seen, sizeof seen);
}

TEST_CASE("kernel: a call of x32 or i386 kills the process under a native filter") {
    const auto program = program_of({{}, {}, {}});
    Seen& seen = shared();
    const int x32 = in_child(&program, seen, [](Seen&) { ::syscall(0x40000000 | SYS_getpid); });
    CHECK(seen.loaded_errno == 0);
    CHECK(WIFSIGNALED(x32));
    CHECK(WTERMSIG(x32) == SIGSYS);
    const auto call_i386 = [](Seen& out) {
        long result = 20;  // getpid
        asm volatile("int $0x80" : "+a"(result)::"memory", "r8", "r9", "r10", "r11");
        out.probe[0] = 1;
    };
    const int i386 = in_child(&program, seen, call_i386);
    CHECK(WIFSIGNALED(i386));
    CHECK((WTERMSIG(i386) == SIGSYS || WTERMSIG(i386) == SIGSEGV));  // SIGSEGV: a kernel without IA32 emulation
    CHECK(seen.probe[0] == 0);
    ::munmap(&seen, sizeof seen);
}

TEST_CASE("kernel: the engines' profiles load, on all their architectures") {
    for (std::string_view file : {"moby-default.json", "podman-default.json"})
        for (const auto& architectures : {std::vector<std::string_view>{}, {"SCMP_ARCH_X86", "SCMP_ARCH_X32"}}) {
            const auto program = program_of(policy_of(engine_profile(file, {}, architectures).filter));
            Seen& seen = shared();
            double best = 1e9;
            for (int round = 0; round < 10; ++round) {
                const int status =
                    in_child(&program, seen, [](Seen& out) { out.probe[0] = error_of(::syscall(SYS_getppid)); });
                REQUIRE(status == 0);
                CHECK(seen.loaded_errno == 0);
                CHECK(seen.probe[0] == 0);
                best = std::min(best, seen.load_us);
            }
            MESSAGE(std::string(file), ": ", program.size(), " instructions load in ", best, " us");
            ::munmap(&seen, sizeof seen);
        }
}

}  // namespace casemate::seccomp

#endif

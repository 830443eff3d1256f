// Each guard: the act that must fail, its neighbour that must not, and the same with high bits the kernel does not see.
// The control of every case is the policy without the guard.
#include "seccomp/guards.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "support.h"

namespace casemate::seccomp {
namespace {

using namespace test;

constexpr uint64_t bit32 = uint64_t{1} << 32, bit63 = uint64_t{1} << 63;

// What a policy that allows everything but for `rules` says of a call; 0: allowed.
class Guarded {
public:
    explicit Guarded(const Rules& rules, std::vector<Arch> architectures = {Arch::x86_64, Arch::x86}) {
        Layer layer;
        layer.deny = rules;
        policy_ = {{layer}, {}, std::move(architectures)};
        program_ = program_of(policy_);
        for (Arch arch : policy_.architectures)
            CHECK(differences(policy_, program_, interesting_calls(policy_, arch)) == 0);
    }
    int operator()(std::string_view name, std::initializer_list<uint64_t> args = {}, Arch arch = Arch::x86_64) const {
        const uint32_t verdict = run(program_, call(name, args, arch));
        if (verdict == SECCOMP_RET_ALLOW) return 0;
        CHECK((verdict & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO);
        return static_cast<int>(verdict & SECCOMP_RET_DATA);
    }

private:
    Policy policy_;
    std::vector<sock_filter> program_;
};

}  // namespace

TEST_CASE("guards, control: without a guard everything passes") {
    const Guarded free({});
    CHECK(free("socket", {38}) == 0);
    CHECK(free("personality", {0x0400000}) == 0);
    CHECK(free("ioctl", {0, 0x5412}) == 0);
    CHECK(free("clone", {0x10000000}) == 0);
    CHECK(free("mmap", {0, 4096, 7}) == 0);
    CHECK(free("memfd_create") == 0);
}

TEST_CASE("guards: socket families 0 to 63, with high bits, and through socketcall") {
    const uint32_t families[] = {1, 2, 10, 16};
    const Guarded guarded(only_socket_families(families));
    for (uint64_t family = 0; family < 64; ++family)
        for (uint64_t high : {uint64_t{0}, bit32, bit63, uint64_t{0xffffffff00000000}}) {
            const int wanted = family == 1 || family == 2 || family == 10 || family == 16 ? 0 : EAFNOSUPPORT;
            CHECK(guarded("socket", {family | high, 1, 0}) == wanted);
            CHECK(guarded("socketpair", {family | high, 1, 0}) == wanted);
        }
    CHECK(guarded("socketcall", {1}, Arch::x86) == EAFNOSUPPORT);
    CHECK(guarded("socketcall", {8}, Arch::x86) == EAFNOSUPPORT);
    CHECK(guarded("socketcall", {3}, Arch::x86) == 0);
    CHECK(Guarded(only_socket_families({}))("socket", {1}) == EAFNOSUPPORT);
}

TEST_CASE("guards: netlink protocols") {
    const uint32_t protocols[] = {0};
    const Guarded guarded(only_netlink_protocols(protocols));
    for (uint64_t protocol = 0; protocol < 32; ++protocol) {
        CHECK(guarded("socket", {16, 3, protocol}) == (protocol == 0 ? 0 : EPROTONOSUPPORT));
        CHECK(guarded("socket", {16 | bit32, 3, protocol | bit63}) == (protocol == 0 ? 0 : EPROTONOSUPPORT));
        CHECK(guarded("socket", {2, 1, protocol}) == 0);
    }
}

TEST_CASE("guards: personality") {
    const Guarded guarded(lock_personality());
    CHECK(guarded("personality", {0}) == 0);
    CHECK(guarded("personality", {0xffffffff}) == 0);
    CHECK(guarded("personality", {UINT64_MAX}) == 0);     // the kernel sees the query
    CHECK(guarded("personality", {0x0040000}) == EPERM);  // ADDR_NO_RANDOMIZE
    CHECK(guarded("personality", {0x0400000 | bit32}) == EPERM);
    CHECK(guarded("personality", {bit32}) == 0);
}

TEST_CASE("guards: realtime scheduling") {
    const Guarded guarded(restrict_realtime());
    for (uint64_t policy : {0, 3, 5}) CHECK(guarded("sched_setscheduler", {0, policy}) == 0);
    for (uint64_t policy : {1, 2, 6})
        for (uint64_t extra : {uint64_t{0}, uint64_t{0x40000000}, bit32})
            CHECK(guarded("sched_setscheduler", {0, policy | extra}) == EPERM);
    CHECK(guarded("sched_setattr") == EPERM);
}

TEST_CASE("guards: setuid and setgid bits") {
    const Guarded guarded(restrict_suid_sgid());
    const uint64_t dir = 0xffffff9c;
    for (uint64_t bits : {04000, 02000, 06755}) {
        for (std::string_view name : {"chmod", "fchmod", "mkdir", "mknod", "creat"})
            CHECK(guarded(name, {0, bits}) == EPERM);
        for (std::string_view name : {"fchmodat", "fchmodat2", "mkdirat", "mknodat"})
            CHECK(guarded(name, {dir, 0, bits}) == EPERM);
        CHECK(guarded("open", {0, 0100, bits}) == EPERM);
        CHECK(guarded("open", {0, 020200000, bits}) == EPERM);  // O_TMPFILE
        CHECK(guarded("open", {0, 0, bits}) == 0);              // no file is made, the mode is not looked at
        CHECK(guarded("openat", {dir, 0, 0102 | bit32, bits | bit63}) == EPERM);
        CHECK(guarded("openat", {dir, 0, 0, bits}) == 0);
    }
    CHECK(guarded("chmod", {0, 01777}) == 0);
    CHECK(guarded("chmod", {0, 0755 | 0x10000}) == 0);
    CHECK(guarded("openat", {dir, 0, 0102, 0644}) == 0);
    CHECK(guarded("openat2") == ENOSYS);
}

TEST_CASE("guards: terminal injection") {
    const Guarded guarded(deny_terminal_injection());
    for (uint64_t request : {0x5412, 0x541c})
        for (uint64_t high : {uint64_t{0}, bit32, bit63}) CHECK(guarded("ioctl", {0, request | high}) == EPERM);
    CHECK(guarded("ioctl", {0, 0x5413}) == 0);
}

TEST_CASE("guards: namespaces") {
    const Guarded guarded(restrict_namespaces());
    for (uint64_t flag : {0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000}) {
        CHECK(guarded("clone", {flag | 17}) == EPERM);
        CHECK(guarded("clone", {flag | bit32}) == EPERM);
    }
    CHECK(guarded("clone", {0x003d0f00}) == 0);  // a thread of glibc
    CHECK(guarded("clone", {0x01200011}) == 0);  // fork of glibc
    CHECK(guarded("unshare", {0x10000000}) == EPERM);
    CHECK(guarded("setns") == EPERM);
    CHECK(guarded("clone3") == ENOSYS);
}

TEST_CASE("guards: writable and executable memory") {
    const Guarded guarded(deny_write_execute());
    CHECK(guarded("mmap", {0, 4096, 3}) == 0);
    CHECK(guarded("mmap", {0, 4096, 5}) == 0);
    CHECK(guarded("mmap", {0, 4096, 7}) == EACCES);
    CHECK(guarded("mmap", {0, 4096, 6 | bit32}) == EACCES);
    CHECK(guarded("mprotect", {0, 4096, 5}) == EACCES);
    CHECK(guarded("mprotect", {0, 4096, 3}) == 0);
    CHECK(guarded("pkey_mprotect", {0, 4096, 4, 0}) == EACCES);
    CHECK(guarded("shmat", {0, 0, 0100000}) == EACCES);
    CHECK(guarded("shmat", {0, 0, 010000}) == 0);
    CHECK(guarded("personality", {0x0400000}) == EPERM);
    CHECK(guarded("personality", {0xffffffff}) == 0);
    CHECK(guarded("mmap", {0x1000}, Arch::x86) == EACCES);  // its arguments are in memory: denied in whole
    CHECK(guarded("mmap2", {0, 4096, 3}, Arch::x86) == 0);
    CHECK(guarded("mmap2", {0, 4096, 7}, Arch::x86) == EACCES);
    CHECK(guarded("ipc", {21, 0, 0100000}, Arch::x86) == EACCES);
    CHECK(guarded("ipc", {0x10015, 0, 0100000}, Arch::x86) == EACCES);  // the upper half is a version
    CHECK(guarded("ipc", {22, 0, 0100000}, Arch::x86) == 0);
}

TEST_CASE("guards: memfd, connect, fast open") {
    CHECK(Guarded(deny_memfd())("memfd_create") == ENOSYS);
    CHECK(Guarded(deny_memfd())("memfd_secret") == ENOSYS);
    CHECK(Guarded(deny_connect())("connect") == EPERM);
    CHECK(Guarded(deny_connect())("socketcall", {3}, Arch::x86) == EPERM);
    CHECK(Guarded(deny_connect())("bind") == 0);
    const Guarded guarded(deny_fastopen());
    CHECK(guarded("sendto", {3, 0, 1, 0x20000000}) == EOPNOTSUPP);
    CHECK(guarded("sendto", {3, 0, 1, 0x20004000 | bit32}) == EOPNOTSUPP);
    CHECK(guarded("sendto", {3, 0, 1, 0x4000}) == 0);
    CHECK(guarded("sendmsg", {3, 0, 0x20000000}) == EOPNOTSUPP);
    CHECK(guarded("sendmmsg", {3, 0, 1, 0x20000000}) == EOPNOTSUPP);
}

TEST_CASE("guards: every rule names a call, and no condition is on a pointer") {
    const uint32_t some[] = {1};
    for (const Rules& rules :
         {only_socket_families(some), only_netlink_protocols(some), lock_personality(), restrict_realtime(),
          restrict_suid_sgid(), deny_terminal_injection(), restrict_namespaces(), deny_write_execute(), deny_memfd(),
          deny_connect(), deny_fastopen()})
        for (const Rule& rule : rules) {
            REQUIRE(rule.syscall);
            CHECK(rule.verdict.by_name);
            for (const Condition& condition : rule.conditions)
                CHECK(fits(rule.syscall->args[condition.index], condition.value));
        }
}

TEST_CASE("guards: names of families and protocols") {
    CHECK(socket_family_by_name("AF_UNIX") == 1u);
    CHECK(socket_family_by_name("AF_ALG") == 38u);
    CHECK_FALSE(socket_family_by_name("PF_INET"));
    CHECK(netlink_protocol_by_name("NETLINK_ROUTE") == 0u);
    CHECK(netlink_protocol_by_name("NETLINK_AUDIT") == 9u);
    CHECK_FALSE(netlink_protocol_by_name("ROUTE"));
}

}  // namespace casemate::seccomp

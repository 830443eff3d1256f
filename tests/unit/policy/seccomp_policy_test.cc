// The filter of a profile: groups, guards and the launcher's own calls, asked call by call of the policy's definition.
// Each guard is shown with its field and without it.
#include <doctest/doctest.h>

#include <linux/audit.h>
#include <linux/seccomp.h>

#include "unit/policy/files.h"

namespace casemate::policy {
using namespace test;
using seccomp::Action;

namespace {

// "ALLOW", an errno's name, "KILL_PROCESS" ... for one call on the native architecture.
std::string ask(const seccomp::Policy& policy, std::string_view name, std::vector<uint64_t> args = {}) {
    const seccomp::Syscall* const call = seccomp::find_syscall(name);
    REQUIRE(call);
    seccomp_data data{};
    data.nr = call->number[static_cast<size_t>(seccomp::native_arch())];
    data.arch = seccomp::audit_arch(seccomp::native_arch());
    for (size_t i = 0; i < args.size(); ++i) data.args[i] = args[i];
    const seccomp::Verdict verdict = verdict_of(policy, data);
    if (verdict.action == Action::errno_) return errno_name(verdict.data);
    return std::string(seccomp::action_name(verdict.action).substr(9));
}

seccomp::Policy filter_of(const std::string& members, const FilterNeeds& needs = {}) {
    const auto profile = load_members(members);
    REQUIRE_MESSAGE(profile, error_of(profile));
    return seccomp_policy(profile.value(), needs);
}

seccomp::Policy shipped(const std::string& name, const FilterNeeds& needs = {}) {
    BuiltInReader reader;
    return seccomp_policy(load(name, reader).take(), needs);
}

std::string number_verdict(const seccomp::Policy& policy, int number, uint32_t arch) {
    seccomp_data data{};
    data.nr = number;
    data.arch = arch;
    const auto verdict = verdict_of(policy, data);
    return verdict.action == Action::errno_ ? errno_name(verdict.data)
                                            : std::string(seccomp::action_name(verdict.action).substr(9));
}

struct Guard {
    const char* field;  // the members that turn it on
    const char* call;
    std::vector<uint64_t> hit, miss;
    const char* verdict;
};

}  // namespace

TEST_CASE("oci restricts no call") { CHECK(shipped("oci").empty()); }

TEST_CASE("hardened: the groups, clone3, and numbers in no table") {
    const auto policy = shipped("hardened");
    CHECK(ask(policy, "openat") == "ALLOW");
    CHECK(ask(policy, "mkdir", {0, 0755}) == "ALLOW");
    for (const char* call : {"mount", "ptrace", "bpf", "keyctl", "io_uring_setup", "userfaultfd", "unshare", "setns"})
        CHECK(ask(policy, call) == "EPERM");
    CHECK(ask(policy, "clone3") == "ENOSYS");
    CHECK(ask(policy, "memfd_create") == "ENOSYS");
    const uint32_t native = seccomp::audit_arch(seccomp::native_arch());
    CHECK(number_verdict(policy, 1000, native) == "ENOSYS");
    CHECK(number_verdict(policy, 39, AUDIT_ARCH_I386) == "KILL_PROCESS");
    CHECK(ask(shipped("strict"), "mkdir", {0, 0755}) == "EPERM");
    CHECK(ask(shipped("strict"), "openat") == "ALLOW");
}

TEST_CASE("guards deny what they name, and nothing without their field") {
    constexpr uint64_t high = uint64_t{1} << 32;  // bits that the kernel does not look at
    const std::vector<Guard> guards{
        {R"("seccomp": {"socketFamilies": ["AF_UNIX", "AF_INET"]})", "socket", {10, 1, 0}, {2, 1, 0}, "EAFNOSUPPORT"},
        {R"("seccomp": {"socketFamilies": ["AF_UNIX"]})", "socketpair", {16 + high}, {1 + high}, "EAFNOSUPPORT"},
        {R"("seccomp": {"netlinkProtocols": ["NETLINK_ROUTE"]})", "socket", {16, 3, 9}, {16, 3, 0}, "EPROTONOSUPPORT"},
        {R"("seccomp": {"netlinkProtocols": []})", "socket", {16, 3, 0}, {2, 3, 9}, "EPROTONOSUPPORT"},
        {R"("seccomp": {"lockPersonality": true})", "personality", {0x0400000}, {0xffffffff}, "EPERM"},
        {R"("seccomp": {"lockPersonality": true})", "personality", {8}, {0}, "EPERM"},
        {R"("seccomp": {"restrictRealtime": true})", "sched_setscheduler", {0, 1}, {0, 3}, "EPERM"},
        {R"("seccomp": {"restrictRealtime": true})", "sched_setscheduler", {0, 0x40000002}, {0, 0x40000000}, "EPERM"},
        {R"("seccomp": {"restrictSUIDSGID": true})", "chmod", {0, 04755}, {0, 0755}, "EPERM"},
        {R"("seccomp": {"restrictSUIDSGID": true})", "openat", {0, 0, 0100, 02755}, {0, 0, 0, 02755}, "EPERM"},
        {R"("seccomp": {"denyTerminalInjection": true})", "ioctl", {0, 0x5412 + high}, {0, 0x5413}, "EPERM"},
        {R"("seccomp": {"denyTerminalInjection": true})", "ioctl", {0, 0x541c}, {0, 0x5401}, "EPERM"},
        {R"("namespaces": {"restrictNamespaces": true})", "clone", {0x10000000}, {0x00000100}, "EPERM"},
        {R"("memory": {"denyWriteExecute": true})", "shmat", {0, 0, 0100000}, {0, 0, 010000}, "EACCES"},
        {R"("network": {"mode": "none"})", "sendto", {0, 0, 0, 0x20000000}, {0, 0, 0, 0x4000}, "EOPNOTSUPP"},
        {R"("network": {"mode": "sockets"})", "sendmsg", {0, 0, 0x20000000}, {0, 0, 0}, "EOPNOTSUPP"},
        {R"("network": {"mode": "published"})", "sendmmsg", {0, 0, 0, 0x20004000}, {0, 0, 0, 0x4000}, "EOPNOTSUPP"},
    };
    for (const Guard& guard : guards) {
        CAPTURE(guard.field);
        CAPTURE(guard.call);
        const auto policy = filter_of(guard.field), without = filter_of("");
        CHECK(ask(policy, guard.call, guard.hit) == guard.verdict);
        CHECK(ask(policy, guard.call, guard.miss) == "ALLOW");
        CHECK(without.empty());
    }
    CHECK(filter_of(R"("network": {"mode": "host"})").empty());
    const auto namespaces = filter_of(R"("namespaces": {"restrictNamespaces": true})");
    CHECK(ask(namespaces, "unshare", {0}) == "EPERM");
    CHECK(ask(namespaces, "setns") == "EPERM");
    CHECK(ask(namespaces, "clone3") == "ENOSYS");
    for (uint64_t flag = 0x02000000; flag <= 0x40000000; flag <<= 1)
        CHECK(ask(namespaces, "clone", {flag | 17}) == "EPERM");
    CHECK(ask(namespaces, "clone", {0x00020000}) == "EPERM");
}

TEST_CASE("needs of the launch: W^X by filter, a handed-over socket") {
    const std::string wx = R"("memory": {"denyWriteExecute": true})";
    const auto by_filter = filter_of(wx, {.mdwe_by_filter = true}), by_prctl = filter_of(wx);
    CHECK(ask(by_filter, "mmap", {0, 4096, 7}) == "EACCES");
    CHECK(ask(by_prctl, "mmap", {0, 4096, 7}) == "ALLOW");
    CHECK(ask(by_filter, "mmap", {0, 4096, 5}) == "ALLOW");
    CHECK(ask(by_filter, "mprotect", {0, 4096, 5}) == "EACCES");
    CHECK(ask(by_filter, "pkey_mprotect", {0, 4096, 4}) == "EACCES");
    CHECK(ask(by_filter, "mprotect", {0, 4096, 3}) == "ALLOW");
    CHECK(ask(by_filter, "personality", {0x0400000}) == "EPERM");
    CHECK(ask(by_filter, "shmat", {0, 0, 0100000}) == "EACCES");

    CHECK(ask(shipped("web"), "connect") == "ALLOW");
    CHECK(ask(shipped("web", {.listening = true}), "connect") == "EPERM");
}

TEST_CASE("the launcher's own calls always pass, guards on their arguments stay") {
    const std::string none =
        R"("seccomp": {"allow": [], "deny": ["@process", "@basic-io"], "defaultAction": "SCMP_ACT_KILL_PROCESS"},
                                "namespaces": {"restrictNamespaces": true})";
    const auto plain = filter_of(none), with_init = filter_of(none, {.own_init = true});
    for (const std::string_view call : launcher_calls({})) CHECK(ask(plain, call) == "ALLOW");
    for (const std::string_view call : launcher_calls({.own_init = true})) CHECK(ask(with_init, call) == "ALLOW");
    CHECK(ask(plain, "kill") == "EPERM");
    CHECK(ask(plain, "mount") == "KILL_PROCESS");
    CHECK(ask(with_init, "clone", {0x10000000}) == "EPERM");
    CHECK(ask(plain, "clone3") == "ENOSYS");
}

TEST_CASE("a child's deny never answers less than its parent's default") {
    Texts reader;
    reader.put("./p.json",
               R"({"schemaVersion": 1, "seccomp": {"defaultAction": "SCMP_ACT_KILL_PROCESS", "allow": ["brk",
        {"names": ["prctl"], "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 15}]}]}})");
    reader.put("./c.json",
               R"({"schemaVersion": 1, "extends": "./p.json", "seccomp": {"deny": ["brk", "prctl", "mount"]}})");
    const auto parent = seccomp_policy(load("./p.json", reader).value(), {}),
               child = seccomp_policy(load("./c.json", reader).value(), {});
    CHECK(ask(parent, "mount") == "KILL_PROCESS");
    CHECK(ask(child, "mount") == "KILL_PROCESS");
    CHECK(ask(child, "brk") == "EPERM");
    CHECK(ask(child, "prctl", {16}) == "KILL_PROCESS");
    CHECK(ask(child, "prctl", {15}) == "KILL_PROCESS");
}

TEST_CASE("a child cannot weaken the default that its parent left unsaid") {
    Texts reader;
    reader.put("./p.json", R"({"schemaVersion": 1, "seccomp": {"allow": ["@base"]}})");
    reader.put("./c.json",
               R"({"schemaVersion": 1, "extends": "./p.json", "seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}})");
    CHECK(error_of(load("./c.json", reader)).find("'SCMP_ACT_ALLOW' is weaker than './p.json' ('SCMP_ACT_ERRNO')") !=
          std::string::npos);
}

TEST_CASE("clone3 is never EPERM") {
    CHECK(ask(filter_of(R"("seccomp": {"allow": ["@base"]})"), "clone3") == "ENOSYS");
    CHECK(ask(filter_of(R"("seccomp": {"deny": ["@namespace"]})"), "clone3") == "ENOSYS");
    CHECK(ask(filter_of(R"("seccomp": {"allow": ["clone3"]})"), "clone3") == "ALLOW");
    CHECK(ask(filter_of(R"("seccomp": {"deny": ["mount"]})"), "clone3") == "ALLOW");
    CHECK(ask(filter_of(R"("seccomp": {"deny": [{"names": ["clone3"], "action": "SCMP_ACT_KILL_PROCESS"}]})"),
              "clone3") == "KILL_PROCESS");
}

TEST_CASE("architectures: native only when the profile says so") {
    const uint32_t foreign = AUDIT_ARCH_I386;
    CHECK(number_verdict(filter_of(R"("seccomp": {"nativeOnly": true})"), 20, foreign) == "KILL_PROCESS");
    CHECK(number_verdict(filter_of(R"("seccomp": {"deny": ["mount"]})"), 20, foreign) == "ALLOW");
    CHECK(number_verdict(filter_of(R"("seccomp": {"deny": ["mount"]})"), 21, foreign) == "EPERM");
}

TEST_CASE("the filter of each shipped profile compiles, within the kernel's 4096 instructions") {
    for (const std::string_view name : built_in_names()) {
        const auto program =
            seccomp::compile(shipped(std::string(name), {.mdwe_by_filter = true, .listening = true, .own_init = true}));
        REQUIRE_MESSAGE(program, (program ? std::string() : program.error().text()));
        CHECK(program.value().size() <= 4096);
        MESSAGE(name << ": " << program.value().size() << " instructions");
    }
}

}  // namespace casemate::policy

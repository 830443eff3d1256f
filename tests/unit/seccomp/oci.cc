// config.json's rules: what is read, what is ignored, what is refused, and where we depart from libseccomp.
#include <doctest/doctest.h>

#include <cerrno>

#include "seccomp/oci.h"
#include "support.h"

namespace casemate::seccomp {
namespace {

using namespace test;

uint32_t answer(const OciFilter& filter, const seccomp_data& data) { return run(program_of(policy_of(filter)), data); }

constexpr uint32_t denied = SECCOMP_RET_ERRNO | EPERM;

}  // namespace

TEST_CASE("oci: two conditions on one argument are ANDed (CVE-2017-18367)") {
    OciFilter filter{"SCMP_ACT_ERRNO", {}, {}, {}};
    filter.syscalls.push_back(
        {{"socket"}, "SCMP_ACT_ALLOW", {}, {{0, 38, 0, "SCMP_CMP_NE"}, {0, 40, 0, "SCMP_CMP_NE"}}});
    CHECK(answer(filter, call("socket", {1})) == SECCOMP_RET_ALLOW);
    CHECK(answer(filter, call("socket", {38})) == denied);
    CHECK(answer(filter, call("socket", {40})) == denied);
    CHECK(answer(filter, call("socket", {40 | uint64_t{1} << 32})) == denied);
    CHECK(answer(filter, call("socket", {38 | uint64_t{1} << 63})) == denied);
}

TEST_CASE("oci: of matching rules with conditions the strictest counts, in any order") {
    const OciSyscall low{{"lseek"}, "SCMP_ACT_ALLOW", {}, {{1, 100, 0, "SCMP_CMP_LT"}}};
    const OciSyscall ten{{"lseek"}, "SCMP_ACT_ERRNO", EACCES, {{1, 10, 0, "SCMP_CMP_EQ"}}};
    for (const auto& rules : {std::vector{low, ten}, {ten, low}}) {
        const OciFilter filter{"SCMP_ACT_ERRNO", {}, {}, rules};
        CHECK(answer(filter, call("lseek", {0, 10})) == (SECCOMP_RET_ERRNO | EACCES));
        CHECK(answer(filter, call("lseek", {0, 11})) == SECCOMP_RET_ALLOW);
        CHECK(answer(filter, call("lseek", {0, 10 | uint64_t{1} << 32})) == denied);
    }
}

TEST_CASE("oci: a number in no table is ENOSYS under an errno default, else the default") {
    seccomp_data unknown = call("read");
    unknown.nr = 900;
    CHECK(answer({"SCMP_ACT_ERRNO", {}, {}, {}}, unknown) == (SECCOMP_RET_ERRNO | ENOSYS));
    CHECK(answer({"SCMP_ACT_ERRNO", {}, {}, {}}, call("read")) == denied);
    CHECK(answer({"SCMP_ACT_KILL_PROCESS", {}, {}, {}}, unknown) == SECCOMP_RET_KILL_PROCESS);
    CHECK(answer({"SCMP_ACT_ALLOW", {}, {}, {}}, unknown) == SECCOMP_RET_ALLOW);
}

TEST_CASE("oci: actions and their data") {
    const auto with = [](std::string_view action, std::optional<uint32_t> data) {
        return answer({"SCMP_ACT_ALLOW", {}, {}, {{{"read"}, action, data, {}}}}, call("read"));
    };
    CHECK(with("SCMP_ACT_KILL", {}) == SECCOMP_RET_KILL_THREAD);
    CHECK(with("SCMP_ACT_KILL_THREAD", {}) == SECCOMP_RET_KILL_THREAD);
    CHECK(with("SCMP_ACT_KILL_PROCESS", {}) == SECCOMP_RET_KILL_PROCESS);
    CHECK(with("SCMP_ACT_TRAP", {}) == SECCOMP_RET_TRAP);
    CHECK(with("SCMP_ACT_ERRNO", {}) == denied);
    CHECK(with("SCMP_ACT_ERRNO", 0) == (SECCOMP_RET_ERRNO | 0));
    CHECK(with("SCMP_ACT_TRACE", 7) == (SECCOMP_RET_TRACE | 7));
    CHECK(with("SCMP_ACT_NOTIFY", {}) == SECCOMP_RET_USER_NOTIF);
    CHECK(with("SCMP_ACT_LOG", {}) == SECCOMP_RET_LOG);
}

TEST_CASE("oci: unknown calls and foreign architectures are reported, not refused") {
    OciIgnored ignored;
    const Policy policy = policy_of({"SCMP_ACT_ERRNO",
                                     {},
                                     {"SCMP_ARCH_X86_64", "SCMP_ARCH_S390X", "SCMP_ARCH_X86"},
                                     {{{"read", "no_such_call", "s390_pci_mmio_read"}, "SCMP_ACT_ALLOW", {}, {}}}},
                                    &ignored);
    CHECK(ignored.names == std::vector<std::string>{"no_such_call", "s390_pci_mmio_read"});
    CHECK(ignored.architectures == std::vector<std::string>{"SCMP_ARCH_S390X"});
    CHECK(policy.architectures == std::vector<Arch>{Arch::x86_64, Arch::x86});
    CHECK(policy.oci.front().rules.size() == 1);
}

TEST_CASE("oci: what is refused") {
    const auto refused = [](const OciFilter& filter) {
        OciIgnored ignored;
        const auto policy = from_oci(filter, ignored);
        REQUIRE_FALSE(policy);
        return policy.error().text();
    };
    CHECK(refused({"SCMP_ACT_DENY", {}, {}, {}}) == "defaultAction: unknown action 'SCMP_ACT_DENY'");
    CHECK(refused({"SCMP_ACT_ALLOW", 1, {}, {}}) == "defaultAction: 'SCMP_ACT_ALLOW' takes no errnoRet");
    CHECK(refused({"SCMP_ACT_ERRNO", 65536, {}, {}}) == "defaultAction: errnoRet 65536 is above 65535");
    CHECK(refused({"SCMP_ACT_ERRNO", {}, {"SCMP_ARCH_VAX"}, {}}) == "unknown architecture 'SCMP_ARCH_VAX'");
    CHECK(refused({"SCMP_ACT_ERRNO", {}, {}, {{{"read"}, "ALLOW", {}, {}}}}) == "syscalls[0]: unknown action 'ALLOW'");
    CHECK(refused({"SCMP_ACT_ERRNO", {}, {}, {{{"read"}, "SCMP_ACT_ALLOW", {}, {{6, 0, 0, "SCMP_CMP_EQ"}}}}}) ==
          "syscalls[0]: a call has no argument 6");
    CHECK(refused({"SCMP_ACT_ERRNO", {}, {}, {{{"read"}, "SCMP_ACT_ALLOW", {}, {{0, 0, 0, "EQ"}}}}}) ==
          "syscalls[0]: unknown comparison 'EQ'");
}

TEST_CASE("oci: x86's socketcall and ipc follow rules without conditions, and no others") {
    OciFilter filter{"SCMP_ACT_ERRNO", {}, {"SCMP_ARCH_X86"}, {}};
    filter.syscalls = {{{"bind", "shmat"}, "SCMP_ACT_ALLOW", {}, {}},
                       {{"socket"}, "SCMP_ACT_ALLOW", {}, {{0, 1, 0, "SCMP_CMP_EQ"}}}};
    CHECK(answer(filter, call("socketcall", {2}, Arch::x86)) == SECCOMP_RET_ALLOW);
    CHECK(answer(filter, call("ipc", {21}, Arch::x86)) == SECCOMP_RET_ALLOW);
    CHECK(answer(filter, call("socketcall", {1}, Arch::x86)) == denied);
    CHECK(answer(filter, call("socketcall", {3}, Arch::x86)) == denied);
    CHECK(answer(filter, call("socket", {1}, Arch::x86)) == SECCOMP_RET_ALLOW);
}

}  // namespace casemate::seccomp

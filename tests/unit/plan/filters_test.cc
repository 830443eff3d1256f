// Landlock and seccomp as the planner fills them, on kernels of different ages.
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <algorithm>

#include "base/text.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

uint64_t access_of(const Plan& plan, std::string_view path) {
    uint64_t access = 0;
    for (const LandlockRule& rule : plan.landlock().rules)
        if (rule.path == path) access |= rule.access;
    return access;
}

// The answer of the plan's filter to a call of this architecture.
uint32_t answer(const Plan& plan, int number, uint64_t first = 0, uint64_t second = 0, uint64_t third = 0) {
    seccomp_data call{};
    call.nr = number;
    call.arch = seccomp::audit_arch(seccomp::native_arch());
    call.args[0] = first, call.args[1] = second, call.args[2] = third;
    auto result = seccomp::evaluate(plan.seccomp().program, call);
    REQUIRE(result);
    return result.value();
}
constexpr uint32_t denied(uint32_t number) { return SECCOMP_RET_ERRNO | number; }

constexpr uint64_t execute = 1, write_file = 2, read_file = 4, read_dir = 8, make_reg = 256, refer = 8192,
                   truncate_file = 16384, ioctl_dev = 32768;

Input with_seccomp(const std::string& members) {
    Input input;
    input.config = with_linux(concat(R"("seccomp": {)", members, "}"));
    return input;
}

}  // namespace

TEST_CASE("landlock: none unless the profile derives it") {
    CHECK_FALSE(compiled({}).landlock().enabled);
    CHECK(compiled({}).landlock().rules.empty());
}

TEST_CASE("landlock: each ABI handles what it knows, and what it lacks is named") {
    struct Row {
        int abi;
        uint64_t handled, scoped;
        std::vector<std::string> missing;
    };
    constexpr uint64_t first = (1u << 13) - 1;
    const Row rows[] = {
        {2, first | refer, 0, {"truncate", "ioctl_dev", "scope_abstract_unix_socket"}},
        {3, first | refer | truncate_file, 0, {"ioctl_dev", "scope_abstract_unix_socket"}},
        {5, first | refer | truncate_file | ioctl_dev, 0, {"scope_abstract_unix_socket"}},
        {6, first | refer | truncate_file | ioctl_dev, 1, {}},
        {7, first | refer | truncate_file | ioctl_dev, 1, {}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.abi);
        const LandlockPlan plan = compiled(launching(shipped("hardened"), old_kernel(row.abi, true))).landlock();
        CHECK(plan.enabled);
        CHECK(plan.abi == row.abi);
        CHECK(plan.handled_fs == row.handled);
        CHECK(plan.scoped == row.scoped);
        CHECK(plan.handled_net == 0);
        CHECK(plan.missing == row.missing);
        for (const LandlockRule& rule : plan.rules) CHECK((rule.access & ~plan.handled_fs) == 0);  // EINVAL otherwise
    }
}

TEST_CASE("landlock: a kernel below the profile's minimum is refused") {
    for (const int abi : {0, 1}) {
        const Input input = launching(shipped("hardened"), old_kernel(abi, true));
        CHECK(refusal(input) == concat("Landlock ABI ", abi, " is below landlock.minimumAbi 2"));
        CHECK(hint_of(input) == "boot with Landlock in the kernel's 'lsm=' list, or waive landlock.minimumAbi");
    }
    policy::Profile any = shipped("hardened");
    any.landlock.minimum_abi = 1;
    CHECK(compiled(launching(any, old_kernel(1, true))).landlock().missing.front() == "refer");
    any.landlock.minimum_abi.reset();
    CHECK(refusal(launching(any, old_kernel(0, true))) == "Landlock ABI 0 is below landlock.minimumAbi 1");
}

TEST_CASE("landlock: rights follow the mounts") {
    const policy::Profile profile =
        child_of("hardened", R"("filesystem": {"mounts": [)"
                             R"({"destination": "/data", "type": "bind", "source": "/srv/data", "readonly": false},)"
                             R"({"destination": "/ro", "type": "bind", "source": "/srv/ro"}]})");
    const Plan plan = compiled(launching(profile));
    CHECK(access_of(plan, "/") == (execute | read_file | read_dir));
    for (const char* path : {"/tmp", "/dev/shm", "/data"}) {
        CAPTURE(path);
        CHECK((access_of(plan, path) & (write_file | make_reg | truncate_file | refer)) ==
              (write_file | make_reg | truncate_file | refer));
        CHECK((access_of(plan, path) & (64 | 2048)) == 0);  // never a device node
    }
    CHECK(access_of(plan, "/ro") == 0);
    CHECK(access_of(plan, "/sys") == 0);
    CHECK(access_of(plan, "/proc") == 0);
    CHECK(access_of(plan, "/dev/null") == (read_file | write_file | ioctl_dev));
    CHECK(access_of(plan, "/dev/mqueue") == (read_file | write_file | make_reg | 32));
    // A writable root is writable by Landlock too.
    policy::Profile open = silent();
    open.landlock.derive = true;
    CHECK((access_of(compiled(launching(open)), "/") & write_file) != 0);
}

TEST_CASE("landlock: programs from named directories only") {
    policy::Profile profile = shipped("hardened");
    profile.landlock.exec_paths = {"/usr"};
    const Plan plan = compiled(launching(profile));
    CHECK((access_of(plan, "/") & execute) == 0);
    CHECK(access_of(plan, "/usr") == execute);
}

TEST_CASE("landlock: ports need ABI 4") {
    policy::Profile profile = shipped("hardened");
    profile.network.bind_ports = {80};
    profile.network.connect_ports = std::vector<uint16_t>{};
    const LandlockPlan plan = compiled(launching(profile)).landlock();
    CHECK(plan.handled_net == 3);
    CHECK(plan.ports == std::vector<std::pair<uint16_t, uint64_t>>{{80, 1}});
    CHECK(refusal(launching(profile, old_kernel(3, true))) ==
          "network.bindPorts and connectPorts need Landlock ABI 4, Linux 6.7");
    // Without Landlock nothing else would hold them.
    policy::Profile underived = silent();
    underived.network.bind_ports = {80};
    CHECK(refusal(launching(underived)) == "network.bindPorts and connectPorts need landlock.derive");
}

TEST_CASE("memory: W^X by prctl, or by the filter where the kernel has no PR_SET_MDWE") {
    constexpr uint64_t write_execute = 2 | 4;  // PROT_WRITE | PROT_EXEC
    const Plan current = compiled(launching(shipped("hardened")));
    CHECK(current.process().mdwe);
    CHECK(answer(current, SYS_mmap, 0, 4096, write_execute) == SECCOMP_RET_ALLOW);
    const Plan older = compiled(launching(shipped("hardened"), old_kernel(2, false)));
    CHECK_FALSE(older.process().mdwe);
    CHECK(has_note(older, "PR_SET_MDWE is not on this kernel (6.3): write+execute is denied by the seccomp filter"));
    CHECK(answer(older, SYS_mmap, 0, 4096, write_execute) != SECCOMP_RET_ALLOW);
    CHECK(answer(older, SYS_mprotect, 0, 4096, 4) != SECCOMP_RET_ALLOW);
    CHECK(answer(older, SYS_mprotect, 0, 4096, 2) == SECCOMP_RET_ALLOW);
    CHECK_FALSE(compiled({}).process().mdwe);
}

TEST_CASE("seccomp: no filter unless somebody asks for one") { CHECK(compiled({}).seccomp().program.empty()); }

TEST_CASE("seccomp: the profile's layers, with the launcher's own calls") {
    const Plan plan = compiled(launching(shipped("hardened")));
    CHECK(answer(plan, SYS_read) == SECCOMP_RET_ALLOW);
    CHECK(answer(plan, SYS_execveat) == SECCOMP_RET_ALLOW);
    CHECK(answer(plan, SYS_mount) == denied(EPERM));
    CHECK(answer(plan, SYS_clone3) == denied(ENOSYS));
    CHECK(answer(plan, 4000) == denied(ENOSYS));
}

TEST_CASE("seccomp: an inherited socket may not become a client") {
    Input input = launching(shipped("web"));
    CHECK(answer(compiled(input), SYS_connect) == SECCOMP_RET_ALLOW);
    input.request.inherited_fds = 1;
    CHECK(answer(compiled(input), SYS_connect) != SECCOMP_RET_ALLOW);
}

TEST_CASE("seccomp: config.json's rules and flags") {
    const Plan plan = compiled(with_seccomp(
        R"("defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5, "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"],)"
        R"( "syscalls": [{"names": ["read", "capset"], "action": "SCMP_ACT_ALLOW"}])"));
    CHECK(plan.seccomp().flags == SECCOMP_FILTER_FLAG_LOG);
    CHECK(answer(plan, SYS_read) == SECCOMP_RET_ALLOW);
    CHECK(answer(plan, SYS_write) == denied(5));
}

TEST_CASE("seccomp: a listener gets what it can answer, and nothing that the launcher needs before it") {
    const auto rules = [](std::string_view more, std::string_view name = "mkdir") {
        return with_seccomp(concat(R"("defaultAction": "SCMP_ACT_ALLOW", )", more, R"("syscalls": [{"names": [")", name, R"("], "action": "SCMP_ACT_NOTIFY"}])"));
    };
    constexpr unsigned wait_killable = 1 << 5;
    const Plan plan = compiled(rules(R"("listenerPath": "/run/agent", "listenerMetadata": "m", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], )"));
    CHECK(plan.seccomp().has_listener());
    CHECK(plan.seccomp().listener_metadata == "m");
    CHECK(plan.seccomp().flags == (SECCOMP_FILTER_FLAG_NEW_LISTENER | wait_killable));
    CHECK(answer(plan, SYS_mkdir) == SECCOMP_RET_USER_NOTIF);
    CHECK(refusal(rules("")) == "config.json: $.linux.seccomp: listenerPath: missing, and a rule says SCMP_ACT_NOTIFY");
    CHECK(refusal(rules(R"("listenerPath": "/run/agent", )", "write")) == "config.json: $.linux.seccomp: syscalls: SCMP_ACT_NOTIFY cannot be used for write");
    CHECK(refusal(with_seccomp(R"("defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/run/x")")) ==
          "config.json: $.linux.seccomp: defaultAction: SCMP_ACT_NOTIFY cannot be the default");
    // A listener of nothing: none is made.
    const Plan silent_filter = compiled(with_seccomp(
        R"("defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],)"
        R"( "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}])"));
    CHECK_FALSE(silent_filter.seccomp().has_listener());
    CHECK(silent_filter.seccomp().flags == 0);
}

TEST_CASE("seccomp: without no_new_privs the filter must let the launcher drop its last capabilities") {
    const std::string rules =
        R"("defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}])";
    Input input = with_seccomp(rules);
    CHECK(refusal(input) ==
          "seccomp: the filter denies capset, which the launcher needs after it while noNewPrivileges is false");
    CHECK(hint_of(input) == "set noNewPrivileges, or allow capset");
    input.config.process->no_new_privileges = true;
    CHECK(refusal(input) == "compiled");
}

TEST_CASE("seccomp: where config.json and the profile both speak, each call gets the stricter answer") {
    Input input =
        with_seccomp(R"("defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],)"
                     R"( "syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_ERRNO"}])");
    input.config.process->no_new_privileges = true;
    const Plan alone = compiled(input);
    CHECK(answer(alone, SYS_mount) == SECCOMP_RET_ALLOW);
    input.profile.seccomp = shipped("hardened").seccomp;
    const Plan both = compiled(input);
    CHECK(answer(both, SYS_getpid) == denied(EPERM));
    CHECK(answer(both, SYS_mount) == denied(EPERM));
    CHECK(answer(both, SYS_read) == SECCOMP_RET_ALLOW);
    if (seccomp::native_arch() != seccomp::Arch::x86_64) return;
    // nativeOnly of the profile is not lifted by the architectures of config.json.
    seccomp_data call{};
    call.nr = 3;  // read of i386
    call.arch = seccomp::audit_arch(seccomp::Arch::x86);
    CHECK(seccomp::evaluate(alone.seccomp().program, call).value() == SECCOMP_RET_ALLOW);
    CHECK(seccomp::evaluate(both.seccomp().program, call).value() == SECCOMP_RET_KILL_PROCESS);
}

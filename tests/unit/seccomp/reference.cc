// Our programs against libseccomp's own for the same rules, run by the same evaluator. What may differ is named here:
// bits beyond an argument's width, numbers in no table, and what libseccomp 2.5.4 does not know.
#include <doctest/doctest.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <memory>
#include <string>

#include "support.h"

namespace casemate::seccomp {
namespace {

using namespace test;

uint32_t action_of(std::string_view name, std::optional<uint32_t> errno_ret) {
    const uint32_t error = errno_ret.value_or(EPERM);
    if (name == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
    if (name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(error);
    if (name == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
    if (name == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
    REQUIRE(name == "SCMP_ACT_KILL_PROCESS");
    return SCMP_ACT_KILL_PROCESS;
}

scmp_compare op_of(std::string_view name) {
    static const std::map<std::string_view, scmp_compare> ops{{"SCMP_CMP_NE", SCMP_CMP_NE},
                                                              {"SCMP_CMP_LT", SCMP_CMP_LT},
                                                              {"SCMP_CMP_LE", SCMP_CMP_LE},
                                                              {"SCMP_CMP_EQ", SCMP_CMP_EQ},
                                                              {"SCMP_CMP_GE", SCMP_CMP_GE},
                                                              {"SCMP_CMP_GT", SCMP_CMP_GT},
                                                              {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};
    return ops.at(name);
}

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

std::vector<sock_filter> exported(const Context& context) {
    const int file = ::memfd_create("filter", MFD_CLOEXEC);
    REQUIRE(file >= 0);
    REQUIRE(::seccomp_export_bpf(context.get(), file) == 0);
    std::vector<sock_filter> program(static_cast<size_t>(::lseek(file, 0, SEEK_END)) / sizeof(sock_filter));
    REQUIRE(::pread(file, program.data(), program.size() * sizeof(sock_filter), 0) > 0);
    ::close(file);
    REQUIRE(check(program));
    return program;
}

// As runc and crun call it: rules equal to the default are not added, names it does not know are skipped.
std::vector<sock_filter> libseccomp_program(const OciFilter& filter, Arch arch) {
    const uint32_t fallback = action_of(filter.default_action, filter.default_errno_ret);
    const Context context(::seccomp_init(fallback), &seccomp_release);
    REQUIRE(context);
    const uint32_t token = arch == Arch::x86_64 ? SCMP_ARCH_X86_64 : SCMP_ARCH_AARCH64;
    if (token != seccomp_arch_native()) {
        REQUIRE(::seccomp_arch_add(context.get(), token) == 0);
        REQUIRE(::seccomp_arch_remove(context.get(), seccomp_arch_native()) == 0);
    }
    REQUIRE(::seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0);
    for (const OciSyscall& rule : filter.syscalls) {
        const uint32_t action = action_of(rule.action, rule.errno_ret);
        if (action == fallback) continue;
        std::vector<scmp_arg_cmp> args;
        for (const OciArgument& arg : rule.args) args.push_back({arg.index, op_of(arg.op), arg.value, arg.value_two});
        for (std::string_view name : rule.names) {
            const int number = ::seccomp_syscall_resolve_name(std::string(name).c_str());
            if (number == __NR_SCMP_ERROR) continue;
            const int failed = ::seccomp_rule_add_array(context.get(), action, number,
                                                        static_cast<unsigned>(args.size()), args.data());
            REQUIRE((failed == 0 || failed == -EDOM));
        }
    }
    return exported(context);
}

// Is the call the same to both: a number both know, and no bit set where the kernel does not look?
bool comparable(Arch arch, const seccomp_data& data) {
    const Syscall* syscall = find_syscall(arch, static_cast<uint32_t>(data.nr));
    if (!syscall) return false;
    if (::seccomp_syscall_resolve_name(std::string(syscall->name).c_str()) == __NR_SCMP_ERROR) return false;
    for (unsigned i = 0; i < 6; ++i) {
        const Width width = width_on(arch, *syscall, i);
        if ((width == Width::bits16 || width == Width::bits32) && !fits(width, data.args[i])) return false;
    }
    return true;
}

void compare(const OciFilter& filter, Arch arch, size_t at_least) {
    Policy policy = policy_of(filter);
    policy.architectures = {arch};
    const auto ours = program_of(policy), theirs = libseccomp_program(filter, arch);
    size_t compared = 0;
    for (const seccomp_data& data : interesting_calls(policy, arch)) {
        if (!comparable(arch, data)) continue;
        ++compared;
        REQUIRE_MESSAGE(run(ours, data) == run(theirs, data), "nr ", data.nr, " args ", data.args[0], " ", data.args[1],
                        " ", data.args[2]);
    }
    CHECK(compared >= at_least);
    if (theirs.size() > 100)
        MESSAGE(compared, " calls agree; ours ", ours.size(), " instructions, libseccomp's ", theirs.size());
}

}  // namespace

TEST_CASE("reference: the engines' profiles mean what libseccomp makes of them") {
    for (std::string_view file : {"moby-default.json", "podman-default.json"})
        for (const auto& caps :
             {std::vector<std::string_view>{}, {"CAP_SYS_ADMIN"}, {"CAP_AUDIT_WRITE", "CAP_SYS_PTRACE"}}) {
            compare(engine_profile(file, caps, {}).filter, Arch::x86_64, 400);
            compare(engine_profile(file, caps, {}, "arm64").filter, Arch::aarch64, 300);
        }
}

TEST_CASE("reference: one condition of every comparison, narrow and wide arguments") {
    for (std::string_view name : {"socket", "lseek", "ioctl", "mprotect"})
        for (std::string_view op : {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE",
                                    "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"})
            for (uint64_t value :
                 {uint64_t{0}, uint64_t{1}, uint64_t{0x7fffffff}, uint64_t{0x80000000}, uint64_t{0xffffffff},
                  uint64_t{0x100000000}, uint64_t{0x8000000000000000}, UINT64_MAX}) {
                const unsigned index = name == "ioctl" || name == "mprotect" ? 2 : name == "lseek" ? 1 : 0;
                if (!fits(width_on(Arch::x86_64, *find_syscall(name), index), value)) continue;
                OciFilter filter{"SCMP_ACT_ERRNO", 1, {}, {}};
                filter.syscalls.push_back({{name}, "SCMP_ACT_ALLOW", {}, {{index, value, value & 0xf0f0f0f0f, op}}});
                compare(filter, Arch::x86_64, 300);
            }
}

TEST_CASE("reference: rules without arguments win, and the first of them") {
    const OciArgument one{0, 1, 0, "SCMP_CMP_EQ"};
    OciFilter filter{"SCMP_ACT_ERRNO", 1, {}, {}};
    filter.syscalls = {{{"socket"}, "SCMP_ACT_ERRNO", 5, {one}},      {{"socket"}, "SCMP_ACT_ALLOW", {}, {}},
                       {{"lseek"}, "SCMP_ACT_ERRNO", 6, {}},          {{"lseek"}, "SCMP_ACT_ALLOW", {}, {}},
                       {{"getpid"}, "SCMP_ACT_KILL_PROCESS", {}, {}}, {{"getpid"}, "SCMP_ACT_LOG", {}, {}},
                       {{"uname"}, "SCMP_ACT_ERRNO", 1, {}},          {{"uname"}, "SCMP_ACT_ALLOW", {}, {}},
                       {{"ioctl"}, "SCMP_ACT_ALLOW", {}, {one}},      {{"ioctl"}, "SCMP_ACT_TRAP", {}, {}}};
    compare(filter, Arch::x86_64, 300);
}

TEST_CASE("reference: the width trap: libseccomp's program lets a family pass that the kernel takes for a denied one") {
    const EngineProfile profile = engine_profile("podman-default.json", {}, {});
    const Policy policy = policy_of(profile.filter);
    // AF_NETLINK with NETLINK_AUDIT is denied; bit 32 of the family is not seen by the kernel.
    const seccomp_data plain = call("socket", {16, 3, 9}), trap = call("socket", {16 | uint64_t{1} << 32, 3, 9});
    const auto ours = program_of(policy), theirs = libseccomp_program(profile.filter, Arch::x86_64);
    CHECK(run(theirs, plain) == (SECCOMP_RET_ERRNO | EINVAL));
    CHECK(run(theirs, trap) == SECCOMP_RET_ALLOW);
    CHECK(run(ours, plain) == (SECCOMP_RET_ERRNO | EINVAL));
    CHECK(run(ours, trap) == (SECCOMP_RET_ERRNO | EINVAL));
}

}  // namespace casemate::seccomp

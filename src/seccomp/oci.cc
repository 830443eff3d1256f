#include "seccomp/oci.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "base/text.h"

namespace casemate::seccomp {
namespace {

// Architectures of libseccomp that this build has no table for: a filter for them would never be asked.
constexpr std::string_view foreign_architectures[] = {
    "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",     "SCMP_ARCH_MIPS",        "SCMP_ARCH_MIPS64",  "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",      "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC",  "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_PPC",         "SCMP_ARCH_PPC64",    "SCMP_ARCH_PPC64LE",     "SCMP_ARCH_RISCV64", "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",       "SCMP_ARCH_SH",       "SCMP_ARCH_SHEB"};

// x86 also reaches these through socketcall and ipc. Their call numbers, from <linux/net.h> and <linux/ipc.h>.
struct Multiplexed {
    std::string_view name, through;
    uint32_t call;
};
constexpr Multiplexed multiplexed[] = {{"socket", "socketcall", 1},
                                       {"bind", "socketcall", 2},
                                       {"connect", "socketcall", 3},
                                       {"listen", "socketcall", 4},
                                       {"accept", "socketcall", 5},
                                       {"getsockname", "socketcall", 6},
                                       {"getpeername", "socketcall", 7},
                                       {"socketpair", "socketcall", 8},
                                       {"send", "socketcall", 9},
                                       {"recv", "socketcall", 10},
                                       {"sendto", "socketcall", 11},
                                       {"recvfrom", "socketcall", 12},
                                       {"shutdown", "socketcall", 13},
                                       {"setsockopt", "socketcall", 14},
                                       {"getsockopt", "socketcall", 15},
                                       {"sendmsg", "socketcall", 16},
                                       {"recvmsg", "socketcall", 17},
                                       {"accept4", "socketcall", 18},
                                       {"recvmmsg", "socketcall", 19},
                                       {"sendmmsg", "socketcall", 20},
                                       {"semop", "ipc", 1},
                                       {"semget", "ipc", 2},
                                       {"semctl", "ipc", 3},
                                       {"semtimedop", "ipc", 4},
                                       {"msgsnd", "ipc", 11},
                                       {"msgrcv", "ipc", 12},
                                       {"msgget", "ipc", 13},
                                       {"msgctl", "ipc", 14},
                                       {"shmat", "ipc", 21},
                                       {"shmdt", "ipc", 22},
                                       {"shmget", "ipc", 23},
                                       {"shmctl", "ipc", 24}};

Result<Verdict> verdict(std::string_view action, const std::optional<uint32_t>& errno_ret) {
    const std::optional<Action> known = action_by_name(action);
    if (!known) return Error::invalid(concat("unknown action ", quoted(action)));
    if (errno_ret && *errno_ret > UINT16_MAX) return Error::invalid(concat("errnoRet ", *errno_ret, " is above 65535"));
    const bool takes_data = *known == Action::errno_ || *known == Action::trace;
    if (errno_ret && !takes_data) return Error::invalid(concat(quoted(action), " takes no errnoRet"));
    const uint32_t data = takes_data ? errno_ret.value_or(EPERM) : 0;
    return Verdict{*known, static_cast<uint16_t>(data), false};
}

Result<std::vector<Condition>> conditions(const OciSyscall& rule) {
    std::vector<Condition> all;
    for (const OciArgument& argument : rule.args) {
        const std::optional<Op> op = op_by_name(argument.op);
        if (!op) return Error::invalid(concat("unknown comparison ", quoted(argument.op)));
        if (argument.index > 5) return Error::invalid(concat("a call has no argument ", argument.index));
        all.push_back({static_cast<uint8_t>(argument.index), *op, argument.value, argument.value_two});
    }
    return all;
}

Result<std::vector<Arch>> architectures(const OciFilter& filter, OciIgnored& ignored) {
    std::vector<Arch> all{native_arch()};
    for (std::string_view name : filter.architectures) {
        const std::optional<Arch> arch = arch_by_name(name);
        if (!arch && std::ranges::find(foreign_architectures, name) == std::end(foreign_architectures))
            return Error::invalid(concat("unknown architecture ", quoted(name)));
        if (!arch)
            ignored.architectures.emplace_back(name);
        else if (std::ranges::find(all, *arch) == all.end())
            all.push_back(*arch);
    }
    return all;
}

// libseccomp's companion rules: what is said of `socket` is also said of socketcall(SYS_SOCKET, ...). Only of a rule
// without conditions: those are about words that socketcall keeps in memory.
class Companions {
public:
    Companions() : of_row_(syscalls().size(), nullptr) {
        for (const Multiplexed& one : multiplexed) of_row_[row(*find_syscall(one.name))] = &one;
    }
    void add(std::vector<Rule>& rules, const Syscall& syscall, const Verdict& verdict) const {
        const Multiplexed* one = of_row_[row(syscall)];
        if (one) rules.push_back({find_syscall(one->through), {{0, Op::eq, one->call, 0}}, verdict});
    }

private:
    static size_t row(const Syscall& syscall) { return static_cast<size_t>(&syscall - syscalls().data()); }
    std::vector<const Multiplexed*> of_row_;
};

}  // namespace

Result<Policy> from_oci(const OciFilter& filter, OciIgnored& ignored) {
    Policy policy;
    policy.architectures = TRY(architectures(filter, ignored));
    std::optional<Companions> companions;
    if (std::ranges::find(policy.architectures, Arch::x86) != policy.architectures.end()) companions.emplace();

    OciRules oci;
    oci.default_verdict = TRY_IN("defaultAction", verdict(filter.default_action, filter.default_errno_ret));
    // A number in no table is a call newer than the profile: ENOSYS lets libc fall back, as runc does.
    oci.unknown_verdict = oci.default_verdict;
    if (oci.default_verdict.action == Action::errno_) oci.unknown_verdict.data = ENOSYS;

    for (size_t i = 0; i < filter.syscalls.size(); ++i) {
        const OciSyscall& rule = filter.syscalls[i];
        const Verdict said = TRY_IN(concat("syscalls[", i, "]"), verdict(rule.action, rule.errno_ret));
        const std::vector<Condition> args = TRY_IN(concat("syscalls[", i, "]"), conditions(rule));
        if (said == oci.default_verdict) continue;
        for (std::string_view name : rule.names) {
            const Syscall* syscall = find_syscall(name);
            if (!syscall) {
                ignored.names.emplace_back(name);
                continue;
            }
            oci.rules.push_back({syscall, args, said});
            if (companions && args.empty()) companions->add(oci.rules, *syscall, said);
        }
    }
    policy.oci.push_back(std::move(oci));
    return policy;
}

}  // namespace casemate::seccomp

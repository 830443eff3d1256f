// What a policy says of one call, straight from its definition: slow, obvious, and without a line in common with the
// compiler, so that the two can be held against each other.
#include <algorithm>

#include "seccomp/filter.h"

namespace casemate::seccomp {
namespace {

constexpr uint32_t x32_bit = 0x40000000;

struct Call {
    Arch arch;
    const Syscall* syscall;
    const seccomp_data& data;
};

// The argument as the kernel will see it, and the value a rule names, both as numbers of `bits` bits. A negative value
// written with more bits than the argument has (-1 as 64 bits for an int) means the narrow negative number.
struct Compared {
    uint64_t argument;
    uint64_t mask;  // of the bits there are
    uint64_t narrow(uint64_t value) const {
        const uint64_t sign = mask - (mask >> 1);
        const bool negative32 = (value & sign) && (value | mask) == (UINT32_MAX | mask);
        const bool negative64 = (value & sign) && (value | mask) == UINT64_MAX;
        return negative32 || negative64 ? value & mask : value;
    }
};

Compared compared(const Call& call, unsigned index) {
    uint64_t mask = UINT64_MAX;
    const bool narrow_arch = call.arch == Arch::x86 || call.arch == Arch::arm;
    if (narrow_arch) mask = UINT32_MAX;
    const Width width = width_on(call.arch, *call.syscall, index);
    if (width == Width::bits32) mask = UINT32_MAX;
    if (width == Width::bits16) mask = UINT16_MAX;
    return {call.data.args[index] & mask, mask};
}

bool holds(const Call& call, const Condition& condition) {
    const Compared compare = compared(call, condition.index);
    const uint64_t argument = compare.argument;
    const uint64_t value = compare.narrow(condition.value);
    switch (condition.op) {
        case Op::ne: return argument != value;
        case Op::lt: return argument < value;
        case Op::le: return argument <= value;
        case Op::eq: return argument == value;
        case Op::ge: return argument >= value;
        case Op::gt: return argument > value;
        case Op::masked_eq:
            return (argument & condition.value) == (compare.narrow(condition.value_two) & condition.value);
        case Op::any_bit: return (argument & condition.value) != 0;
    }
    return false;
}

bool visible(const Call& call, const Condition& condition) {
    const Width width = width_on(call.arch, *call.syscall, condition.index);
    return width != Width::none && width != Width::pointer && !hides_arguments(call.arch, *call.syscall);
}

// `unseen`: what a condition counts as that the filter cannot see.
bool matches(const Call& call, const Rule& rule, bool unseen) {
    return rule.syscall == call.syscall && std::ranges::all_of(rule.conditions, [&](const Condition& condition) {
               return visible(call, condition) ? holds(call, condition) : unseen;
           });
}

Verdict verdict_in(const Layer& layer, const Call& call) {
    if (!call.syscall) return layer.unknown_verdict;
    const Rule* strictest = nullptr;
    for (const Rule& rule : layer.deny)
        if (matches(call, rule, true) && (!strictest || rule.verdict.stricter_than(strictest->verdict)))
            strictest = &rule;
    if (strictest) return strictest->verdict;
    if (!layer.allow) return {};
    const bool allowed =
        std::ranges::any_of(*layer.allow, [&](const Rule& rule) { return matches(call, rule, false); });
    return allowed ? Verdict{} : layer.default_verdict;
}

Verdict verdict_in(const OciRules& oci, const Call& call) {
    if (!call.syscall) return oci.unknown_verdict;
    const Rule* found = nullptr;
    for (const Rule& rule : oci.rules) {
        if (rule.syscall != call.syscall) continue;
        if (rule.conditions.empty()) return rule.verdict;
        const bool match = std::ranges::all_of(rule.conditions, [&](const Condition& one) { return holds(call, one); });
        if (match && (!found || rule.verdict.stricter_than(found->verdict))) found = &rule;
    }
    return found ? found->verdict : oci.default_verdict;
}

std::optional<Arch> arch_of(const Policy& policy, const seccomp_data& data) {
    std::vector<Arch> known = policy.architectures;
    if (known.empty()) known.push_back(native_arch());
    const uint32_t number = static_cast<uint32_t>(data.nr);
    const bool x32 = number >= x32_bit && number != UINT32_MAX;
    for (Arch arch : known) {
        if (audit_arch(arch) != data.arch) continue;
        if (arch == Arch::x32 ? x32 : arch != Arch::x86_64 || !x32) return arch;
    }
    return std::nullopt;
}

}  // namespace

Verdict verdict_of(const Policy& policy, const seccomp_data& call) {
    const std::optional<Arch> arch = arch_of(policy, call);
    if (!arch) return {Action::kill_process, 0, false};
    const Call seen{*arch, find_syscall(*arch, static_cast<uint32_t>(call.nr)), call};
    Verdict verdict;
    const auto raise = [&verdict](const Verdict& other) {
        if (other.stricter_than(verdict)) verdict = other;
    };
    for (const Layer& layer : policy.layers) raise(verdict_in(layer, seen));
    for (const OciRules& oci : policy.oci) raise(verdict_in(oci, seen));
    return verdict;
}

}  // namespace casemate::seccomp

// The compiler against the definition: a policy made of the input is compiled, and over calls made of the rest of the
// input the program must say what the oracle says. (PROFILE 5.2; SECURITY 5.3 has what compilers got wrong.)
// rooms: seccomp
#include <cstdlib>
#include <cstring>

#include "seccomp/filter.h"

using namespace casemate;
using namespace casemate::seccomp;

namespace {

class Bytes {
public:
    Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}
    bool empty() const { return size_ == 0; }
    template <typename T>
    T take() {
        T value{};
        const size_t count = std::min(sizeof value, size_);
        std::memcpy(&value, data_, count);
        data_ += count;
        size_ -= count;
        return value;
    }
    unsigned below(unsigned limit) { return take<uint16_t>() % limit; }
    // Boundaries are where mistakes are.
    uint64_t argument() {
        static constexpr uint64_t edges[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, ~0ull, 0xffffffff80000000};
        return below(2) != 0 ? edges[below(8)] + below(3) - 1 : take<uint64_t>();
    }

private:
    const uint8_t* data_;
    size_t size_;
};

// No profile has a deny rule (by_name) that allows: Layer leaves open what it would mean.
Verdict verdict(Bytes& bytes, bool by_name) {
    static constexpr Action actions[] = {Action::log, Action::errno_, Action::trap, Action::kill_thread, Action::kill_process, Action::allow};
    const Action action = actions[bytes.below(by_name ? 5 : 6)];
    return {action, static_cast<uint16_t>(action == Action::errno_ ? 1 + bytes.below(40) : 0), by_name};
}

Rule rule(Bytes& bytes, bool allow) {
    Rule out;
    out.syscall = &syscalls()[bytes.below(static_cast<unsigned>(syscalls().size()))];
    out.verdict = allow ? Verdict{} : verdict(bytes, true);
    for (unsigned i = bytes.below(3); i-- > 0;) {
        Condition condition;
        condition.index = static_cast<uint8_t>(bytes.below(6));
        condition.op = static_cast<Op>(bytes.below(8));
        condition.value = bytes.argument();
        condition.value_two = condition.op == Op::masked_eq ? bytes.argument() & condition.value : 0;
        out.conditions.push_back(condition);
    }
    return out;
}

Policy policy_of(Bytes& bytes) {
    Policy policy;
    for (unsigned i = 1 + bytes.below(2); i-- > 0;) {
        Layer layer;
        layer.default_verdict = verdict(bytes, false);
        layer.unknown_verdict = {Action::errno_, 38, false};
        if (bytes.below(2) != 0) {
            layer.allow.emplace();
            for (unsigned n = bytes.below(12); n-- > 0;) layer.allow->push_back(rule(bytes, true));
        }
        for (unsigned n = bytes.below(6); n-- > 0;) layer.deny.push_back(rule(bytes, false));
        policy.layers.push_back(std::move(layer));
    }
    if (bytes.below(2) != 0) policy.architectures = {Arch::x86_64, Arch::x86, Arch::x32};
    return policy;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 16) return 0;
    Bytes bytes(data, size);
    const Policy policy = policy_of(bytes);
    const auto program = compile(policy);
    if (!program) return 0;
    if (!check(program.value())) std::abort();
    for (int i = 0; i < 64 && !bytes.empty(); ++i) {
        static constexpr Arch arches[] = {Arch::x86_64, Arch::x86, Arch::x32};
        const Arch arch = arches[bytes.below(3)];
        const Syscall& syscall = syscalls()[bytes.below(static_cast<unsigned>(syscalls().size()))];
        seccomp_data call{};
        call.nr = bytes.below(8) == 0 ? bytes.take<int32_t>() : syscall.on(arch);
        call.arch = audit_arch(arch);
        for (__u64& argument : call.args) argument = bytes.argument();
        if (run(program.value(), call) != verdict_of(policy, call).bpf()) std::abort();
    }
    return 0;
}

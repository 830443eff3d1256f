// Device rules as BPF. The last rule wins, so they are tried from the last to the first: an allowing one takes its
// accesses off those still asked for, and when none is left the answer is yes; a denying one that meets any says no.
#include <cstddef>

#include "cgroup/device_rules.h"

namespace casemate::cgroup {
namespace {

enum Register : uint8_t { answer = 0, context = 1, type = 2, pending = 3, major_number = 4, minor_number = 5 };

bpf_insn instruction(int code, Register destination, int32_t immediate, int16_t offset = 0, Register source = answer) {
    bpf_insn made{};
    made.code = static_cast<uint8_t>(code);
    made.dst_reg = destination & 0xf;
    made.src_reg = source & 0xf;
    made.off = offset;
    made.imm = immediate;
    return made;
}

class Program {
public:
    Program() {
        load(pending, offsetof(bpf_cgroup_dev_ctx, access_type));  // the access in the upper half, the type below
        code_.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, type, 0, 0, pending));
        code_.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, type, 0xffff));
        code_.push_back(instruction(BPF_ALU | BPF_RSH | BPF_K, pending, 16));
        load(major_number, offsetof(bpf_cgroup_dev_ctx, major));
        load(minor_number, offsetof(bpf_cgroup_dev_ctx, minor));
    }

    // False when no earlier rule can matter any more.
    bool add(const DeviceRule& rule) {
        std::vector<size_t> to_next;
        const auto unless_equal = [&](Register where, uint32_t value) {
            to_next.push_back(code_.size());
            code_.push_back(instruction(BPF_JMP32 | BPF_JNE | BPF_K, where, static_cast<int32_t>(value)));
        };
        if (rule.type != 'a') unless_equal(type, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
        if (rule.major) unless_equal(major_number, *rule.major);
        if (rule.minor) unless_equal(minor_number, *rule.minor);
        if (rule.access != access::all && rule.allow) {
            code_.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, pending, access::all & ~rule.access));
            unless_equal(pending, 0);
        } else if (rule.access != access::all) {
            code_.push_back(instruction(BPF_JMP32 | BPF_JSET | BPF_K, pending, rule.access, 1));
            to_next.push_back(code_.size());
            code_.push_back(instruction(BPF_JMP | BPF_JA, answer, 0));
        }
        end(rule.allow);
        for (const size_t jump : to_next) code_[jump].off = static_cast<int16_t>(code_.size() - jump - 1);
        return !to_next.empty();
    }

    void end(bool allow) {
        code_.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, answer, allow ? 1 : 0));
        code_.push_back(instruction(BPF_JMP | BPF_EXIT, answer, 0));
    }

    std::vector<bpf_insn> take() && { return std::move(code_); }

private:
    void load(Register where, size_t offset) {
        code_.push_back(instruction(BPF_LDX | BPF_MEM | BPF_W, where, 0, static_cast<int16_t>(offset), context));
    }
    std::vector<bpf_insn> code_;
};

}  // namespace

Result<std::vector<bpf_insn>> device_program(std::span<const DeviceRule> rules) {
    TRY(check_device_rules(rules));
    Program program;
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule)
        if (!program.add(*rule)) return std::move(program).take();
    program.end(false);
    return std::move(program).take();
}

}  // namespace casemate::cgroup

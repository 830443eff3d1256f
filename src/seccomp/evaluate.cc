// The kernel's rules for a classic BPF program of seccomp, in user space: what it accepts and what it then returns.
// Written from kernel/seccomp.c (seccomp_check_filter) and net/core/filter.c (bpf_check_classic), not from compile.cc.
#include <cstring>

#include "base/text.h"
#include "seccomp/filter.h"

namespace casemate::seccomp {
namespace {

// BPF_MAXINSNS and BPF_MEMWORDS of <linux/bpf_common.h> and <linux/filter.h>.
constexpr size_t max_length = BPF_MAXINSNS;
constexpr uint32_t memory_words = BPF_MEMWORDS;

Error refused(size_t at, std::string_view why) { return Error::invalid(concat("instruction ", at, ": ", why)); }

bool is_jump(const sock_filter& instruction) { return BPF_CLASS(instruction.code) == BPF_JMP; }

// The instructions that seccomp_check_filter lets pass. Notably absent: BPF_MOD, byte and half-word loads.
bool is_allowed(uint16_t code) {
    switch (code) {
        case BPF_LD | BPF_W | BPF_ABS:
        case BPF_LD | BPF_W | BPF_LEN:
        case BPF_LDX | BPF_W | BPF_LEN:
        case BPF_LD | BPF_IMM:
        case BPF_LDX | BPF_IMM:
        case BPF_LD | BPF_MEM:
        case BPF_LDX | BPF_MEM:
        case BPF_ST:
        case BPF_STX:
        case BPF_RET | BPF_K:
        case BPF_RET | BPF_A:
        case BPF_MISC | BPF_TAX:
        case BPF_MISC | BPF_TXA:
        case BPF_ALU | BPF_NEG:
        case BPF_JMP | BPF_JA: return true;
        default: break;
    }
    const uint16_t operation = BPF_OP(code);
    if ((code & ~(0xf0 | BPF_X)) == BPF_ALU) return operation <= BPF_RSH || operation == BPF_XOR;
    if ((code & ~(0xf0 | BPF_X)) == BPF_JMP) return operation >= BPF_JEQ && operation <= BPF_JSET;
    return false;
}

Result<void> check_one(std::span<const sock_filter> program, size_t at) {
    const sock_filter& instruction = program[at];
    const size_t left = program.size() - at - 1;  // instructions behind this one
    if (!is_allowed(instruction.code)) return refused(at, concat("code ", instruction.code, " is not allowed"));
    switch (instruction.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (instruction.k >= sizeof(seccomp_data) || instruction.k % 4)
                return refused(at, "load outside of seccomp_data");
            break;
        case BPF_ALU | BPF_DIV | BPF_K:
            if (instruction.k == 0) return refused(at, "division by zero");
            break;
        case BPF_ALU | BPF_LSH | BPF_K:
        case BPF_ALU | BPF_RSH | BPF_K:
            if (instruction.k >= 32) return refused(at, "shift by 32 or more");
            break;
        case BPF_LD | BPF_MEM:
        case BPF_LDX | BPF_MEM:
        case BPF_ST:
        case BPF_STX:
            if (instruction.k >= memory_words) return refused(at, "no such memory word");
            break;
        case BPF_JMP | BPF_JA:
            if (instruction.k >= left) return refused(at, "jump out of the program");
            break;
        default:
            if (is_jump(instruction) && (instruction.jt >= left || instruction.jf >= left))
                return refused(at, "jump out of the program");
    }
    return {};
}

// No word of memory is read before every way to it has written it (check_load_and_stores).
Result<void> check_memory(std::span<const sock_filter> program) {
    std::vector<uint16_t> written_at(program.size(), 0xffff);  // what jumps to here agree on
    uint16_t written = 0;
    for (size_t at = 0; at < program.size(); ++at) {
        const sock_filter& instruction = program[at];
        written &= written_at[at];
        switch (instruction.code) {
            case BPF_ST:
            case BPF_STX: written |= static_cast<uint16_t>(1u << instruction.k); break;
            case BPF_LD | BPF_MEM:
            case BPF_LDX | BPF_MEM:
                if (!(written >> instruction.k & 1)) return refused(at, "reads memory that nothing wrote");
                break;
            case BPF_JMP | BPF_JA:
                written_at[at + 1 + instruction.k] &= written;
                written = 0xffff;
                break;
            default:
                if (!is_jump(instruction)) break;
                written_at[at + 1 + instruction.jt] &= written;
                written_at[at + 1 + instruction.jf] &= written;
                written = 0xffff;
        }
    }
    return {};
}

uint32_t load(const seccomp_data& call, uint32_t offset) {
    uint32_t word;
    std::memcpy(&word, reinterpret_cast<const char*>(&call) + offset, sizeof word);
    return word;
}

// Nothing: a division by a zero X, which ends the program with 0.
std::optional<uint32_t> calculate(uint16_t code, uint32_t a, uint32_t operand) {
    switch (BPF_OP(code)) {
        case BPF_ADD: return a + operand;
        case BPF_SUB: return a - operand;
        case BPF_MUL: return a * operand;
        case BPF_DIV: return operand ? std::optional(a / operand) : std::nullopt;
        case BPF_AND: return a & operand;
        case BPF_OR: return a | operand;
        case BPF_XOR: return a ^ operand;
        case BPF_LSH: return a << (operand & 31);
        case BPF_RSH: return a >> (operand & 31);
        default: return -a;  // BPF_NEG
    }
}

bool holds(uint16_t code, uint32_t a, uint32_t operand) {
    switch (BPF_OP(code)) {
        case BPF_JEQ: return a == operand;
        case BPF_JGT: return a > operand;
        case BPF_JGE: return a >= operand;
        default: return (a & operand) != 0;  // BPF_JSET
    }
}

}  // namespace

Result<void> check(std::span<const sock_filter> program) {
    if (program.empty() || program.size() > max_length)
        return Error::invalid(concat("a filter has 1 to ", max_length, " instructions, not ", program.size()));
    for (size_t at = 0; at < program.size(); ++at) TRY(check_one(program, at));
    if (BPF_CLASS(program.back().code) != BPF_RET) return refused(program.size() - 1, "the last one must return");
    return check_memory(program);
}

uint32_t run(std::span<const sock_filter> program, const seccomp_data& call) {
    uint32_t a = 0, x = 0, memory[memory_words] = {};
    for (size_t at = 0; at < program.size(); ++at) {
        const auto [code, jt, jf, k] = program[at];
        const uint32_t operand = BPF_SRC(code) == BPF_X ? x : k;
        switch (code) {
            case BPF_LD | BPF_W | BPF_ABS: a = load(call, k); break;
            case BPF_LD | BPF_W | BPF_LEN: a = sizeof call; break;
            case BPF_LDX | BPF_W | BPF_LEN: x = sizeof call; break;
            case BPF_LD | BPF_IMM: a = k; break;
            case BPF_LDX | BPF_IMM: x = k; break;
            case BPF_LD | BPF_MEM: a = memory[k]; break;
            case BPF_LDX | BPF_MEM: x = memory[k]; break;
            case BPF_ST: memory[k] = a; break;
            case BPF_STX: memory[k] = x; break;
            case BPF_MISC | BPF_TAX: x = a; break;
            case BPF_MISC | BPF_TXA: a = x; break;
            case BPF_RET | BPF_K: return k;
            case BPF_RET | BPF_A: return a;
            case BPF_JMP | BPF_JA: at += k; break;
            default:
                if (BPF_CLASS(code) == BPF_JMP) {
                    at += holds(code, a, operand) ? jt : jf;
                } else if (const auto result = calculate(code, a, operand)) {
                    a = *result;
                } else {
                    return SECCOMP_RET_KILL_THREAD;
                }
        }
    }
    return SECCOMP_RET_KILL_THREAD;
}

Result<uint32_t> evaluate(std::span<const sock_filter> program, const seccomp_data& call) {
    TRY(check(program));
    return run(program, call);
}

}  // namespace casemate::seccomp

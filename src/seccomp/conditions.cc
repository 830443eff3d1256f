#include "seccomp/conditions.h"

#include <bit>
#include <cstddef>

namespace casemate::seccomp {
namespace {

using Node = Program::Node;

static_assert(std::endian::native == std::endian::little, "the halves of an argument are taken to be low, high");

struct Targets {
    Node yes, no;
    Targets swapped() const { return {no, yes}; }
};

unsigned bits_of(Arch arch, const Syscall& syscall, unsigned index) {
    switch (width_on(arch, syscall, index)) {
        case Width::bits16: return 16;
        case Width::bits32: return 32;
        default: return arch == Arch::x86 || arch == Arch::arm ? 32 : 64;
    }
}

// `value` as an unsigned number of `bits` bits; a negative number that was written with 32 or 64 bits is cut, anything
// else that is too large stays and never equals.
uint64_t narrowed(uint64_t value, unsigned bits) {
    const auto extended = [value, bits](unsigned from) {
        const unsigned unused = 64 - bits;
        const auto low = static_cast<int64_t>(value << unused) >> unused;
        return low < 0 && value == (static_cast<uint64_t>(low) << (64 - from)) >> (64 - from);
    };
    if (bits == 64 || value >> bits == 0) return value;
    return extended(32) || extended(64) ? value & (UINT64_MAX >> (64 - bits)) : value;
}

// One argument of a call, `bits` wide.
class Argument {
public:
    Argument(Program& program, unsigned index, unsigned bits)
        : program_(program), bits_(bits), offset_(static_cast<uint32_t>(offsetof(seccomp_data, args) + 8 * index)) {}

    Node equals(uint64_t value, Targets to) {
        if (too_large(value)) return to.no;
        const Node low = program_.test(low_word(), Jump::equal, low_of(value), to.yes, to.no);
        return bits_ == 64 ? program_.test(high_word(), Jump::equal, high_of(value), low, to.no) : low;
    }

    Node exceeds(uint64_t value, Targets to) { return compare(Jump::greater, value, to); }
    Node at_least(uint64_t value, Targets to) { return value == 0 ? to.yes : compare(Jump::at_least, value, to); }

    Node masked_equals(uint64_t mask, uint64_t value, Targets to) {
        if (too_large(value)) return to.no;
        mask &= UINT64_MAX >> (64 - bits_);
        const Node low = masked_half(offset_, low_of(mask), low_of(value), to);
        return bits_ == 64 ? masked_half(offset_ + 4, high_of(mask), high_of(value), {low, to.no}) : low;
    }

    Node has_any_of(uint64_t mask, Targets to) {
        mask &= UINT64_MAX >> (64 - bits_);
        const Node low = any_of_half(offset_, low_of(mask), to);
        return bits_ == 64 ? any_of_half(offset_ + 4, high_of(mask), {to.yes, low}) : low;
    }

private:
    static uint32_t low_of(uint64_t value) { return static_cast<uint32_t>(value); }
    static uint32_t high_of(uint64_t value) { return static_cast<uint32_t>(value >> 32); }
    bool too_large(uint64_t value) const { return bits_ < 64 && value >> bits_ != 0; }
    Word low_word() const { return {offset_, bits_ == 16 ? UINT16_MAX : UINT32_MAX}; }
    Word high_word() const { return {offset_ + 4}; }

    Node compare(Jump low_jump, uint64_t value, Targets to) {
        if (too_large(value)) return to.no;
        const Node low = program_.test(low_word(), low_jump, low_of(value), to.yes, to.no);
        if (bits_ < 64) return low;
        const Node equal = program_.test(high_word(), Jump::equal, high_of(value), low, to.no);
        return program_.test(high_word(), Jump::greater, high_of(value), to.yes, equal);
    }

    Node masked_half(uint32_t offset, uint32_t mask, uint32_t value, Targets to) {
        if (mask == 0) return value == 0 ? to.yes : to.no;
        if (value == 0) return program_.test({offset}, Jump::any_bit, mask, to.no, to.yes);
        if (value == mask && std::has_single_bit(mask))
            return program_.test({offset}, Jump::any_bit, mask, to.yes, to.no);
        return program_.test({offset, mask}, Jump::equal, value, to.yes, to.no);
    }

    Node any_of_half(uint32_t offset, uint32_t mask, Targets to) {
        return mask == 0 ? to.no : program_.test({offset}, Jump::any_bit, mask, to.yes, to.no);
    }

    Program& program_;
    unsigned bits_;
    uint32_t offset_;
};

Node test_one(Program& program, Arch arch, const Syscall& syscall, const Condition& condition, Targets to) {
    const unsigned bits = bits_of(arch, syscall, condition.index);
    Argument argument(program, condition.index, bits);
    const uint64_t value = narrowed(condition.value, bits);
    switch (condition.op) {
        case Op::eq: return argument.equals(value, to);
        case Op::ne: return argument.equals(value, to.swapped());
        case Op::gt: return argument.exceeds(value, to);
        case Op::le: return argument.exceeds(value, to.swapped());
        case Op::ge: return argument.at_least(value, to);
        case Op::lt: return argument.at_least(value, to.swapped());
        case Op::any_bit: return argument.has_any_of(condition.value, to);
        case Op::masked_eq: break;
    }
    return argument.masked_equals(condition.value, narrowed(condition.value_two, bits) & condition.value, to);
}

}  // namespace

Node test_all(Program& program, Arch arch, const Syscall& syscall, std::span<const Condition> conditions, Node yes,
              Node no) {
    Node node = yes;
    for (size_t i = conditions.size(); i-- > 0;) node = test_one(program, arch, syscall, conditions[i], {node, no});
    return node;
}

}  // namespace casemate::seccomp

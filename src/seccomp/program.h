// A filter under construction: a graph of tests and verdicts, and its layout as classic BPF.
//
// Equal nodes are one node, so blocks that several calls share are emitted once. Children are made before parents and
// BPF jumps only forward, so the order of making, reversed, is a valid layout.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace casemate::seccomp {

// One 32-bit word of seccomp_data, by its offset, and the bits of it that count.
struct Word {
    uint32_t offset;
    uint32_t mask = UINT32_MAX;
    bool operator==(const Word&) const = default;
};

enum class Jump : uint16_t { equal = BPF_JEQ, greater = BPF_JGT, at_least = BPF_JGE, any_bit = BPF_JSET };

class Program {
public:
    using Node = uint16_t;

    Program();
    // Ends with a SECCOMP_RET_* value.
    Node verdict(uint32_t value);
    // Goes on at `yes` or `no` as `word` compares with `operand`. Yields `yes` where the two are one.
    Node test(Word word, Jump jump, uint32_t operand, Node yes, Node no);
    // The instructions from `start`. Errors: more than the kernel's 4096.
    Result<std::vector<sock_filter>> assemble(Node start) const;

private:
    struct Entry {
        Word word;
        uint32_t operand;  // of a verdict: the value
        Jump jump;
        bool is_verdict;
        Node yes, no;
        bool operator==(const Entry&) const = default;
    };
    struct Needs {
        bool reached = false, load = false;
    };

    size_t slot_of(const Entry& entry) const;
    Node add(const Entry& entry);
    std::vector<Needs> needs_of(Node start) const;

    std::vector<Entry> nodes_;
    std::vector<Node> index_;  // open addressing
};

}  // namespace casemate::seccomp

#include "seccomp/program.h"

#include <algorithm>

#include "base/text.h"

namespace casemate::seccomp {
namespace {

// More nodes than this cannot fit a program: every one needs an instruction of its own. Past it, nodes are no longer
// kept, and assemble() says so.
constexpr size_t max_nodes = BPF_MAXINSNS;
constexpr size_t first_slots = 512;  // doubled whenever half full
constexpr Program::Node none = 0xffff;

// Writes instructions from the last to the first, so that every target is known when a jump is written. A place is
// counted from the end of the program.
class Backwards {
public:
    using Place = uint32_t;

    Place put(uint16_t code, uint32_t k, uint8_t jt = 0, uint8_t jf = 0) {
        code_.push_back({code, jt, jf, k});
        return static_cast<Place>(code_.size() - 1);
    }
    const sock_filter& at(Place place) const { return code_[place]; }
    size_t size() const { return code_.size(); }

    // A place near enough for a conditional jump written after up to one more instruction: `target`, or a copy of the
    // verdict there, or a long jump to it.
    Place near(Place target) {
        constexpr size_t reach = 255;
        if (code_.size() - target <= reach) return target;
        if (code_[target].code == (BPF_RET | BPF_K)) return put(BPF_RET | BPF_K, code_[target].k);
        return put(BPF_JMP | BPF_JA, static_cast<uint32_t>(code_.size()) - target - 1);
    }
    // The distance to `target` for the instruction written next.
    uint8_t distance(Place target) const { return static_cast<uint8_t>(code_.size() - target - 1); }

    std::vector<sock_filter> forwards() && {
        std::reverse(code_.begin(), code_.end());
        return std::move(code_);
    }

private:
    std::vector<sock_filter> code_;
};

}  // namespace

Program::Program() : index_(first_slots, none) { nodes_.reserve(first_slots / 2); }

size_t Program::slot_of(const Entry& entry) const {
    const uint64_t key =
        (uint64_t{entry.operand} << 32 | (entry.word.offset << 24 ^ entry.word.mask)) * 0x9e3779b97f4a7c15u +
        (uint64_t{entry.yes} << 16 | entry.no) * 0xc2b2ae3d27d4eb4fu;
    size_t slot = (key ^ key >> 29) % index_.size();
    while (index_[slot] != none && nodes_[index_[slot]] != entry) slot = (slot + 1) % index_.size();
    return slot;
}

Program::Node Program::add(const Entry& entry) {
    const size_t slot = slot_of(entry);
    if (index_[slot] != none) return index_[slot];
    if (nodes_.size() > max_nodes) return 0;
    const auto node = static_cast<Node>(nodes_.size());
    nodes_.push_back(entry);
    index_[slot] = node;
    if (nodes_.size() * 2 > index_.size()) {
        index_.assign(index_.size() * 2, none);
        for (size_t i = 0; i < nodes_.size(); ++i) index_[slot_of(nodes_[i])] = static_cast<Node>(i);
    }
    return node;
}

Program::Node Program::verdict(uint32_t value) { return add({{}, value, Jump::equal, true, none, none}); }

Program::Node Program::test(Word word, Jump jump, uint32_t operand, Node yes, Node no) {
    return yes == no ? yes : add({word, operand, jump, false, yes, no});
}

// Which nodes are reached, and which of them some way reaches without their word in the accumulator.
std::vector<Program::Needs> Program::needs_of(Node start) const {
    std::vector<Needs> needs(nodes_.size());
    needs[start] = {true, true};
    for (size_t i = start + size_t{1}; i-- > 0;) {
        if (!needs[i].reached || nodes_[i].is_verdict) continue;
        for (Node next : {nodes_[i].yes, nodes_[i].no}) {
            needs[next].reached = true;
            if (nodes_[next].word != nodes_[i].word) needs[next].load = true;
        }
    }
    return needs;
}

Result<std::vector<sock_filter>> Program::assemble(Node start) const {
    const auto too_long = [] {
        return Error::invalid(concat("the filter needs more than the kernel's ", BPF_MAXINSNS, " instructions"))
            .hint("fewer rules with arguments, or fewer architectures");
    };
    if (nodes_.size() > max_nodes) return too_long();
    const std::vector<Needs> needs = needs_of(start);
    Backwards code;
    struct Places {
        Backwards::Place loading, loaded;  // where to enter without, and with, the node's word in the accumulator
    };
    std::vector<Places> places(nodes_.size());
    for (size_t i = 0; i <= start; ++i) {
        const Entry& node = nodes_[i];
        if (!needs[i].reached) continue;
        if (node.is_verdict) {
            places[i].loading = places[i].loaded = code.put(BPF_RET | BPF_K, node.operand);
            continue;
        }
        // A stub or a copy made for this jump serves the jumps written next, too.
        const auto reach = [&](Node next) {
            if (nodes_[next].is_verdict)
                return places[next].loading = places[next].loaded = code.near(places[next].loaded);
            const bool loaded = nodes_[next].word == node.word;
            auto& place = loaded ? places[next].loaded : places[next].loading;
            return place = code.near(place);
        };
        // `near` for one may push the other out of reach by one instruction, hence the slack in it.
        const auto no = reach(node.no), yes = reach(node.yes);
        const auto jump = static_cast<uint16_t>(BPF_JMP | BPF_K | static_cast<uint16_t>(node.jump));
        places[i].loaded = code.put(jump, node.operand, code.distance(yes), code.distance(no));
        if (needs[i].load) {
            if (node.word.mask != UINT32_MAX) code.put(BPF_ALU | BPF_AND | BPF_K, node.word.mask);
            places[i].loading = code.put(BPF_LD | BPF_W | BPF_ABS, node.word.offset);
        }
        if (code.size() > BPF_MAXINSNS) return too_long();
    }
    return std::move(code).forwards();
}

}  // namespace casemate::seccomp

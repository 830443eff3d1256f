// Policy -> BPF. For each architecture: the verdict, or the tests that lead to one, of every known number; runs of
// equal verdict; a binary tree over the runs. libseccomp's list for Docker's profile has 1125 instructions and takes
// the kernel eight times as long to load (PERFORMANCE 4).
//
// It runs at every start, so each rule is looked at once, and what depends on no argument costs a table entry.
#include <algorithm>
#include <array>
#include <cstddef>

#include "base/text.h"
#include "seccomp/conditions.h"
#include "seccomp/filter.h"
#include "seccomp/program.h"

namespace casemate::seccomp {
namespace {

using Node = Program::Node;

constexpr uint32_t x32_bit = 0x40000000;
constexpr Word number_word{offsetof(seccomp_data, nr)};
constexpr Word arch_word{offsetof(seccomp_data, arch)};
constexpr int32_t end_of_chain = -1;

Verdict stricter(const Verdict& a, const Verdict& b) { return b.stricter_than(a) ? b : a; }

// One layer or one set of OCI rules, sorted by call: what holds for every argument, and a chain of rules with
// conditions.
class Part {
public:
    explicit Part(const Layer& layer)
        : default_(layer.allow ? layer.default_verdict : Verdict{}),
          unknown_(layer.unknown_verdict),
          layer_(true),
          calls_(syscalls().size()) {
        for (const Rule& rule : layer.deny) add_deny(rule);
        if (layer.allow)
            for (const Rule& rule : *layer.allow) add_allow(rule);
    }

    explicit Part(const OciRules& oci)
        : default_(oci.default_verdict), unknown_(oci.unknown_verdict), layer_(false), calls_(syscalls().size()) {
        for (const Rule& rule : oci.rules) {
            ForCall& call = of(rule);
            if (!rule.conditions.empty())
                chain(call, rule);
            else if (!call.decided)
                decide(call, rule.verdict);
        }
    }

    const Verdict& unknown() const { return unknown_; }
    // The verdict where no rule with conditions matches.
    const Verdict& otherwise(size_t row) const { return calls_[row].decided ? calls_[row].verdict : default_; }
    bool conditional(size_t row) const { return calls_[row].first != end_of_chain && (layer_ || !calls_[row].decided); }
    bool is_layer() const { return layer_; }

    // The rules with conditions that can matter for a call, the first match to win.
    void decisions(size_t row, std::vector<const Rule*>& out) const {
        const ForCall& call = calls_[row];
        out.clear();
        for (int32_t i = call.first; i != end_of_chain; i = links_[i].next)
            if (!call.denied || links_[i].rule->verdict.stricter_than(call.verdict)) out.push_back(links_[i].rule);
        std::stable_sort(out.begin(), out.end(),
                         [](const Rule* a, const Rule* b) { return a->verdict.stricter_than(b->verdict); });
    }

private:
    struct ForCall {
        Verdict verdict;
        bool decided = false;  // `verdict` stands, whatever the arguments
        bool denied = false;   // decided by a deny
        int32_t first = end_of_chain;
    };
    struct Link {
        const Rule* rule;
        int32_t next;
    };

    ForCall& of(const Rule& rule) { return calls_[static_cast<size_t>(rule.syscall - syscalls().data())]; }

    void decide(ForCall& call, const Verdict& verdict) {
        call.verdict = verdict;
        call.decided = true;
    }

    void chain(ForCall& call, const Rule& rule) {
        links_.push_back({&rule, call.first});
        call.first = static_cast<int32_t>(links_.size() - 1);
    }

    void add_deny(const Rule& rule) {
        ForCall& call = of(rule);
        if (!rule.conditions.empty()) return chain(call, rule);
        if (!call.denied || rule.verdict.stricter_than(call.verdict)) decide(call, rule.verdict);
        call.denied = true;
    }

    void add_allow(const Rule& rule) {
        ForCall& call = of(rule);
        if (!rule.conditions.empty())
            chain(call, rule);
        else if (!call.denied)
            decide(call, {});
    }

    Verdict default_, unknown_;
    bool layer_;
    std::vector<ForCall> calls_;
    std::vector<Link> links_;
};

class Compiler {
public:
    explicit Compiler(const Policy& policy) {
        parts_.reserve(policy.layers.size() + policy.oci.size());
        for (const Layer& layer : policy.layers) parts_.emplace_back(layer);
        for (const OciRules& oci : policy.oci) parts_.emplace_back(oci);
        Verdict unknown;
        for (const Part& part : parts_) unknown = stricter(unknown, part.unknown());
        kill_ = program_.verdict(Verdict{Action::kill_process}.bpf());
        unknown_ = program_.verdict(unknown.bpf());
    }

    // The search tree over the numbers of one AUDIT_ARCH value; `arch` or x32, or both, are wanted.
    Node tree(Arch arch, bool wanted, bool x32) {
        runs_.clear();
        add_run(0, wanted ? unknown_ : kill_);
        if (wanted) add_numbers(arch, 0);
        if (arch == Arch::x86_64) {
            add_run(x32_bit, x32 ? unknown_ : kill_);
            if (x32) add_numbers(Arch::x32, x32_bit);
            add_run(UINT32_MAX, wanted ? unknown_ : kill_);
        }
        return search(0, runs_.size() - 1);
    }

    Node on_arch(uint32_t audit, Node tree, Node otherwise) {
        return program_.test(arch_word, Jump::equal, audit, tree, otherwise);
    }
    Node kill() const { return kill_; }
    Result<std::vector<sock_filter>> assemble(Node start) const { return program_.assemble(start); }

private:
    struct Run {
        uint32_t first;  // up to the next run's
        Node node;
    };
    struct Decided {
        size_t index;
        uint32_t floor;
        Node node;
    };

    void add_run(uint32_t first, Node node) {
        if (!runs_.empty() && runs_.back().first == first) runs_.pop_back();
        if (runs_.empty() || runs_.back().node != node) runs_.push_back({first, node});
    }

    void add_numbers(Arch arch, uint32_t start) {
        uint32_t next = start;
        for (uint16_t row : by_number(arch)) {
            const auto number = static_cast<uint32_t>(syscalls()[row].on(arch));
            if (number != next) add_run(next, unknown_);
            add_run(number, node_of(arch, row));
            next = number + 1;
        }
        add_run(next, unknown_);
    }

    Node node_of(Arch arch, size_t row) {
        Verdict verdict;
        for (const Part& part : parts_) {
            if (part.conditional(row)) {
                decided_.clear();
                return decide(arch, row, 0, Verdict{});
            }
            verdict = stricter(verdict, part.otherwise(row));
        }
        return program_.verdict(verdict.bpf());
    }

    // The pointwise maximum of the parts from `index` on, given that those before said `floor`.
    Node decide(Arch arch, size_t row, size_t index, const Verdict& floor) {
        if (index == parts_.size()) return program_.verdict(floor.bpf());
        const Part& part = parts_[index];
        if (!part.conditional(row)) return decide(arch, row, index + 1, stricter(floor, part.otherwise(row)));
        for (const Decided& known : decided_)
            if (known.index == index && known.floor == floor.rank()) return known.node;
        const Node node = decide_part(arch, row, index, floor);
        decided_.push_back({index, floor.rank(), node});
        return node;
    }

    Node decide_part(Arch arch, size_t row, size_t index, const Verdict& floor) {
        const Part& part = parts_[index];
        Node node = decide(arch, row, index + 1, stricter(floor, part.otherwise(row)));
        std::vector<const Rule*> rules;
        part.decisions(row, rules);
        const Syscall& syscall = syscalls()[row];
        const bool hidden = hides_arguments(arch, syscall);
        for (size_t i = rules.size(); i-- > 0;) {
            const Node match = decide(arch, row, index + 1, stricter(floor, rules[i]->verdict));
            node = test_rule(arch, part, *rules[i], hidden, match, node);
        }
        return node;
    }

    // A condition that cannot be seen is true in a deny and false in an allow; config.json's compare what there is.
    Node test_rule(Arch arch, const Part& part, const Rule& rule, bool hidden, Node yes, Node no) {
        if (!part.is_layer()) return test_all(program_, arch, *rule.syscall, rule.conditions, yes, no);
        const bool allow = rule.verdict.action == Action::allow;
        seen_.clear();
        for (const Condition& condition : rule.conditions) {
            const Width width = hidden ? Width::pointer : width_on(arch, *rule.syscall, condition.index);
            if (width != Width::none && width != Width::pointer)
                seen_.push_back(condition);
            else if (allow)
                return no;
        }
        return test_all(program_, arch, *rule.syscall, seen_, yes, no);
    }

    // The tree over runs first..last. A single number between two runs of one verdict takes one test, not two.
    Node search(size_t first, size_t last) {
        if (first == last) return runs_[first].node;
        if (last == first + 2 && runs_[first].node == runs_[last].node &&
            runs_[last].first - runs_[first + 1].first == 1)
            return program_.test(number_word, Jump::equal, runs_[first + 1].first, runs_[first + 1].node,
                                 runs_[first].node);
        const size_t middle = first + (last - first + 1) / 2;
        const Node high = search(middle, last);
        const Node low = search(first, middle - 1);
        return program_.test(number_word, Jump::at_least, runs_[middle].first, high, low);
    }

    std::vector<Part> parts_;
    Program program_;
    Node kill_, unknown_;
    std::vector<Run> runs_;
    std::vector<Decided> decided_;  // of the call at hand: no way through the parts is followed twice
    std::vector<Condition> seen_;
};

}  // namespace

Result<std::vector<sock_filter>> compile(const Policy& policy) {
    std::array<bool, 5> wanted{};
    for (Arch arch : policy.architectures) wanted[static_cast<size_t>(arch)] = true;
    if (policy.architectures.empty()) wanted[static_cast<size_t>(native_arch())] = true;
    const auto wants = [&wanted](Arch arch) { return wanted[static_cast<size_t>(arch)]; };

    Compiler compiler(policy);
    Node start = compiler.kill();
    // Written last, asked first: the native one.
    for (Arch arch : {Arch::arm, Arch::x86, Arch::aarch64, Arch::x86_64}) {
        const bool x32 = arch == Arch::x86_64 && wants(Arch::x32);
        if (wants(arch) || x32)
            start = compiler.on_arch(audit_arch(arch), compiler.tree(arch, wants(arch), x32), start);
    }
    return compiler.assemble(start);
}

}  // namespace casemate::seccomp

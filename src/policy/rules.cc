#include "policy/rules.h"

#include <algorithm>
#include <span>
#include <tuple>

#include "base/text.h"

namespace casemate::policy {

using seccomp::Layer;
using seccomp::Rule;
using seccomp::Syscall;
using seccomp::Verdict;

namespace {

auto key_of(const Verdict& verdict) { return std::tuple(verdict.action, verdict.data, verdict.by_name); }

// By name, then the rule without conditions before those with.
bool rule_before(const Rule& a, const Rule& b) {
    if (a.syscall != b.syscall) return a.syscall < b.syscall;  // the table is sorted by name
    if (a.conditions != b.conditions) return a.conditions < b.conditions;
    return key_of(a.verdict) < key_of(b.verdict);
}

// Does `wide` match whenever `narrow` does, with the same verdict? Conditions are sorted.
bool covers(const Rule& wide, const Rule& narrow) {
    return wide.syscall == narrow.syscall && wide.verdict == narrow.verdict &&
           std::ranges::includes(narrow.conditions, wide.conditions);
}

std::span<const Rule> rules_of(const Rules& rules, const Syscall* call) {
    const auto first = std::ranges::lower_bound(rules, call, {}, &Rule::syscall);
    const auto last = std::ranges::upper_bound(first, rules.end(), call, {}, &Rule::syscall);
    return {first, last};
}

}  // namespace

void sort_rules(Rules& rules) {
    for (Rule& rule : rules) {
        std::ranges::sort(rule.conditions);
        rule.conditions.erase(std::unique(rule.conditions.begin(), rule.conditions.end()), rule.conditions.end());
    }
    if (!std::ranges::is_sorted(rules, rule_before)) std::ranges::sort(rules, rule_before);
    if (std::ranges::adjacent_find(rules, {}, &Rule::syscall) == rules.end()) return;
    // A wider rule may stand after a narrower one ({b} and {a, b}): look at all rules of the call.
    Rules kept;
    kept.reserve(rules.size());
    for (size_t first = 0, last = 0; first < rules.size(); first = last) {
        while (last < rules.size() && rules[last].syscall == rules[first].syscall) ++last;
        const std::span same_call(rules.begin() + static_cast<ptrdiff_t>(first), last - first);
        for (const Rule& rule : same_call) {
            const auto makes_it_vain = [&](const Rule& other) {
                return &other != &rule && covers(other, rule) && (&other < &rule || !covers(rule, other));
            };
            if (std::ranges::none_of(same_call, makes_it_vain)) kept.push_back(rule);
        }
    }
    rules = std::move(kept);
}

Rules intersect_allowed(const Rules& a, const Rules& b) {
    Rules both;
    for (const Rule& rule : a) {
        for (const Rule& other : rules_of(b, rule.syscall)) {
            Rule narrow = rule;
            narrow.conditions.insert(narrow.conditions.end(), other.conditions.begin(), other.conditions.end());
            both.push_back(std::move(narrow));
        }
    }
    sort_rules(both);
    return both;
}

Rules unite_rules(const Rules& a, const Rules& b) {
    Rules all = a;
    all.insert(all.end(), b.begin(), b.end());
    sort_rules(all);
    return all;
}

Rules at_least(Rules denies, const Layer& parent) {
    if (!parent.allow) return denies;
    const auto decided_by_default = [&](Rule& rule) {
        if (!parent.default_verdict.stricter_than(rule.verdict)) return false;
        const auto allowed = rules_of(*parent.allow, rule.syscall);
        // Allowed under conditions only: the deny may match where they hold and where they do not.
        if (!allowed.empty() && !allowed.front().conditions.empty()) rule.verdict = parent.default_verdict;
        return allowed.empty();
    };
    Rules kept;
    for (Rule& rule : denies)
        if (!decided_by_default(rule)) kept.push_back(std::move(rule));
    sort_rules(kept);
    return kept;
}

std::string_view first_not_allowed(const Rules& parent, const json::Value& item) {
    std::vector<std::string_view> names;
    if (item.is_string()) names.push_back(item.string());
    if (const json::Value* list = item.find("names"))
        for (const json::Value& name : list->items()) names.push_back(name.string());
    for (const std::string_view name : names) {
        const Syscall* const single = seccomp::find_syscall(name);
        const auto group = seccomp::group_members(name);
        for (const Syscall* call : group ? *group : std::vector<const Syscall*>{single})
            if (call && rules_of(parent, call).empty()) return call->name;
    }
    return {};
}

namespace {

// The operators that a profile may use, in the order of seccomp::Op.
std::string_view word_of(seccomp::Op op) {
    static constexpr std::string_view words[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",       "SCMP_CMP_EQ",
                                                 "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};
    return words[static_cast<size_t>(op)];
}

void write_rule(json::Writer& writer, const Rule& rule, bool deny) {
    const bool plain_verdict = !deny || (rule.verdict.action == seccomp::Action::errno_ && rule.verdict.data == EPERM);
    if (plain_verdict && rule.conditions.empty()) {
        writer.value(std::string_view(rule.syscall->name));
        return;
    }
    writer.begin_object().key("names").begin_array().value(std::string_view(rule.syscall->name)).end_array();
    if (!rule.conditions.empty()) {
        writer.key("args").begin_array();
        for (const seccomp::Condition& condition : rule.conditions) {
            writer.begin_object().field("index", unsigned{condition.index}).field("op", word_of(condition.op));
            writer.field("value", condition.value);
            if (condition.op == seccomp::Op::masked_eq) writer.field("valueTwo", condition.value_two);
            writer.end_object();
        }
        writer.end_array();
    }
    if (!plain_verdict && rule.verdict.action == seccomp::Action::errno_)
        writer.field("errnoRet", errno_name(rule.verdict.data));
    else if (!plain_verdict)
        writer.field("action", seccomp::action_name(rule.verdict.action));
    writer.end_object();
}

// Groups whose members are all there without condition (and, of a deny, with the same plain verdict) are named instead.
void write_rules(json::Writer& writer, const Rules& rules, bool deny) {
    std::vector<const Syscall*> plain;
    for (const Rule& rule : rules)
        if (rule.conditions.empty() && (!deny || rule.verdict == Verdict{seccomp::Action::errno_, EPERM, true}))
            plain.push_back(rule.syscall);
    std::vector<std::pair<size_t, std::string_view>> groups;
    for (const std::string_view name : seccomp::group_names())
        if (const auto members = seccomp::group_members(name)) groups.emplace_back(members->size(), name);
    std::ranges::sort(groups, [](const auto& a, const auto& b) { return a.first > b.first; });

    std::vector<const Syscall*> named;
    writer.begin_array();
    for (const auto& [size, name] : groups) {
        const auto members = *seccomp::group_members(name);
        const auto in = [](const std::vector<const Syscall*>& list) {
            return [&list](const Syscall* call) { return std::ranges::find(list, call) != list.end(); };
        };
        if (size < 2 || !std::ranges::all_of(members, in(plain)) || std::ranges::all_of(members, in(named))) continue;
        writer.value(name);
        named.insert(named.end(), members.begin(), members.end());
    }
    for (const Rule& rule : rules) {
        const bool in_group = std::ranges::find(named, rule.syscall) != named.end();
        if (!in_group || std::ranges::find(plain, rule.syscall) == plain.end() || !rule.conditions.empty() ||
            (deny && !(rule.verdict == Verdict{seccomp::Action::errno_, EPERM, true})))
            write_rule(writer, rule, deny);
    }
    writer.end_array();
}

}  // namespace

void write_allow(json::Writer& writer, const Rules& rules) { write_rules(writer, rules, false); }
void write_deny(json::Writer& writer, const Rules& rules) { write_rules(writer, rules, true); }

bool before(const Layer& a, const Layer& b) {
    const auto rules_before = [](const Rules& x, const Rules& y) {
        return std::ranges::lexicographical_compare(x, y, rule_before);
    };
    if (a.default_verdict != b.default_verdict) return key_of(a.default_verdict) < key_of(b.default_verdict);
    if (a.unknown_verdict != b.unknown_verdict) return key_of(a.unknown_verdict) < key_of(b.unknown_verdict);
    if (a.allow.has_value() != b.allow.has_value()) return b.allow.has_value();
    if (a.allow && *a.allow != *b.allow) return rules_before(*a.allow, *b.allow);
    return rules_before(a.deny, b.deny);
}

}  // namespace casemate::policy

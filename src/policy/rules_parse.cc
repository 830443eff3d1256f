// Reads seccomp.allow and seccomp.deny. Strict, because what a runtime silently skips here is a hole: conditions on a
// pointer or beyond an argument's width are errors (SECURITY 5.3, CVE-2017-18367).
#include <algorithm>

#include "base/text.h"
#include "policy/rules.h"
#include "policy/units.h"

namespace casemate::policy {
namespace {

using seccomp::Action;
using seccomp::Condition;
using seccomp::Syscall;
using seccomp::Width;

enum class List { allow, deny };

std::optional<std::vector<const Syscall*>> calls_named(const At& at, const json::Value& value) {
    const auto name = at.string(value, "a system call, a group or a rule");
    if (!name) return std::nullopt;
    if (name->starts_with('@')) {
        auto members = seccomp::group_members(*name);
        if (!members) at.unknown("group", *name, seccomp::group_names());
        return members;
    }
    if (const Syscall* call = seccomp::find_syscall(*name)) return {{call}};
    std::vector<std::string_view> known;
    for (const Syscall& call : seccomp::syscalls()) known.push_back(call.name);
    return at.unknown("system call", *name, known);
}

bool value_fits(const At& at, std::string_view key, uint64_t value, const Syscall& call, int64_t index) {
    const Width width = call.args[index];
    if (seccomp::fits(width, value)) return true;
    const std::string_view bits = width == Width::bits16 ? "16" : "32";
    at.member(key).fail(
        concat(value, " does not fit argument ", index, " of ", quoted(call.name), " (", bits, " bits)"));
    return false;
}

bool can_be_seen(const At& at, const Syscall& call, int64_t index) {
    const Width width = call.args[index];
    if (width == Width::none)
        at.member("index").fail(concat(quoted(call.name), " has no argument ", index));
    else if (width == Width::pointer)
        at.member("index").fail(
            concat("argument ", index, " of ", quoted(call.name), " is a pointer; a filter cannot see behind it"));
    return width != Width::none && width != Width::pointer;
}

std::optional<uint64_t> operand(const At& at, const json::Value& value) {
    if (value.is_integer() && !value.negative()) return value.unsigned_integer();
    return at.expected("an integer of 0 or more", value);
}

std::optional<seccomp::Op> parse_op(const At& at, const json::Value& value) {
    static constexpr std::string_view ops[] = {"SCMP_CMP_EQ", "SCMP_CMP_NE", "SCMP_CMP_LT",       "SCMP_CMP_LE",
                                               "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};
    const auto name = at.string(value);
    if (!name) return std::nullopt;
    if (std::ranges::find(ops, *name) == std::end(ops)) return at.unknown("operator", *name, ops);
    return seccomp::op_by_name(*name);
}

// One condition, checked against every call that the rule names.
std::optional<Condition> parse_condition(const At& at, const json::Value& value,
                                         std::span<const Syscall* const> calls) {
    static constexpr std::string_view keys[] = {"index", "op", "value", "valueTwo"};
    static constexpr std::string_view required[] = {"index", "op", "value"};
    if (!at.check_keys(value, keys, required)) return std::nullopt;
    const json::Value *index_value = value.find("index"), *op_value = value.find("op"), *first = value.find("value");
    if (!index_value || !op_value || !first) return std::nullopt;
    const auto index = at.member("index").integer(*index_value, 0, 5);
    const auto op = parse_op(at.member("op"), *op_value);
    const auto number = operand(at.member("value"), *first);
    if (!index || !op || !number) return std::nullopt;

    Condition condition{static_cast<uint8_t>(*index), *op, *number, 0};
    const json::Value* const second = value.find("valueTwo");
    if (*op == seccomp::Op::masked_eq) {
        if (!second) return at.fail("SCMP_CMP_MASKED_EQ needs 'valueTwo': 'value' is the mask");
        const auto wanted = operand(at.member("valueTwo"), *second);
        if (!wanted) return std::nullopt;
        if ((*wanted & ~*number) != 0) return at.member("valueTwo").fail("has bits outside the mask: never true");
        condition.value_two = *wanted;
    } else if (second && !(second->is_integer() && second->unsigned_integer() == 0)) {
        return at.member("valueTwo").fail("only SCMP_CMP_MASKED_EQ has a second value");
    }
    for (const Syscall* call : calls)
        if (!can_be_seen(at, *call, *index) || !value_fits(at, "value", condition.value, *call, *index) ||
            !value_fits(at, "valueTwo", condition.value_two, *call, *index))
            return std::nullopt;
    return condition;
}

std::optional<std::vector<Condition>> parse_conditions(const At& at, const json::Value& value,
                                                       std::span<const Syscall* const> calls) {
    const auto items = at.array(value);
    if (!items) return std::nullopt;
    std::vector<Condition> conditions;
    bool sound = true;
    for (size_t i = 0; i < items->size(); ++i) {
        const auto condition = parse_condition(at.item(i), (*items)[i], calls);
        if (condition) conditions.push_back(*condition);
        sound = sound && condition;
    }
    return sound ? std::optional(std::move(conditions)) : std::nullopt;
}

// A deny is EPERM unless it says another errno or action.
std::optional<seccomp::Verdict> parse_verdict(const At& at, const json::Value& rule) {
    static constexpr std::string_view actions[] = {"SCMP_ACT_LOG", "SCMP_ACT_ERRNO", "SCMP_ACT_TRAP",
                                                   "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS"};
    seccomp::Verdict verdict{Action::errno_, EPERM, true};
    if (const json::Value* value = rule.find("action")) {
        const auto name = at.member("action").string(*value);
        if (!name) return std::nullopt;
        if (std::ranges::find(actions, *name) == std::end(actions))
            return at.member("action").unknown("value", *name, actions);
        verdict.action = *seccomp::action_by_name(*name);
        if (verdict.action != Action::errno_) verdict.data = 0;
    }
    if (const json::Value* value = rule.find("errnoRet")) {
        if (verdict.action != Action::errno_) return at.member("errnoRet").fail("only SCMP_ACT_ERRNO has an errno");
        const auto number = parse_errno(at.member("errnoRet"), *value);
        if (!number) return std::nullopt;
        verdict.data = *number;
    }
    return verdict;
}

bool check_rule_keys(const At& at, const json::Value& rule, List list) {
    static constexpr std::string_view keys[] = {"names", "args", "errnoRet", "action"};
    static constexpr std::string_view required[] = {"names"};
    if (!at.check_keys(rule, keys, required)) return false;
    bool sound = rule.find("names") != nullptr;
    if (list == List::allow && rule.find("errnoRet")) {
        at.member("errnoRet").fail("unknown key; an allow rule has no errno");
        sound = false;
    }
    if (list == List::allow && rule.find("action")) {
        at.member("action").fail("unknown key; an allow rule has no action");
        sound = false;
    }
    return sound;
}

bool parse_rule(const At& at, const json::Value& value, List list, Rules& out) {
    if (!value.is_object() && !value.is_string()) {
        at.expected("a system call, a group or a rule", value);
        return false;
    }
    if (value.is_object() && !check_rule_keys(at, value, list)) return false;
    std::vector<const Syscall*> calls;
    std::span<const json::Value> names(&value, 1);
    if (value.is_object()) {
        const auto given = at.member("names").array(*value.find("names"));
        if (!given) return false;
        if (given->empty()) return at.member("names").fail("names nothing"), false;
        names = *given;
    }
    for (size_t i = 0; i < names.size(); ++i) {
        const auto more = calls_named(value.is_object() ? at.member("names").item(i) : at, names[i]);
        if (!more) return false;
        calls.insert(calls.end(), more->begin(), more->end());
    }
    std::vector<Condition> conditions;
    if (const json::Value* args = value.find("args")) {
        auto parsed = parse_conditions(at.member("args"), *args, calls);
        if (!parsed) return false;
        conditions = std::move(*parsed);
    }
    seccomp::Verdict verdict;
    if (list == List::deny) {
        const auto parsed = parse_verdict(at, value);
        if (!parsed) return false;
        verdict = *parsed;
    }
    out.reserve(out.size() + calls.size());
    for (const Syscall* call : calls) out.push_back({call, conditions, verdict});
    return true;
}

std::optional<Rules> parse_list(const At& at, const json::Value& value, List list) {
    const auto items = at.array(value);
    if (!items) return std::nullopt;
    Rules rules;
    bool sound = true;
    for (size_t i = 0; i < items->size(); ++i) sound = parse_rule(at.item(i), (*items)[i], list, rules) && sound;
    sort_rules(rules);
    return sound ? std::optional(std::move(rules)) : std::nullopt;
}

}  // namespace

std::optional<Rules> parse_allow(const At& at, const json::Value& list) { return parse_list(at, list, List::allow); }
std::optional<Rules> parse_deny(const At& at, const json::Value& list) { return parse_list(at, list, List::deny); }

}  // namespace casemate::policy

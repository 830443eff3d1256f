#include "audit/judgement.h"

#include <algorithm>

#include "audit/fields.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

Result<void> only(const json::Value& value, std::span<const std::string_view> known) {
    for (const json::Member& member : value.members())
        if (std::ranges::find(known, member.key) == known.end())
            return Error::invalid(concat("unknown key ", quoted(member.key), did_you_mean(member.key, known)));
    return {};
}

Result<Suppression> read_suppression(const Fields& fields) {
    Suppression suppression{fields.text("id"), fields.text("because"), std::nullopt};
    if (!find_rule(suppression.id)) return Error::invalid(concat("no rule ", quoted(suppression.id)));
    if (trimmed(suppression.because).empty())
        return Error::invalid(concat(suppression.id, ": a suppression needs a reason"));
    if (fields.has("until")) {
        suppression.until = parse_date(fields.text("until"));
        if (!suppression.until)
            return Error::invalid(concat(suppression.id, ": ", quoted(fields.text("until")), " is no date"));
    }
    return suppression;
}

}  // namespace

std::optional<Level> parse_level(std::string_view word) {
    if (word == "fatal" || word == "high" || word == "critical") return Level::fatal;
    if (word == "warn" || word == "medium") return Level::warn;
    if (word == "info" || word == "low") return Level::info;
    return std::nullopt;
}

Result<AuditPolicy> parse_audit_policy(std::string_view json) {
    static constexpr std::string_view keys[] = {"failOn", "suppress"}, entry_keys[] = {"id", "because", "until"};
    const json::Document document = TRY(json::Document::parse(json));
    std::optional<Error> problem;
    const Fields root(document.root(), "$", problem);
    TRY(only(document.root(), keys));
    AuditPolicy policy;
    policy.fail_on = parse_level(root.text("failOn"));
    if (!policy.fail_on) return Error::invalid("$.failOn: expected 'fatal', 'warn' or 'info'");
    const json::Value* const list = root.raw("suppress");
    if (list)
        for (const json::Value& entry : list->items()) TRY(only(entry, entry_keys));
    for (const Fields& entry : root.objects("suppress"))
        policy.suppress.push_back(TRY_IN("$.suppress", read_suppression(entry)));
    if (problem) return *std::move(problem);
    return policy;
}

size_t Judgement::count(Level level) const {
    return static_cast<size_t>(std::ranges::count_if(
        findings, [&](const Judged& one) { return !one.suppressed_by && one.finding.rule->level == level; }));
}

Judgement judge(std::string subject, std::vector<Finding> findings, std::vector<const Rule*> applied,
                const AuditPolicy& policy, Time now) {
    Judgement judgement;
    judgement.subject = std::move(subject);
    judgement.applied = std::move(applied);
    std::ranges::stable_sort(findings,
                             [](const Finding& a, const Finding& b) { return a.rule->level > b.rule->level; });
    std::vector<bool> used(policy.suppress.size());
    for (Finding& finding : findings) {
        Judged judged{std::move(finding), nullptr};
        for (size_t i = 0; i < policy.suppress.size(); ++i) {
            const Suppression& suppression = policy.suppress[i];
            if (suppression.id != judged.finding.rule->id) continue;
            used[i] = true;
            if (!suppression.until || *suppression.until >= now) judged.suppressed_by = &suppression;
        }
        if (!judged.suppressed_by && policy.fail_on && judged.finding.rule->level >= *policy.fail_on)
            judgement.passed = false;
        judgement.findings.push_back(std::move(judged));
    }
    for (size_t i = 0; i < used.size(); ++i) {
        const Suppression& suppression = policy.suppress[i];
        if (suppression.until && *suppression.until < now)
            judgement.warnings.push_back(concat("the suppression of ", suppression.id, " expired on ",
                                                time_text(*suppression.until).substr(0, 10)));
        else if (!used[i])
            judgement.warnings.push_back(concat("the suppression of ", suppression.id, " suppresses nothing"));
    }
    return judgement;
}

}  // namespace casemate::audit

// Findings against a policy: which are suppressed, by whom and until when, and does the rest let the image run?
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "audit/rule.h"
#include "base/result.h"

namespace casemate::audit {

struct Suppression {
    std::string id, because;
    std::optional<Time> until;  // midnight UTC; past it the suppression is none
};

// PROFILE 2.10, admission.audit.
struct AuditPolicy {
    std::optional<Level> fail_on = Level::fatal;  // nothing: never
    std::vector<Suppression> suppress;
};

// {"failOn": "fatal|warn|info", "suppress": [{"id", "because", "until"}]}. Errors: unknown keys and rule ids, a
// suppression without a reason, a wrong date.
Result<AuditPolicy> parse_audit_policy(std::string_view json);
// fatal, warn, info; high, medium, low mean the same.
std::optional<Level> parse_level(std::string_view word);

struct Judged {
    Finding finding;
    const Suppression* suppressed_by = nullptr;  // in the policy
};

struct Judgement {
    std::string subject;  // what was judged
    bool passed = true;
    std::vector<Judged> findings;       // gravest first
    std::vector<std::string> warnings;  // expired and unused suppressions
    std::vector<const Rule*> applied;   // all rules that were asked
    size_t count(Level level) const;    // not suppressed
};

// `policy` outlives the result.
Judgement judge(std::string subject, std::vector<Finding> findings, std::vector<const Rule*> applied,
                const AuditPolicy& policy, Time now);

std::string to_text(const Judgement& judgement);
std::string to_json(const Judgement& judgement);
// SARIF 2.1.0 (OASIS), for code scanning.
std::string to_sarif(const Judgement& judgement);
// One test case a rule.
std::string to_junit(const Judgement& judgement);

}  // namespace casemate::audit

// Rules: what is judged (facts, plain values), by what (a pure function), and what is said about it (the catalogue).
//
// The catalogue holds each rule once, with its stable id; several checks may speak under one id, for example RUN-01 of
// a config.json and of a running process. A test holds that no rule is without a check and no check without a rule.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/clock.h"

namespace casemate::audit {

enum class Level : uint8_t { info, warn, fatal };
std::string_view level_name(Level level);

struct Rule {
    std::string_view id;  // stable: suppressions and SARIF name it
    Level level;
    std::string_view title, reason, fix;
    std::string_view
        references;  // CIS Docker 1.6, dockle (DI, DKL), hadolint (DL), Trivy (DS, KSV), PSS, NSA, NIST 800-190 (N)
};

// Sorted by id within each part.
std::span<const Rule> image_catalogue();   // IMG and HIS
std::span<const Rule> tree_catalogue();    // FS
std::span<const Rule> bundle_catalogue();  // RUN
std::span<const Rule> host_catalogue();    // HOST
std::vector<const Rule*> catalogue();      // all
const Rule* find_rule(std::string_view id);

struct Finding {
    const Rule* rule = nullptr;
    std::string where;   // "config.User", "/usr/bin/su", "$.process.capabilities": never empty
    std::string detail;  // one line; holds no secret
};

// What a check speaks into: findings of one rule.
class Report {
public:
    Report(const Rule& rule, std::vector<Finding>& findings) : rule_(rule), findings_(findings) {}
    void operator()(std::string where, std::string detail) const {
        findings_.push_back({&rule_, std::move(where), std::move(detail)});
    }

private:
    const Rule& rule_;
    std::vector<Finding>& findings_;
};

template <typename Facts>
struct Check {
    std::string_view id;
    void (*run)(const Facts&, const Report&);
};

// Every check in turn. A check without a rule in the catalogue does not run; the test above makes that impossible.
template <typename Facts>
void run_checks(std::span<const Check<Facts>> checks, const Facts& facts, std::vector<Finding>& findings) {
    for (const Check<Facts>& check : checks)
        if (const Rule* const rule = find_rule(check.id)) check.run(facts, Report(*rule, findings));
}

}  // namespace casemate::audit

// Rule tests are tables: facts in which no rule finds anything, and for each rule a change that it must find (and near
// misses that it must not). expect_all_tried holds that no check goes without a row, in either table.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "audit/rule.h"

namespace test {

using namespace casemate;
using namespace casemate::audit;

template <typename Facts>
struct Row {
    const char* id;
    std::function<void(Facts&)> change;
    const char* where = "";  // part of the finding's place
};

inline std::set<std::string> ids_of(const std::vector<Finding>& findings) {
    std::set<std::string> ids;
    for (const Finding& finding : findings) ids.emplace(finding.rule->id);
    return ids;
}

inline std::string told(const std::vector<Finding>& findings) {
    std::string text;
    for (const Finding& finding : findings)
        text += std::string(finding.rule->id) + " " + finding.where + ": " + finding.detail + "\n";
    return text;
}

template <typename Facts, typename Judge>
void expect_found(const std::vector<Row<Facts>>& rows, const Facts& clean, Judge judge) {
    for (size_t i = 0; i < rows.size(); ++i) {
        Facts facts = clean;
        rows[i].change(facts);
        const std::vector<Finding> findings = judge(facts);
        CAPTURE(i);
        CAPTURE(rows[i].id);
        CAPTURE(told(findings));
        bool found = false;
        for (const Finding& finding : findings)
            found = found || (finding.rule->id == rows[i].id && finding.where.find(rows[i].where) != std::string::npos);
        CHECK(found);
        for (const Finding& finding : findings) {
            CHECK_FALSE(finding.where.empty());
            CHECK_FALSE(finding.detail.empty());
        }
    }
}

template <typename Facts, typename Judge>
void expect_quiet(const std::vector<Row<Facts>>& rows, const Facts& clean, Judge judge) {
    for (size_t i = 0; i < rows.size(); ++i) {
        Facts facts = clean;
        rows[i].change(facts);
        const std::vector<Finding> findings = judge(facts);
        CAPTURE(i);
        CAPTURE(rows[i].id);
        CAPTURE(told(findings));
        CHECK_FALSE(ids_of(findings).contains(rows[i].id));
    }
}

template <typename Facts>
void expect_all_tried(std::span<const Check<Facts>> checks, const std::vector<Row<Facts>>& rows) {
    std::set<std::string> tried;
    for (const Row<Facts>& row : rows) tried.emplace(row.id);
    for (const Check<Facts>& check : checks) {
        CAPTURE(check.id);
        CHECK(tried.contains(std::string(check.id)));
        CHECK(find_rule(check.id) != nullptr);
    }
}

}  // namespace test

// From findings to a verdict: suppressions, levels and the four ways to write it down.
#include "audit/judgement.h"

#include <algorithm>

#include "audit/bundle_rules.h"
#include "audit/host_facts.h"
#include "audit/image_facts.h"
#include "audit/process_facts.h"
#include "json/value.h"
#include "rule_support.h"

using namespace test;

namespace {

const Time today = *parse_time("2026-11-21T00:00:00Z");

AuditPolicy policy_of(const std::string& text) {
    auto policy = parse_audit_policy(text);
    REQUIRE_MESSAGE(policy, (policy ? "" : policy.error().text()));
    return std::move(policy).take();
}

std::vector<Finding> three() {
    return {{find_rule("IMG-05"), "config.Healthcheck", "none"},
            {find_rule("FS-11"), "/bin/sh & <b>", "sh is there"},
            {find_rule("IMG-01"), "config.User", "not set, which means root"}};
}
const std::vector<const Rule*> asked = {find_rule("IMG-01"), find_rule("IMG-05"), find_rule("FS-11"),
                                        find_rule("FS-12")};

bool passes(const std::string& policy_text, Time now = today) {
    const AuditPolicy policy = policy_of(policy_text);
    return judge("image", three(), asked, policy, now).passed;
}

// Every member of `value` is among `known` and those in `needed` are there: a schema's "additionalProperties: false"
// and "required".
void expect_keys(const json::Value* value, std::initializer_list<std::string_view> needed,
                 std::initializer_list<std::string_view> known) {
    REQUIRE(value != nullptr);
    REQUIRE(value->is_object());
    for (const std::string_view key : needed) CHECK_MESSAGE(value->find(key) != nullptr, std::string(key));
    for (const json::Member& member : value->members()) {
        const bool allowed = std::ranges::count(needed, member.key) + std::ranges::count(known, member.key) > 0;
        CHECK_MESSAGE(allowed, std::string(member.key));
    }
}

}  // namespace

TEST_CASE("catalogue: ids are unique, well-formed, and each rule says everything") {
    std::set<std::string_view> ids;
    for (const Rule* rule : catalogue()) {
        CAPTURE(rule->id);
        CHECK(ids.insert(rule->id).second);
        CHECK(rule->id.find('-') != std::string_view::npos);
        for (const std::string_view text : {rule->title, rule->reason, rule->fix, rule->references})
            CHECK_FALSE(text.empty());
    }
    CHECK(ids.size() >= 80);
}

TEST_CASE("catalogue: no rule is without a check") {
    std::set<std::string_view> checked;
    for (const auto& check : image_checks()) checked.insert(check.id);
    for (const auto& check : history_checks()) checked.insert(check.id);
    for (const auto& check : tree_checks()) checked.insert(check.id);
    for (const auto checks : {privilege_checks(), seccomp_checks(), mount_checks(), resource_checks()})
        for (const auto& check : checks) checked.insert(check.id);
    for (const auto checks : {process_checks(), surroundings_checks()})
        for (const auto& check : checks) checked.insert(check.id);
    for (const auto& check : host_checks()) checked.insert(check.id);
    for (const auto& check : unit_checks()) checked.insert(check.id);
    for (const Rule* rule : catalogue()) CHECK_MESSAGE(checked.contains(rule->id), std::string(rule->id));
    CHECK(checked.size() == catalogue().size());
}

TEST_CASE("judgement: the level decides") {
    CHECK_FALSE(passes(R"({"failOn": "fatal"})"));
    const std::string without_root = R"("suppress": [{"id": "IMG-01", "because": "build stage"}]})";
    CHECK(passes(R"({"failOn": "fatal", )" + without_root));
    CHECK_FALSE(passes(R"({"failOn": "warn", )" + without_root));
    AuditPolicy never;
    never.fail_on.reset();
    CHECK(judge("image", three(), asked, never, today).passed);
}

TEST_CASE("judgement: a suppression ends at its date, and is listed until then") {
    const std::string text =
        R"({"failOn": "fatal", "suppress": [{"id": "IMG-01", "because": "x", "until": "2026-11-21"}]})";
    CHECK(passes(text, today));
    CHECK_FALSE(passes(text, today + 1));
    const AuditPolicy policy = policy_of(text);
    const Judgement judgement = judge("image", three(), asked, policy, today);
    CHECK(to_text(judgement).find("suppressed IMG-01 config.User: not set, which means root [x (until 2026-11-21)]") !=
          std::string::npos);
    const Judgement later = judge("image", three(), asked, policy, today + 1);
    REQUIRE(later.warnings.size() == 1);
    CHECK(later.warnings[0] == "the suppression of IMG-01 expired on 2026-11-21");
}

TEST_CASE("judgement: unused suppressions are warned of, wrong ones refused") {
    const AuditPolicy policy = policy_of(R"({"failOn": "fatal", "suppress": [{"id": "FS-12", "because": "x"}]})");
    CHECK(judge("image", three(), asked, policy, today).warnings.size() == 1);
    for (const char* text :
         {"{}", R"({"failOn": "never"})", R"({"failOn": "fatal", "supress": []})",
          R"({"failOn": "fatal", "suppress": {}})",
          R"({"failOn": "fatal", "suppress": [{"id": "IMG-99", "because": "x"}]})",
          R"({"failOn": "fatal", "suppress": [{"id": "IMG-01"}]})",
          R"({"failOn": "fatal", "suppress": [{"id": "IMG-01", "because": " "}]})",
          R"({"failOn": "fatal", "suppress": [{"id": "IMG-01", "because": "x", "until": "soon"}]})",
          R"({"failOn": "fatal", "suppress": [{"id": "IMG-01", "because": "x", "untill": "2026-11-21"}]})"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_audit_policy(text));
    }
}

TEST_CASE("judgement as JSON: findings gravest first, with everything a reader needs") {
    const AuditPolicy policy = policy_of(R"({"failOn": "warn", "suppress": [{"id": "FS-11", "because": "x"}]})");
    const auto document = json::Document::parse(to_json(judge("image", three(), asked, policy, today)));
    REQUIRE(document);
    const json::Value& root = document.value().root();
    CHECK(root.find("verdict")->string() == "fail");
    REQUIRE(root.find("findings")->items().size() == 3);
    const auto findings = root.find("findings")->items();
    CHECK(findings[0].find("id")->string() == "IMG-01");
    CHECK(findings[1].find("suppressed")->find("because")->string() == "x");
    expect_keys(&findings[0], {"id", "level", "title", "where", "detail", "reason", "fix", "references"}, {});
}

// The names, required keys and enumerations of sarif-schema-2.1.0.json for the objects that we write.
TEST_CASE("judgement as SARIF: the schema's keys, indexes and levels") {
    const AuditPolicy policy = policy_of(R"({"failOn": "warn", "suppress": [{"id": "FS-11", "because": "x"}]})");
    const auto document = json::Document::parse(to_sarif(judge("image", three(), asked, policy, today)));
    REQUIRE(document);
    const json::Value& root = document.value().root();
    expect_keys(&root, {"version", "runs"}, {"$schema"});
    CHECK(root.find("version")->string() == "2.1.0");
    REQUIRE(root.find("runs")->items().size() == 1);
    const json::Value& run = root.find("runs")->items()[0];
    expect_keys(&run, {"tool", "results"}, {"columnKind"});
    expect_keys(run.find("tool"), {"driver"}, {});
    const json::Value* const driver = run.find("tool")->find("driver");
    expect_keys(driver, {"name"}, {"version", "rules"});
    const auto rules = driver->find("rules")->items();
    REQUIRE(rules.size() == asked.size());
    const std::set<std::string_view> levels = {"none", "note", "warning", "error"};
    for (const json::Value& rule : rules) {
        expect_keys(&rule, {"id"},
                    {"name", "shortDescription", "fullDescription", "help", "defaultConfiguration", "properties"});
        expect_keys(rule.find("shortDescription"), {"text"}, {});
        expect_keys(rule.find("help"), {"text"}, {});
        CHECK(levels.contains(rule.find("defaultConfiguration")->find("level")->string()));
    }
    const auto results = run.find("results")->items();
    REQUIRE(results.size() == 3);
    for (const json::Value& result : results) {
        expect_keys(&result, {"message"}, {"ruleId", "ruleIndex", "level", "locations", "suppressions"});
        const uint64_t index = result.find("ruleIndex")->unsigned_integer();
        REQUIRE(index < rules.size());
        CHECK(rules[index].find("id")->string() == result.find("ruleId")->string());
        CHECK(levels.contains(result.find("level")->string()));
        const json::Value& location = result.find("locations")->items()[0];
        expect_keys(&location, {}, {"physicalLocation", "logicalLocations"});
        const std::string_view uri = location.find("physicalLocation")->find("artifactLocation")->find("uri")->string();
        CHECK(uri.find_first_of(" <>&") == std::string_view::npos);
    }
    CHECK(results[1]
              .find("locations")
              ->items()[0]
              .find("physicalLocation")
              ->find("artifactLocation")
              ->find("uri")
              ->string() == "bin/sh%20%26%20%3Cb%3E");
    const json::Value& suppression = results[1].find("suppressions")->items()[0];
    expect_keys(&suppression, {"kind"}, {"justification"});
    CHECK(suppression.find("kind")->string() == "external");
    CHECK(results[0].find("suppressions") == nullptr);
}

TEST_CASE("judgement as JUnit: one case a rule, escaped") {
    const AuditPolicy policy = policy_of(R"({"failOn": "warn", "suppress": [{"id": "IMG-05", "because": "x"}]})");
    const std::string text = to_junit(judge("a<b", three(), asked, policy, today));
    CHECK(text.find(R"(<testsuite name="a&lt;b" tests="4" failures="2" skipped="1" errors="0">)") != std::string::npos);
    CHECK(text.find("/bin/sh &amp; &lt;b&gt;: sh is there") != std::string::npos);
    CHECK(text.find("<b>") == std::string::npos);
}

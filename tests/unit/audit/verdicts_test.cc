// The verdicts of tests/data/scan/SOURCES.md, and what the gate demands beyond severities.
#include "gate_support.h"
#include "json/value.h"

using namespace test;

namespace {

GateDecision decide(const VulnerabilityGate& gate, const ScanReport& report, Time now = late) {
    const ImageIdentity image = image_of(report);
    GateInput input;
    input.report = &report;
    input.image = &image;
    input.now = now;
    return judge(gate, input);
}

bool has(const std::vector<std::string>& texts, const std::string& part) {
    for (const std::string& text : texts)
        if (text.find(part) != std::string::npos) return true;
    return false;
}

}  // namespace

TEST_CASE("gate: verdicts equal those of SOURCES.md") {
    struct Row {
        const char* file;
        bool a, b;      // allowed? threshold HIGH; the same with ignore-unfixed
        size_t denied;  // findings in A
    };
    const Row rows[] = {{"trivy/alpine-39-critical-fixed.json", false, false, 2},
                        {"trivy/debian-buster-critical-fixed-low-affected.json", false, false, 1},
                        {"trivy/mariner-high-unfixed.json", false, true, 1},
                        {"trivy/ubi-7-only-will-not-fix.json", true, true, 0},
                        {"trivy/sle-micro-none.json", true, true, 0},
                        {"trivy/npm-high-with-suppressed.json", false, false, 1},
                        {"grype/image-critical-unfixed.json", false, true, 1},
                        {"grype/chainguard-ruby-high.json", false, false, 3}};
    for (const Row& row : rows) {
        CAPTURE(row.file);
        const ScanReport report = report_of(scan_file(row.file));
        for (const char* words : {R"("failOn": "HIGH")", R"("severities": ["CRITICAL", "HIGH"])"}) {
            CAPTURE(words);
            const GateDecision a = decide(gate_of("{" + std::string(words) + "}"), report);
            const GateDecision b = decide(gate_of("{" + std::string(words) + R"(, "ignoreUnfixed": true})"), report);
            CHECK(a.allowed == row.a);
            CHECK(b.allowed == row.b);
            CHECK(a.denied.size() == row.denied);
            // What B lets pass, it lists.
            CHECK(b.denied.size() + b.suppressed.size() == a.denied.size());
        }
    }
}

TEST_CASE("gate: a report about no image is refused, however clean, unless binding is off") {
    const ScanReport report = report_of(R"({"SchemaVersion": 2, "ArtifactType": "filesystem", "Results": []})");
    const GateDecision bound = decide(gate_of(R"({"failOn": "HIGH"})"), report);
    CHECK_FALSE(bound.allowed);
    CHECK(has(bound.reasons, "about no image"));
    const GateDecision unbound = decide(gate_of(R"({"failOn": "HIGH", "matchImage": "ignore"})"), report);
    CHECK(unbound.allowed);
    CHECK_FALSE(unbound.bound);
    CHECK(has(unbound.warnings, "not bound"));
}

TEST_CASE("gate: one digest that differs denies") {
    const ScanReport clean = report_of(scan_file("trivy/sle-micro-none.json"));
    const VulnerabilityGate gate = gate_of(R"({"failOn": "HIGH"})");
    const auto verdict = [&](ImageIdentity image) {
        GateInput input;
        input.report = &clean;
        input.image = &image;
        input.now = late;
        return judge(gate, input);
    };
    ImageIdentity same = image_of(clean);
    CHECK(verdict(same).allowed);
    CHECK(verdict(same).bound);
    ImageIdentity other_config = same;
    other_config.config_digest.back() ^= 1;
    CHECK_FALSE(verdict(other_config).allowed);
    ImageIdentity other_layers = same;
    other_layers.diff_ids.emplace_back("sha256:0");
    CHECK_FALSE(verdict(other_layers).allowed);
    CHECK(has(verdict(other_layers).reasons, "another image"));
}

TEST_CASE("gate: a manifest digest or a repository digest binds, an index's does not unbind") {
    ScanReport report;
    report.is_image = true;
    report.os = "x";
    report.repo_digests = {"r.example/a@sha256:index", "r.example/a@sha256:ours"};
    const ImageIdentity ours{"sha256:ours", "", {}}, theirs{"sha256:theirs", "", {}};
    const VulnerabilityGate gate = gate_of(R"({"failOn": "HIGH"})");
    GateInput input;
    input.report = &report;
    input.image = &ours;
    CHECK(judge(gate, input).allowed);
    input.image = &theirs;
    CHECK(has(judge(gate, input).reasons, "names no digest"));
    report.manifest_digest = "sha256:ours";
    CHECK(has(judge(gate, input).reasons, "manifest digest"));
    input.image = nullptr;
    CHECK(has(judge(gate, input).reasons, "no image"));
}

TEST_CASE("gate: a missing report denies unless the gate says otherwise") {
    GateInput input;
    input.now = late;
    CHECK_FALSE(judge(gate_of(R"({"failOn": "LOW"})"), input).allowed);
    const GateDecision allowed = judge(gate_of(R"({"failOn": "LOW", "onMissingReport": "allow"})"), input);
    CHECK(allowed.allowed);
    CHECK(has(allowed.warnings, "no scan report"));
}

TEST_CASE("gate: age is the report's own, and the future is refused") {
    const ScanReport report = report_of(scan_file("trivy/sle-micro-none.json"));  // 2021-08-25T12:20:30Z
    const VulnerabilityGate week = gate_of(R"({"failOn": "HIGH", "maxReportAge": "7d"})");
    const Time made = *parse_time("2021-08-25T12:20:30Z");
    CHECK(decide(week, report, made + 7 * day_seconds).allowed);
    CHECK_FALSE(decide(week, report, made + 7 * day_seconds + 1).allowed);
    CHECK(decide(week, report, made - 300).allowed);
    CHECK_FALSE(decide(week, report, made - 301).allowed);
    CHECK_FALSE(decide(gate_of(R"({"failOn": "HIGH"})"), report, made - 301).allowed);
    // Grype's golden has no time: enough without a limit, not with one.
    const ScanReport timeless = report_of(scan_file("grype/image-critical-unfixed.json"));
    CHECK(decide(gate_of(R"({"failOn": "HIGH", "ignoreUnfixed": true})"), timeless).allowed);
    const GateDecision limited =
        decide(gate_of(R"({"failOn": "HIGH", "ignoreUnfixed": true, "maxReportAge": "87000h"})"), timeless);
    CHECK(has(limited.reasons, "does not say when"));
}

TEST_CASE("gate: the end of life denies when asked, and warns always") {
    const ScanReport report = report_of(scan_file("trivy/alpine-39-critical-fixed.json"));
    CHECK(has(decide(gate_of(R"({"failOn": "HIGH", "denyEol": true})"), report).reasons, "end of life"));
    const GateDecision quiet = decide(gate_of(R"({"failOn": "HIGH"})"), report);
    CHECK_FALSE(has(quiet.reasons, "end of life"));
    CHECK(has(quiet.warnings, "end of life"));
}

TEST_CASE("gate: an unknown severity ranks high, in a list it is itself") {
    const ScanReport report = report_of(
        R"({"SchemaVersion": 2, "ArtifactType": "container_image", "Metadata": {"ImageID": "sha256:a"}, "Results": [
            {"Target": "t", "Vulnerabilities": [{"VulnerabilityID": "CVE-1", "PkgName": "p"}]}]})");
    CHECK_FALSE(decide(gate_of(R"({"failOn": "HIGH"})"), report).allowed);
    CHECK(decide(gate_of(R"({"failOn": "HIGH", "unknownAs": "LOW"})"), report).allowed);
    CHECK(decide(gate_of(R"({"severities": ["HIGH", "CRITICAL"]})"), report).allowed);
    CHECK_FALSE(decide(gate_of(R"({"severities": ["UNKNOWN"]})"), report).allowed);
}

TEST_CASE("gate: secrets deny whatever their severity, failed checks and licences by theirs") {
    const auto with = [](const std::string& result) {
        return report_of(R"({"SchemaVersion": 2, "ArtifactType": "container_image", "Metadata": {"ImageID": "sha256:a"},
                             "Results": [{"Target": "t", )" +
                         result + "}]}");
    };
    const VulnerabilityGate gate = gate_of(R"({"failOn": "CRITICAL", "ignoreUnfixed": true})");
    const ScanReport secret = with(R"("Secrets": [{"RuleID": "aws-access-key-id", "Severity": "LOW"}])");
    CHECK_FALSE(decide(gate, secret).allowed);
    CHECK(decide(gate_of(R"({"failOn": "CRITICAL", "secrets": "allow"})"), secret).allowed);
    CHECK_FALSE(
        decide(gate, with(R"("Misconfigurations": [{"ID": "DS002", "Severity": "CRITICAL", "Status": "FAIL"}])"))
            .allowed);
    CHECK(decide(gate, with(R"("Misconfigurations": [{"ID": "DS002", "Severity": "CRITICAL", "Status": "PASS"}])"))
              .allowed);
    CHECK_FALSE(decide(gate, with(R"("Licenses": [{"Name": "AGPL-3.0", "Severity": "CRITICAL"}])")).allowed);
}

TEST_CASE("gate: what the scanner left out is shown") {
    const GateDecision decision =
        decide(gate_of(R"({"failOn": "HIGH"})"), report_of(scan_file("trivy/npm-high-with-suppressed.json")));
    REQUIRE(decision.hidden.size() == 1);
    CHECK(decision.hidden[0].id == "CVE-2017-16137");
    CHECK(has(decision.warnings, "left out by the scanner"));
}

TEST_CASE("gate: the record is JSON and names verdict, digests, findings and sources") {
    const ScanReport report = report_of(scan_file("trivy/mariner-high-unfixed.json"));
    const GateDecision decision = decide(gate_of(R"({"failOn": "HIGH", "ignoreUnfixed": true})"), report);
    const auto document = json::Document::parse(to_json(decision, true));
    REQUIRE(document);
    const json::Value& root = document.value().root();
    CHECK(root.find("verdict")->string() == "allow");
    CHECK(root.find("image")->find("configDigest")->string() == report.image_id);
    CHECK(root.find("report")->find("counts")->find("HIGH")->unsigned_integer() == 1);
    REQUIRE(root.find("suppressed")->items().size() == 1);
    CHECK(root.find("suppressed")->items()[0].find("id")->string() == "CVE-2022-0261");
    CHECK(root.find("suppressed")->items()[0].find("source")->string() == "unfixed");
    CHECK(to_text(decision).find("suppressed: HIGH CVE-2022-0261") != std::string::npos);
}

TEST_CASE("gate: its own text is strict") {
    for (const char* text :
         {R"({})", R"({"failOn": "HIGH", "severities": ["LOW"]})", R"({"severities": []})", R"({"failOn": "SEVERE"})",
          R"({"failOn": "HIGH", "secrets": "maybe"})", R"({"failOn": "HIGH", "maxReportAge": "7w"})",
          R"({"failOn": "HIGH", "ignoreUnfixd": true})", R"({"failOn": "HIGH", "denyEol": "yes"})", R"([])"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_vulnerability_gate(text));
    }
}

TEST_CASE("reports: what is no report is refused") {
    const char* const wrong[] = {"",
                                 "{",
                                 "[]",
                                 "{}",
                                 R"({"SchemaVersion": 2})",
                                 R"({"SchemaVersion": 1, "Results": []})",
                                 R"({"descriptor": {"name": "grype"}})",
                                 R"({"descriptor": {"name": "grype"}, "matches": {}})",
                                 R"({"descriptor": {"name": "grype"}, "matches": [{}]})",
                                 R"({"SchemaVersion": 2, "Results": {}})",
                                 R"({"SchemaVersion": 2, "Results": [{"Vulnerabilities": "none"}]})",
                                 R"({"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{"Severity": "LOW"}]}]})",
                                 R"({"SchemaVersion": 2, "Results": [{"Vulnerabilities": [null]}]})",
                                 R"({"SchemaVersion": 2, "Results": [], "Results": []})",
                                 R"({"SchemaVersion": 2, "Results": [], "Metadata": {"OS": {"EOSL": "false"}}})"};
    for (const char* text : wrong) {
        CAPTURE(text);
        CHECK_FALSE(parse_scan_report(text));
    }
    const auto sarif = parse_scan_report(R"({"version": "2.1.0", "runs": []})");
    REQUIRE_FALSE(sarif);
    CHECK(sarif.error().text().find("SARIF") != std::string::npos);
    CHECK_FALSE(parse_scan_report(scan_file("grype/chainguard-ruby-high.json"), ReportFormat::trivy));
}

TEST_CASE("reports: every truncation of a real report is refused") {
    const std::string text = scan_file("trivy/sle-micro-none.json");
    for (size_t size = 0; size + 2 < text.size(); size += 7) CHECK_FALSE(parse_scan_report(text.substr(0, size)));
}

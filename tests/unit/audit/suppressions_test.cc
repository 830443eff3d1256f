// Ignore files and VEX: what they suppress, when they stop, and what they must not be read as.
#include <utility>

#include "audit/block_yaml.h"
#include "gate_support.h"

using namespace test;

namespace {

ScanFinding finding(const std::string& id, const std::string& target = {}, const std::string& purl = {}) {
    ScanFinding made;
    made.id = id;
    made.severity = Severity::critical;
    made.target = target;
    made.purl = purl;
    return made;
}

IgnoreFile file_of(const std::string& text, const std::string& name) {
    auto file = parse_ignore_file(text, name);
    REQUIRE_MESSAGE(file, (file ? "" : file.error().text()));
    return std::move(file).take();
}

GateDecision decide(const IgnoreFile& ignore, std::vector<ScanFinding> findings, const std::string& gate, Time now) {
    ScanReport report;
    report.is_image = true;
    report.image_id = "sha256:a";
    report.os = "x";
    report.findings = std::move(findings);
    const ImageIdentity image = image_of(report);
    GateInput input;
    input.report = &report;
    input.ignore = &ignore;
    input.image = &image;
    input.now = now;
    return judge(gate_of(gate), input);
}

const std::string strict = R"({"failOn": "LOW"})";

}  // namespace

TEST_CASE("plain ignore file: Trivy's own test file") {
    const IgnoreFile file = file_of(scan_file("ignore/trivyignore.txt"), ".trivyignore");
    CHECK(file.entries.size() == 9);
    CHECK(file.warnings.empty());
    const auto allowed = [&](const char* id) { return decide(file, {finding(id)}, strict, late).allowed; };
    CHECK(allowed("CVE-2019-0001"));
    CHECK(allowed("CVE-2019-0002"));
    CHECK_FALSE(allowed("CVE-2019-0003"));  // not in the file
    CHECK_FALSE(allowed("CVE-2019-0004"));  // expired in 2020
    CHECK(allowed("CVE-2019-0005"));        // until 9999
    CHECK(allowed("CVE-2019-0006"));        // with a word that means nothing
    CHECK_FALSE(allowed("cve-2019-0001"));  // case counts
}

TEST_CASE("plain ignore file: an expiry ends at midnight UTC, a wrong one drops its line") {
    const IgnoreFile file = file_of("CVE-1 exp:2026-11-21\nCVE-2 exp:2026-13-01\nCVE-3 exp:2026-02-29\n", "i");
    const Time midnight = *parse_date("2026-11-21");
    CHECK(decide(file, {finding("CVE-1")}, strict, midnight).allowed);
    CHECK_FALSE(decide(file, {finding("CVE-1")}, strict, midnight + 1).allowed);
    CHECK_FALSE(decide(file, {finding("CVE-2")}, strict, 0).allowed);
    CHECK_FALSE(decide(file, {finding("CVE-3")}, strict, 0).allowed);
    CHECK(file.warnings.size() == 2);
}

TEST_CASE("ignore file: suppressions are listed with their line, unused ones are warned of") {
    const IgnoreFile file = file_of("# why\nCVE-1\nCVE-9\n", ".trivyignore");
    const GateDecision decision = decide(file, {finding("CVE-1")}, strict, late);
    REQUIRE(decision.suppressed.size() == 1);
    CHECK(decision.suppressed[0].source == "ignore file '.trivyignore' line 2");
    REQUIRE(decision.warnings.size() == 1);
    CHECK(decision.warnings[0] == "ignore file '.trivyignore' line 3: CVE-9 suppresses nothing");
}

TEST_CASE("ignore file: maxIgnoreDays makes entries without or with a late expiry findings") {
    const IgnoreFile file = file_of("CVE-1\nCVE-2 exp:2025-01-01\nCVE-3 exp:2024-10-01\n", "i");
    const std::string gate = R"({"failOn": "LOW", "maxIgnoreDays": 90})";
    const GateDecision decision = decide(file, {finding("CVE-1"), finding("CVE-2"), finding("CVE-3")}, gate, late);
    CHECK(decision.reasons.size() == 2);
    CHECK(decision.denied.size() == 2);
    REQUIRE(decision.suppressed.size() == 1);
    CHECK(decision.suppressed[0].finding.id == "CVE-3");
    CHECK(decide(file_of("CVE-3 exp:2024-10-01\n", "i"), {finding("CVE-3")}, gate, late).allowed);
}

TEST_CASE("yaml ignore file: Trivy's own test file") {
    const IgnoreFile file = file_of(scan_file("ignore/trivyignore.yaml"), ".trivyignore.yaml");
    const auto allowed = [&](ScanFinding one) { return decide(file, {std::move(one)}, strict, late).allowed; };
    CHECK(allowed(finding("CVE-2019-0001", "a/b/package-lock.json")));
    CHECK(allowed(finding("CVE-2019-0001", "package-lock.json")));
    CHECK_FALSE(allowed(finding("CVE-2019-0001", "package.json")));
    CHECK(allowed(finding("CVE-2019-0002", "bar/package.json")));
    CHECK_FALSE(allowed(finding("CVE-2019-0002", "foo/bar/package.json")));
    CHECK(allowed(finding("CVE-2019-0003")));
    CHECK_FALSE(allowed(finding("CVE-2019-0005")));  // expired 2023-01-01
    CHECK(allowed(finding("CVE-2019-0007", {}, "pkg:golang/github.com/aquasecurity/bar@1.2.3")));
    CHECK_FALSE(allowed(finding("CVE-2019-0007", {}, "pkg:golang/github.com/aquasecurity/aaa@1.0.0")));
    CHECK_FALSE(allowed(finding("CVE-2019-0007")));  // no package URL: no match
    // A licence's id suppresses no vulnerability.
    CHECK_FALSE(allowed(finding("MIT")));
    ScanFinding secret = finding("generic-unwanted-rule");
    secret.kind = ScanKind::secret;
    CHECK(allowed(secret));
}

TEST_CASE("yaml ignore file: a path within the finding counts as its target does") {
    const IgnoreFile file = file_of("vulnerabilities:\n- id: CVE-1\n  paths:\n  - 'usr/**/x?.[jt]ar'\n", "i.yml");
    ScanFinding one = finding("CVE-1");
    one.paths = {"usr/lib/java/x1.jar"};
    CHECK(decide(file, {one}, strict, late).allowed);
    one.paths = {"usr/lib/java/x1.war"};
    CHECK_FALSE(decide(file, {one}, strict, late).allowed);
}

TEST_CASE("yaml ignore file: what could be read in two ways is refused") {
    const char* const wrong[] = {"vulnerabilities:\n  - id: CVE-1\n    path:\n      - x\n",      // unknown key
                                 "vulnerabilitys:\n  - id: CVE-1\n",                             // unknown section
                                 "vulnerabilities: [{id: CVE-1}]\n",                             // flow
                                 "vulnerabilities:\n  - &a\n    id: CVE-1\n",                    // anchor
                                 "vulnerabilities:\n  - id: !!str CVE-1\n",                      // tag
                                 "vulnerabilities:\n  - id: |\n      CVE-1\n",                   // block scalar
                                 "vulnerabilities:\n\t- id: CVE-1\n",                            // tab
                                 "vulnerabilities:\n  - id: CVE-1\n    id: CVE-2\n",             // twice
                                 "vulnerabilities:\n  - id: CVE-1\n---\nsecrets:\n",             // two documents
                                 "vulnerabilities:\n  - id: CVE-1\n    expired_at: tomorrow\n",  // no date
                                 "vulnerabilities:\n  - id: CVE-1\n    purls:\n      - musl\n",  // no package URL
                                 "vulnerabilities:\n  - paths:\n      - x\n",                    // no id
                                 "vulnerabilities:\n  - id: \"CVE-1\n",                          // open quote
                                 "vulnerabilities:\n  - id: CVE-1\n      paths: x\n",            // odd indentation
                                 "vulnerabilities:\n  - CVE-1\n",                                // no mapping
                                 "- id: CVE-1\n"};
    for (const char* text : wrong) {
        CAPTURE(text);
        CHECK_FALSE(parse_ignore_file(text, ".trivyignore.yaml"));
    }
    CHECK(parse_ignore_file("# nothing yet\n", ".trivyignore.yaml"));
    CHECK(parse_ignore_file("vulnerabilities:\n", ".trivyignore.yaml"));
}

TEST_CASE("block yaml: quotes, comments, empty lines and sequences as deep as their key") {
    const auto root = parse_block_yaml("a: 'it''s' # no\n\nb:\n- \"x # y\\\"\"\n- k: v#w\n  l: z\r\nc:\n");
    REQUIRE(root);
    const auto& members = root.value().members;
    REQUIRE(members.size() == 3);
    CHECK(members[0].value.scalar == "it's");
    CHECK(members[1].value.items[0].scalar == "x # y\"");
    CHECK(members[1].value.items[1].members[0].value.scalar == "v#w");
    CHECK(members[1].value.items[1].members[1].value.scalar == "z");
    CHECK(members[2].value.kind == YamlNode::Kind::nothing);
    std::string deep;
    for (int i = 0; i < 12; ++i) deep += std::string(static_cast<size_t>(i), ' ') + "k:\n";
    CHECK_FALSE(parse_block_yaml(deep));
}

TEST_CASE("globs: ** is any number of components, * stays in one") {
    CHECK(matches_glob("**/a.json", "a.json"));
    CHECK(matches_glob("**/a.json", "x/y/a.json"));
    CHECK(matches_glob("x/**", "x"));
    CHECK(matches_glob("x/*.json", "x/a.json"));
    CHECK_FALSE(matches_glob("x/*.json", "x/y/a.json"));
    CHECK_FALSE(matches_glob("x", "x/y"));
    CHECK_FALSE(matches_glob("[", "["));
    CHECK(matches_glob("[!a]b", "cb"));
    CHECK_FALSE(matches_glob("[!a]b", "ab"));
    // No exponential search.
    CHECK_FALSE(matches_glob("*a*a*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

TEST_CASE("package URLs: version, qualifiers and subpath count where the pattern gives them") {
    const auto url = [](const char* text) { return parse_package_url(text).value(); };
    CHECK(covers(url("pkg:deb/debian/bash"), url("pkg:deb/debian/bash@5.0-4?arch=amd64")));
    CHECK(covers(url("pkg:deb/debian/bash?arch=amd64"), url("pkg:deb/debian/bash@5.0-4?distro=d&arch=amd64")));
    CHECK_FALSE(covers(url("pkg:deb/debian/bash?arch=arm64"), url("pkg:deb/debian/bash@5.0-4?arch=amd64")));
    CHECK_FALSE(covers(url("pkg:deb/ubuntu/bash"), url("pkg:deb/debian/bash@5.0-4")));
    CHECK(url("pkg:npm/%40scope/name@1").namespace_ == "@scope");
    CHECK(url("pkg:npm/@scope/name").name == "name");
    for (const char* text : {"", "bash", "pkg:", "pkg:deb", "pkg:deb/", "pkg:deb/a%2", "pkg:deb/a?b"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_package_url(text));
    }
}

namespace {

GateDecision with_vex(const std::string& text, const ScanFinding& one, const std::string& manifest = "sha256:m") {
    auto document = parse_openvex(text, "v.json");
    REQUIRE_MESSAGE(document, (document ? "" : document.error().text()));
    ScanReport report;
    report.is_image = true;
    report.os = "x";
    report.manifest_digest = manifest;
    report.findings = {one};
    const ImageIdentity image{manifest, "", {}};
    GateInput input;
    input.report = &report;
    input.image = &image;
    input.vex.push_back(std::move(document).take());
    input.now = late;
    return judge(gate_of(strict), input);
}

std::string vex_text(const std::string& statements) {
    return R"({"@context": "https://openvex.dev/ns/v0.2.0", "timestamp": "2024-01-01T00:00:00Z", "statements": [)" +
           statements + "]}";
}

}  // namespace

TEST_CASE("VEX: a package's own URL, as in Trivy's test document") {
    const std::string text = scan_file("vex/openvex.json");
    const ScanFinding log4shell = finding("CVE-2021-44228", {}, "pkg:maven/org.springframework.boot/spring-boot@2.6.0");
    const GateDecision decision = with_vex(text, log4shell);
    CHECK(decision.allowed);
    REQUIRE(decision.suppressed.size() == 1);
    CHECK(decision.suppressed[0].source == "VEX 'v.json'");
    CHECK(decision.suppressed[0].statement == "not_affected: vulnerable_code_not_in_execute_path");
    CHECK_FALSE(
        with_vex(text, finding("CVE-2021-44228", {}, "pkg:maven/org.springframework.boot/spring-boot@2.6.1")).allowed);
    CHECK_FALSE(with_vex(text, finding("CVE-2021-44228")).allowed);
    CHECK_FALSE(with_vex(text, finding("CVE-2021-0", {}, log4shell.purl)).allowed);
}

TEST_CASE("VEX: our image by its digest, with a subcomponent") {
    const std::string text = vex_text(R"({"vulnerability": {"name": "GHSA-1", "aliases": ["CVE-1"]}, "status": "fixed",
        "products": [{"@id": "pkg:oci/casemate@sha256%3Am", "subcomponents": [{"@id": "pkg:deb/debian/bash"}]}]})");
    const ScanFinding bash = finding("CVE-1", {}, "pkg:deb/debian/bash@5.0-4");
    CHECK(with_vex(text, bash).allowed);
    CHECK_FALSE(with_vex(text, finding("CVE-1", {}, "pkg:deb/debian/dash@5.0-4")).allowed);
    CHECK_FALSE(with_vex(text, bash, "sha256:other").allowed);
    // A product without a digest is nobody's image.
    const std::string loose = vex_text(R"({"vulnerability": {"name": "CVE-1"}, "status": "fixed",
        "products": [{"@id": "pkg:oci/casemate"}]})");
    CHECK_FALSE(with_vex(loose, bash).allowed);
}

TEST_CASE("VEX: the latest statement wins, and only two states suppress") {
    const auto statement = [](const char* status, const char* time) {
        return std::string(
                   R"({"vulnerability": {"name": "CVE-1"}, "impact_statement": "x", "products": [{"@id": "pkg:deb/debian/bash"}], "status": ")") +
               status + R"(", "timestamp": ")" + time + R"("})";
    };
    const ScanFinding bash = finding("CVE-1", {}, "pkg:deb/debian/bash@5.0-4");
    const std::string early = "2024-01-01T00:00:00Z", later = "2024-02-01T00:00:00Z";
    CHECK(with_vex(vex_text(statement("not_affected", early.c_str())), bash).allowed);
    CHECK_FALSE(with_vex(vex_text(statement("affected", early.c_str())), bash).allowed);
    CHECK_FALSE(with_vex(vex_text(statement("under_investigation", early.c_str())), bash).allowed);
    CHECK_FALSE(with_vex(vex_text(statement("affected", later.c_str()) + "," + statement("fixed", early.c_str())), bash)
                    .allowed);
    CHECK(with_vex(vex_text(statement("fixed", later.c_str()) + "," + statement("affected", early.c_str())), bash)
              .allowed);
}

TEST_CASE("VEX: what says too little is refused") {
    const std::string product = R"("products": [{"@id": "pkg:deb/debian/bash"}])";
    const std::string wrong[] = {
        "{}",
        R"({"@context": "https://openvex.dev/ns/v0.3.0", "timestamp": "2024-01-01T00:00:00Z", "statements": []})",
        vex_text(R"({"vulnerability": {"name": "CVE-1"}, "status": "not_affected", )" + product + "}"),
        vex_text(R"({"vulnerability": {"name": "CVE-1"}, "status": "ignored", )" + product + "}"),
        vex_text(R"({"vulnerability": {}, "status": "fixed", )" + product + "}"),
        vex_text(R"({"vulnerability": {"name": "CVE-1"}, "status": "fixed", "products": [{"@id": "bash"}]})"),
        R"({"@context": "https://openvex.dev/ns/v0.2.0", "statements": [{"vulnerability": {"name": "CVE-1"}, "status": "fixed", )" +
            product + "}]}"};
    for (const std::string& text : wrong) {
        CAPTURE(text);
        CHECK_FALSE(parse_openvex(text, "v.json"));
    }
}

TEST_CASE("clock: zones, leap days and what is no time") {
    CHECK(parse_time("1970-01-01T00:00:00Z") == 0);
    CHECK(parse_time("2023-05-17T21:00:56.783213-04:00") == parse_time("2023-05-18T01:00:56Z"));
    CHECK(parse_date("2024-02-29"));
    CHECK_FALSE(parse_date("2023-02-29"));
    CHECK(time_text(*parse_time("2021-08-25T12:20:30.000000005Z")) == "2021-08-25T12:20:30Z");
    for (const char* text : {"", "2021-08-25", "2021-08-25T12:20Z", "2021-08-25T12:20:30", "2021-08-25T24:00:00Z",
                             "2021-08-25T12:20:30.Z", "2021-8-25T12:20:30Z", "2021-08-25T12:20:30Zz"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_time(text));
    }
    CHECK(parse_duration("168h") == 604800);
    CHECK(parse_duration("1500ms") == 1);
    CHECK_FALSE(parse_duration("168"));
    CHECK_FALSE(parse_duration("h"));
}

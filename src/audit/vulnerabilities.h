// The vulnerability gate: does a scanner's report let this image run? (PROFILE 2.10, admission.vulnerabilities)
//
// Pure: report, ignore file, VEX, the image's digests and the time come in as values, a decision goes out. Every
// finding that does not count is listed with the reason why: a gate whose suppressions cannot be seen is no gate. What
// is missing, unreadable, about another image or too old denies.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "audit/ignore_file.h"
#include "audit/openvex.h"
#include "audit/scan_report.h"

namespace casemate::audit {

struct VulnerabilityGate {
    // One of the two: a rank from which on findings deny, or Trivy's exact list.
    Severity fail_on = Severity::high;
    std::set<Severity> severities;  // empty: fail_on counts
    Severity unknown_as = Severity::high;
    bool ignore_unfixed = false;
    std::optional<int64_t> max_ignore_days;  // entries without expiry, or with a later one, deny
    std::optional<int64_t> max_report_age;   // seconds
    bool match_image = true;                 // false: the report is judged without an image
    bool deny_end_of_life = false;
    bool deny_secrets = true;    // of any severity
    bool allow_missing = false;  // of the report
    ReportFormat format = ReportFormat::detect;
    // Files, for the program that reads them.
    std::string report, ignore_file;
    std::vector<std::string> vex;
    std::string scanner;  // "trivy", "grype"; empty: none is called
    int64_t scanner_timeout = 300;  // seconds
};

// One gate as the profile keeps it (policy/gates.h): canonical JSON.
Result<VulnerabilityGate> parse_vulnerability_gate(std::string_view json);

struct ImageIdentity {
    std::string manifest_digest;  // empty: a docker archive has none
    std::string config_digest;
    std::vector<std::string> diff_ids;
};

struct GateInput {
    const ScanReport* report = nullptr;  // null: there is none
    std::string missing_because;         // why there is none, where something is known
    std::string report_digest;           // "sha256:...", for the record
    const IgnoreFile* ignore = nullptr;
    std::vector<VexDocument> vex;
    const ImageIdentity* image = nullptr;  // null: not bound
    Time now = 0;
};

struct Suppressed {
    ScanFinding finding;
    std::string source;  // "unfixed", "ignore file '.trivyignore' line 3", "VEX 'app.json'"
    std::string statement;
};

struct GateDecision {
    bool allowed = false;
    std::vector<std::string> reasons;  // why not
    std::vector<ScanFinding> denied;   // the findings among the reasons
    std::vector<Suppressed> suppressed;
    std::vector<std::string> warnings;
    std::array<size_t, severity_count> counts{};  // of all vulnerabilities in the report, by severity
    std::vector<HiddenFinding> hidden;            // left out by the scanner itself
    bool bound = false;
    ImageIdentity image;
    std::string report_digest, scanner, scanner_version, artifact, os;
    std::optional<Time> created, database_built;
    Time judged = 0;
};

GateDecision judge(const VulnerabilityGate& gate, const GateInput& input);

// The decision record (schema version 1, docs/audit.md), one line or indented.
std::string to_json(const GateDecision& decision, bool pretty = false);
// For people; lines end with a newline.
std::string to_text(const GateDecision& decision);

}  // namespace casemate::audit

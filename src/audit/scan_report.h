// A scanner's report as typed values, the same for Trivy and Grype, so that one gate judges both.
//
// A report is hostile input: whoever can write it decides what may run. What it does not say is never guessed in the
// image's favour: an unreadable field makes the report unreadable, an absent severity is UNKNOWN, an unknown status is
// no fix, and what the report says about itself (which image, how old) is kept for the gate to check.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/clock.h"
#include "base/result.h"

namespace casemate::audit {

// In rank order; a threshold compares ranks.
enum class Severity : uint8_t { unknown, negligible, low, medium, high, critical };
inline constexpr size_t severity_count = 6;
std::string_view severity_name(Severity severity);  // "CRITICAL"
// Trivy writes CRITICAL, Grype Critical. Nothing for a word that is none.
std::optional<Severity> parse_severity(std::string_view word);

enum class ScanKind : uint8_t { vulnerability, misconfiguration, secret, license };
std::string_view scan_kind_name(ScanKind kind);

struct ScanFinding {
    ScanKind kind = ScanKind::vulnerability;
    std::string id;  // CVE-..., GHSA-..., a rule or licence name
    Severity severity = Severity::unknown;
    bool fixed = false;  // does a fixed version exist (Trivy: Status fixed; Grype: fix.state fixed)?
    std::string status;  // as the report says it
    std::string package, version, fixed_version;
    std::string purl;    // empty: not said
    std::string target;  // Trivy's Result.Target
    std::vector<std::string> paths;
};

// A finding that the scanner itself left out, by its own ignore rules or VEX.
struct HiddenFinding {
    std::string id, reason;
};

struct ScanReport {
    std::string scanner, scanner_version;  // "trivy" or "grype"
    std::optional<Time> created, database_built;
    bool is_image = false;
    std::string artifact;  // the name as scanned, for messages
    std::string image_id;  // digest of the image config
    std::string manifest_digest;
    std::vector<std::string> diff_ids;
    std::vector<std::string> repo_digests;  // NAME@sha256:...: of a manifest or of an index
    std::string os;                         // "alpine 3.9.4"
    bool end_of_life = false;
    std::vector<ScanFinding> findings;
    std::vector<HiddenFinding> hidden;
};

enum class ReportFormat : uint8_t { detect, trivy, grype };

inline constexpr size_t max_report_bytes = size_t{64} << 20;
// SARIF is refused with its reason: it carries neither fix status nor image digest. Errors name the JSON path.
Result<ScanReport> parse_scan_report(std::string_view text, ReportFormat format = ReportFormat::detect);

}  // namespace casemate::audit

// .trivyignore and .trivyignore.yaml: findings that somebody accepted, by id, with an expiry. What Trivy reads is read
// the same way (pkg/result/ignore.go); where it guesses, we refuse: an unknown key, a wrong date or a wrong pattern
// must not widen a suppression.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/package_url.h"
#include "audit/scan_report.h"

namespace casemate::audit {

struct IgnoreEntry {
    std::optional<ScanKind> kind;  // nothing: every kind, as in the plain form
    std::string id;                // exact, case-sensitive
    std::vector<std::string> paths;
    std::vector<PackageUrl> purls;
    std::optional<Time> expires;
    std::string statement;
    size_t line = 0;
};

struct IgnoreFile {
    std::string name;  // for the decision record
    std::vector<IgnoreEntry> entries;
    std::vector<std::string> warnings;  // lines that were dropped, as Trivy drops them
};

// By the extension: .yaml and .yml is the strict form, anything else the plain one. Errors name the line.
Result<IgnoreFile> parse_ignore_file(std::string_view text, std::string name);

// Midnight UTC of the day lies before `now`: exp:2026-11-21 no longer works on the 21st.
bool is_expired(const IgnoreEntry& entry, Time now);
// All conditions that the entry gives must hold; a finding without a package URL meets no list of them.
bool suppresses(const IgnoreEntry& entry, const ScanFinding& finding);

}  // namespace casemate::audit

// The probe's results as text, JSON, TAP 14 and JUnit XML.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proof/probe_plan.h"

namespace casemate::proof {

enum class ReportFormat : uint8_t { text, json, tap, junit };

std::optional<ReportFormat> report_format(std::string_view name);  // "text", "json", "tap", "junit"

struct ProbeReport {
    std::string profile;
    std::vector<ProbeResult> results;
    std::vector<policy::WaiverRecord> waivers;
    size_t count(ProbeStatus status) const;
    // 1 on any surprise, and when nothing was tried at all.
    int exit_status() const { return results.empty() || count(ProbeStatus::surprise) != 0 ? 1 : 0; }
};

// `verbose`: text lists every check, not surprises and skips alone. `colour` is for text.
std::string to_text(const ProbeReport& report, ReportFormat format, bool verbose = false, bool colour = false);

}  // namespace casemate::proof

// What the gate's tests share: real reports, and the image each of them is about.
#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "audit/vulnerabilities.h"

namespace test {

using namespace casemate;
using namespace casemate::audit;

inline std::string scan_file(const std::string& name) {
    std::ifstream file(std::string(TEST_DATA) + "/scan/" + name, std::ios::binary);
    REQUIRE_MESSAGE(file.good(), name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

inline ScanReport report_of(const std::string& text) {
    auto report = parse_scan_report(text);
    REQUIRE_MESSAGE(report, (report ? "" : report.error().text()));
    return std::move(report).take();
}

inline ImageIdentity image_of(const ScanReport& report) {
    return {report.manifest_digest.empty() ? "sha256:manifest" : report.manifest_digest, report.image_id,
            report.diff_ids};
}

inline VulnerabilityGate gate_of(const std::string& json) {
    auto gate = parse_vulnerability_gate(json);
    REQUIRE_MESSAGE(gate, (gate ? "" : gate.error().text()));
    return std::move(gate).take();
}

// After every report of the test data: their own clock is 2021-08-25, 2023-05-17 and 2024-09-09.
inline const Time late = *parse_time("2024-09-10T00:00:00Z");

}  // namespace test

// Reports of scanners, and the gate over what they say: no input may crash the reader, and none may pass a gate that
// wants a report about our image without naming it.
// rooms: audit
#include <cstdlib>
#include <string>

#include "audit/vulnerabilities.h"

using namespace casemate::audit;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const ReportFormat format : {ReportFormat::detect, ReportFormat::trivy, ReportFormat::grype}) {
        const auto report = parse_scan_report(text, format);
        if (!report) continue;
        const ImageIdentity image{"sha256:manifest", "sha256:config", {"sha256:layer"}};
        VulnerabilityGate gate;
        GateInput input;
        input.report = &report.value();
        input.image = &image;
        input.now = 1'800'000'000;
        const GateDecision decision = judge(gate, input);
        const bool names_us = text.find("sha256:") != std::string_view::npos || text.find("\\u") != std::string_view::npos;
        if (decision.allowed && !names_us) std::abort();
        if (decision.allowed && !decision.denied.empty()) std::abort();
        if (to_json(decision).empty() || to_text(decision).empty()) std::abort();
    }
    return 0;
}

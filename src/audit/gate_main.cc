// casemate audit --scan-report: reads what the gate judges.
#include <cstdio>

#include "audit/program.h"
#include "base/text.h"
#include "image/digest.h"
#include "json/writer.h"

namespace casemate::audit {
namespace {

// The options as the gate of a profile, so that there is one reader of both.
Result<VulnerabilityGate> gate_of(const Options& options) {
    json::Writer out;
    out.begin_object();
    if (options.severities.empty()) {
        out.field("failOn", options.threshold.empty() ? "HIGH" : options.threshold);
    } else {
        out.key("severities").begin_array();
        for (const std::string_view word : split(options.severities, ',')) out.value(trimmed(word));
        out.end_array();
    }
    if (!options.format_of_report.empty()) out.field("format", options.format_of_report);
    out.field("ignoreUnfixed", options.ignore_unfixed).field("denyEol", options.deny_eol);
    out.field("matchImage", options.unbound ? "ignore" : "required");
    out.field("secrets", options.allow_secrets ? "allow" : "deny");
    if (!options.max_report_age.empty()) out.field("maxReportAge", options.max_report_age);
    if (!options.max_ignore_days.empty()) {
        const auto days = parse_decimal(options.max_ignore_days, 36500);
        if (!days) return Error::invalid(concat("--max-ignore-days ", quoted(options.max_ignore_days), ": no number"));
        out.field("maxIgnoreDays", *days);
    }
    out.end_object();
    return parse_vulnerability_gate(out.text());
}

Result<std::string> digest_of(std::string_view text) {
    image::Hasher hasher = TRY(image::Hasher::make(oci::Digest::Algorithm::sha256));
    hasher.update({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    return concat("sha256:", hasher.finish());
}

}  // namespace

Result<int> run_gate(const Options& options, const ReadImage* image, Time now) {
    const VulnerabilityGate gate = TRY(gate_of(options));
    const std::string text = TRY_IN("scan report", read_input(options.report, max_report_bytes));
    const ScanReport report =
        TRY_IN(concat("scan report ", quoted(options.report)), parse_scan_report(text, gate.format));
    GateInput input;
    input.report = &report;
    input.report_digest = TRY(digest_of(text));
    input.image = image ? &image->identity : nullptr;
    input.now = now;
    std::optional<IgnoreFile> ignore;
    if (!options.ignore_file.empty()) {
        const std::string file = TRY_IN("ignore file", read_input(options.ignore_file, size_t{1} << 20));
        ignore = TRY_IN("ignore file", parse_ignore_file(file, options.ignore_file));
        input.ignore = &*ignore;
    }
    for (const std::string& path : options.vex) {
        const std::string file = TRY_IN("VEX", read_input(path, size_t{4} << 20));
        input.vex.push_back(TRY_IN("VEX", parse_openvex(file, path)));
    }
    const GateDecision decision = judge(gate, input);
    const std::string out = options.format == "json" ? to_json(decision, true) + "\n" : to_text(decision);
    std::fputs(out.c_str(), stdout);
    return decision.allowed ? 0 : options.exit_code;
}

}  // namespace casemate::audit

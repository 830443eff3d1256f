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

}  // namespace

Result<std::string> digest_of(std::string_view text) {
    image::Hasher hasher = TRY(image::Hasher::make(oci::Digest::Algorithm::sha256));
    hasher.update({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    return concat("sha256:", hasher.finish());
}

Result<GateTexts> read_gate(VulnerabilityGate gate) {
    GateTexts texts;
    texts.gate = std::move(gate);
    if (!texts.gate.report.empty()) {
        auto report = read_input(texts.gate.report, max_report_bytes);
        if (report)
            texts.report = std::move(report).take();
        else if (report.error().code() == ENOENT)
            texts.missing_because = concat(quoted(texts.gate.report), " is not there");
        else
            return std::move(report).take_error().within("scan report");
    }
    if (!texts.gate.ignore_file.empty())
        texts.ignore = TRY_IN("ignore file", read_input(texts.gate.ignore_file, size_t{1} << 20));
    for (const std::string& path : texts.gate.vex)
        texts.vex.push_back(TRY_IN("VEX", read_input(path, size_t{4} << 20)));
    return texts;
}

Result<GateDecision> judge_gate(const GateTexts& texts, const ImageIdentity* image, Time now) {
    const VulnerabilityGate& gate = texts.gate;
    GateInput input;
    std::optional<ScanReport> report;
    if (texts.report) {
        report = TRY_IN(concat("scan report ", quoted(gate.report)), parse_scan_report(*texts.report, gate.format));
        input.report = &*report;
        input.report_digest = TRY(digest_of(*texts.report));
    }
    input.missing_because = texts.missing_because;
    input.image = image;
    input.now = now;
    std::optional<IgnoreFile> ignore;
    if (!gate.ignore_file.empty()) {
        ignore = TRY_IN("ignore file", parse_ignore_file(texts.ignore, gate.ignore_file));
        input.ignore = &*ignore;
    }
    for (size_t i = 0; i < gate.vex.size(); ++i)
        input.vex.push_back(TRY_IN("VEX", parse_openvex(texts.vex[i], gate.vex[i])));
    return judge(gate, input);
}

Result<GateTexts> gate_texts(const Options& options) {
    VulnerabilityGate gate = TRY(gate_of(options));
    gate.report = options.report;
    gate.ignore_file = options.ignore_file;
    gate.vex = options.vex;
    GateTexts texts = TRY(read_gate(std::move(gate)));
    // Named on the command line: a report that is not there is a mistake, not a missing one.
    if (!texts.report) return Error::with_code(ENOENT, texts.missing_because).within("scan report");
    return texts;
}

Result<int> run_gate(const Options& options, const GateTexts& texts, const ReadImage* image, Time now) {
    const GateDecision decision = TRY(judge_gate(texts, image ? &image->identity : nullptr, now));
    const std::string out = options.format == "json" ? to_json(decision, true) + "\n" : to_text(decision);
    std::fputs(out.c_str(), stdout);
    return decision.allowed ? 0 : options.exit_code;
}

}  // namespace casemate::audit

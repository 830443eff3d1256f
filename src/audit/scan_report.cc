#include "audit/scan_report.h"

#include <algorithm>

#include "audit/scan_formats.h"
#include "base/text.h"
#include "json/value.h"

namespace casemate::audit {
namespace {

constexpr std::string_view severity_names[] = {"UNKNOWN", "NEGLIGIBLE", "LOW", "MEDIUM", "HIGH", "CRITICAL"};
constexpr std::string_view kind_names[] = {"vulnerability", "misconfiguration", "secret", "license"};

// A big image has some ten thousand findings of some fifty values each.
constexpr json::Limits limits{.bytes = max_report_bytes,
                              .depth = 64,
                              .values = size_t{1} << 22,
                              .items = size_t{1} << 20,
                              .string_bytes = size_t{4} << 20};

Result<ReportFormat> detect(const json::Value& root) {
    const json::Value* const schema = root.find("SchemaVersion");
    if (schema && schema->unsigned_integer() == 2 && (root.find("Results") || root.find("ArtifactType")))
        return ReportFormat::trivy;
    const json::Value* const descriptor = root.find("descriptor");
    const json::Value* const name = descriptor ? descriptor->find("name") : nullptr;
    if (name && name->string() == "grype") return ReportFormat::grype;
    if (root.find("runs"))
        return Error::invalid("this is SARIF, which carries neither the fix status nor the image's digest")
            .hint("write the report with --format json");
    return Error::invalid("neither a Trivy report (SchemaVersion 2) nor a Grype report (descriptor.name)");
}

}  // namespace

std::string_view severity_name(Severity severity) { return severity_names[static_cast<size_t>(severity)]; }

std::optional<Severity> parse_severity(std::string_view word) {
    std::string upper(word);
    for (char& letter : upper)
        if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
    const auto found = std::ranges::find(severity_names, upper);
    if (found == std::end(severity_names)) return std::nullopt;
    return static_cast<Severity>(found - std::begin(severity_names));
}

std::string_view scan_kind_name(ScanKind kind) { return kind_names[static_cast<size_t>(kind)]; }

Result<ScanReport> parse_scan_report(std::string_view text, ReportFormat format) {
    const json::Document document = TRY(json::Document::parse(text, limits));
    if (!document.root().is_object())
        return Error::invalid(concat("expected an object, got ", json::kind_name(document.root())));
    const ReportFormat detected = TRY(detect(document.root()));
    if (format != ReportFormat::detect && format != detected)
        return Error::invalid("the report is of the other scanner than the one named");
    std::optional<Error> problem;
    const Fields root(document.root(), "$", problem);
    ScanReport report = detected == ReportFormat::trivy ? read_trivy(root) : read_grype(root);
    if (problem) return *std::move(problem);
    return report;
}

}  // namespace casemate::audit

// Grype's JSON report. Matches without a fix say so in four ways: not-fixed, wont-fix, unknown and nothing.
#include "audit/scan_formats.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

ScanFinding read_match(const Fields& match) {
    ScanFinding finding;
    const Fields vulnerability = match.object("vulnerability");
    finding.id = vulnerability.text("id");
    if (finding.id.empty()) vulnerability.fail("no id");
    finding.severity = parse_severity(vulnerability.text("severity")).value_or(Severity::unknown);
    const Fields fix = vulnerability.object("fix");
    finding.status = fix.text("state");
    finding.fixed = finding.status == "fixed";
    finding.fixed_version = join(fix.texts("versions"), ", ");
    const Fields artifact = match.object("artifact");
    finding.package = artifact.text("name");
    finding.version = artifact.text("version");
    finding.purl = artifact.text("purl");
    for (const Fields& location : artifact.objects("locations")) finding.paths.push_back(location.text("path"));
    return finding;
}

std::string hidden_reason(const Fields& match) {
    for (const Fields& rule : match.objects("appliedIgnoreRules")) {
        const std::string reason = rule.text("reason");
        return concat("grype's ignore rule", reason.empty() ? "" : ": ", reason);
    }
    return "left out by grype";
}

void read_image(const Fields& source, ScanReport& report) {
    report.is_image = source.text("type") == "image";
    // Of other types the target is a plain string.
    if (!report.is_image) return;
    const Fields target = source.object("target");
    report.artifact = target.text("userInput");
    report.image_id = target.text("imageID");
    report.manifest_digest = target.text("manifestDigest");
    report.repo_digests = target.texts("repoDigests");
}

}  // namespace

ScanReport read_grype(const Fields& root) {
    ScanReport report;
    report.scanner = "grype";
    const Fields descriptor = root.object("descriptor");
    report.scanner_version = descriptor.text("version");
    report.created = parse_time(descriptor.text("timestamp"));
    const Fields database = descriptor.object("db");
    const std::string built = database.has("built") ? database.text("built") : database.object("status").text("built");
    report.database_built = parse_time(built);
    read_image(root.object("source"), report);
    const Fields distro = root.object("distro");
    if (const std::string name = distro.text("name"); !name.empty())
        report.os = concat(name, ' ', distro.text("version"));
    // A report without the list is no report of "nothing found".
    if (!root.has("matches")) root.fail("no 'matches'");
    for (const Fields& match : root.objects("matches")) report.findings.push_back(read_match(match));
    for (const Fields& match : root.objects("ignoredMatches"))
        report.hidden.push_back({match.object("vulnerability").text("id"), hidden_reason(match)});
    return report;
}

}  // namespace casemate::audit

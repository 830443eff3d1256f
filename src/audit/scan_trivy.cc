// Trivy's JSON report, schema version 2. Every field may be left out, and unknown ones come with each release.
#include <array>

#include "audit/scan_formats.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

// An absent or unknown word is UNKNOWN, which the gate ranks high.
Severity severity_of(const Fields& fields) {
    return parse_severity(fields.text("Severity")).value_or(Severity::unknown);
}

ScanFinding read_vulnerability(const Fields& fields, const std::string& target) {
    ScanFinding finding;
    finding.id = fields.text("VulnerabilityID");
    finding.severity = severity_of(fields);
    finding.package = fields.text("PkgName");
    finding.version = fields.text("InstalledVersion");
    finding.fixed_version = fields.text("FixedVersion");
    finding.purl = fields.object("PkgIdentifier").text("PURL");
    finding.target = target;
    if (const std::string path = fields.text("PkgPath"); !path.empty()) finding.paths.push_back(path);
    // Reports from before 2023-07 have no Status; what they have is a fixed version.
    finding.status = fields.text("Status");
    if (finding.status.empty()) finding.status = finding.fixed_version.empty() ? "affected" : "fixed";
    finding.fixed = finding.status == "fixed";
    if (finding.id.empty()) fields.fail("no VulnerabilityID");
    return finding;
}

ScanFinding read_other(const Fields& fields, ScanKind kind, std::string_view id_key, const std::string& target) {
    ScanFinding finding;
    finding.kind = kind;
    finding.id = fields.text(id_key);
    if (finding.id.empty()) fields.fail(concat("no ", id_key));
    finding.severity = severity_of(fields);
    finding.status = fields.text("Status");
    finding.target = target;
    finding.package = fields.text("PkgName");
    if (const std::string path = fields.text("FilePath"); !path.empty()) finding.paths.push_back(path);
    return finding;
}

void read_hidden(const Fields& result, ScanReport& report) {
    for (const Fields& modified : result.objects("ExperimentalModifiedFindings")) {
        const Fields finding = modified.object("Finding");
        std::string id;
        for (const std::string_view key : std::array{"VulnerabilityID", "ID", "RuleID", "Name"})
            if (id.empty()) id = finding.text(key);
        report.hidden.push_back({id, concat(modified.text("Status"), " by ", modified.text("Source"))});
    }
}

void read_result(const Fields& result, ScanReport& report) {
    const std::string target = result.text("Target");
    for (const Fields& one : result.objects("Vulnerabilities"))
        report.findings.push_back(read_vulnerability(one, target));
    for (const Fields& one : result.objects("Misconfigurations")) {
        ScanFinding finding = read_other(one, ScanKind::misconfiguration, "ID", target);
        if (finding.status != "PASS" && finding.status != "EXCEPTION") report.findings.push_back(std::move(finding));
    }
    for (const Fields& one : result.objects("Secrets"))
        report.findings.push_back(read_other(one, ScanKind::secret, "RuleID", target));
    for (const Fields& one : result.objects("Licenses"))
        report.findings.push_back(read_other(one, ScanKind::license, "Name", target));
    read_hidden(result, report);
}

}  // namespace

ScanReport read_trivy(const Fields& root) {
    ScanReport report;
    report.scanner = "trivy";
    report.scanner_version = root.object("Trivy").text("Version");
    report.artifact = root.text("ArtifactName");
    report.is_image = root.text("ArtifactType") == "container_image";
    report.created = parse_time(root.text("CreatedAt"));
    const Fields metadata = root.object("Metadata");
    report.image_id = metadata.text("ImageID");
    report.diff_ids = metadata.texts("DiffIDs");
    report.repo_digests = metadata.texts("RepoDigests");
    const Fields os = metadata.object("OS");
    if (const std::string family = os.text("Family"); !family.empty()) report.os = concat(family, ' ', os.text("Name"));
    report.end_of_life = os.flag("EOSL");
    for (const Fields& result : root.objects("Results")) read_result(result, report);
    return report;
}

}  // namespace casemate::audit

// A decision on paper: JSON for the state directory and for machines, text for people.
#include "audit/vulnerabilities.h"
#include "base/text.h"
#include "json/writer.h"

namespace casemate::audit {
namespace {

void write_finding(json::Writer& out, const ScanFinding& finding) {
    out.field("kind", scan_kind_name(finding.kind)).field("id", finding.id);
    out.field("severity", severity_name(finding.severity));
    if (!finding.package.empty()) out.field("package", finding.package);
    if (!finding.version.empty()) out.field("version", finding.version);
    if (!finding.fixed_version.empty()) out.field("fixedVersion", finding.fixed_version);
    if (!finding.status.empty()) out.field("status", finding.status);
    if (!finding.purl.empty()) out.field("purl", finding.purl);
    if (!finding.target.empty()) out.field("target", finding.target);
}

void write_texts(json::Writer& out, std::string_view key, const std::vector<std::string>& texts) {
    out.key(key).begin_array();
    for (const std::string& text : texts) out.value(text);
    out.end_array();
}

void write_report(json::Writer& out, const GateDecision& decision) {
    out.key("report").begin_object();
    out.field("digest", decision.report_digest).field("scanner", decision.scanner);
    out.field("scannerVersion", decision.scanner_version).field("artifact", decision.artifact);
    if (decision.created) out.field("created", time_text(*decision.created));
    if (decision.database_built) out.field("databaseBuilt", time_text(*decision.database_built));
    if (!decision.os.empty()) out.field("os", decision.os);
    out.key("counts").begin_object();
    for (size_t i = severity_count; i-- > 0;)
        out.field(severity_name(static_cast<Severity>(i)), static_cast<uint64_t>(decision.counts[i]));
    out.end_object();
    out.key("leftOutByScanner").begin_array();
    for (const HiddenFinding& hidden : decision.hidden)
        out.begin_object().field("id", hidden.id).field("reason", hidden.reason).end_object();
    out.end_array().end_object();
}

void write_image(json::Writer& out, const GateDecision& decision) {
    out.key("image").begin_object();
    if (!decision.image.manifest_digest.empty()) out.field("manifestDigest", decision.image.manifest_digest);
    if (!decision.image.config_digest.empty()) out.field("configDigest", decision.image.config_digest);
    out.end_object();
}

std::string line_of(const ScanFinding& finding) {
    std::string line = concat(severity_name(finding.severity), ' ', printable(finding.id));
    if (!finding.package.empty()) line += concat(' ', printable(finding.package), ' ', printable(finding.version));
    if (!finding.fixed_version.empty()) line += concat(" (fixed in ", printable(finding.fixed_version), ")");
    if (finding.kind != ScanKind::vulnerability)
        line += concat(" (", scan_kind_name(finding.kind), " in ", printable(finding.target), ")");
    return line;
}

}  // namespace

std::string to_json(const GateDecision& decision, bool pretty) {
    json::Writer out(pretty ? json::Writer::Style::pretty : json::Writer::Style::compact);
    out.begin_object().field("schemaVersion", 1).field("gate", "vulnerabilities");
    out.field("verdict", decision.allowed ? "allow" : "deny").field("judged", time_text(decision.judged));
    out.field("bound", decision.bound);
    write_image(out, decision);
    if (!decision.scanner.empty()) write_report(out, decision);
    write_texts(out, "reasons", decision.reasons);
    out.key("denied").begin_array();
    for (const ScanFinding& finding : decision.denied) {
        write_finding(out.begin_object(), finding);
        out.end_object();
    }
    out.end_array().key("suppressed").begin_array();
    for (const Suppressed& suppressed : decision.suppressed) {
        write_finding(out.begin_object(), suppressed.finding);
        out.field("source", suppressed.source).field("statement", suppressed.statement).end_object();
    }
    out.end_array();
    write_texts(out, "warnings", decision.warnings);
    out.end_object();
    return out.take();
}

std::string to_text(const GateDecision& decision) {
    std::string text;
    for (const std::string& reason : decision.reasons) text += concat("deny: ", reason, '\n');
    for (const ScanFinding& finding : decision.denied) text += concat("deny: ", line_of(finding), '\n');
    for (const Suppressed& one : decision.suppressed) {
        text += concat("suppressed: ", line_of(one.finding), " by ", one.source);
        if (!one.statement.empty()) text += concat(": ", printable(one.statement));
        text += '\n';
    }
    for (const std::string& warning : decision.warnings) text += concat("warning: ", warning, '\n');
    text += concat("vulnerabilities: ", decision.allowed ? "allow" : "deny", decision.bound ? "" : " (unbound)", "; ",
                   decision.denied.size(), " denied, ", decision.suppressed.size(), " suppressed; the report has");
    for (size_t i = severity_count; i-- > 0;)
        text += concat(' ', decision.counts[i], ' ', severity_name(static_cast<Severity>(i)), i > 0 ? "," : "\n");
    return text;
}

}  // namespace casemate::audit

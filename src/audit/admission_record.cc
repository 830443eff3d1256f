// An admission on paper: the record that is stored with the container, and text for people.
#include "audit/admission.h"
#include "base/text.h"
#include "json/writer.h"

namespace casemate::audit {
namespace {

// What somebody decided to let pass: `verify` shows each of them as long as the container lives.
std::vector<std::string> suppressions(const AdmissionDecision& decision) {
    std::vector<std::string> lines;
    for (const Judgement& judgement : decision.input.judgements)
        for (const Judged& one : judgement.findings)
            if (one.suppressed_by)
                lines.push_back(printable(
                    concat(one.finding.rule->id, " at ", one.finding.where, ": ", one.suppressed_by->because)));
    for (const GateDecision& gate : decision.input.vulnerability)
        for (const Suppressed& one : gate.suppressed)
            lines.push_back(printable(concat(one.finding.id, " (", severity_name(one.finding.severity), ") in ",
                                             one.finding.package, ", by ", one.source,
                                             one.statement.empty() ? "" : ": ", one.statement)));
    return lines;
}

}  // namespace

std::string to_json(const AdmissionDecision& decision) {
    const AdmissionInput& input = decision.input;
    json::Writer out;
    out.begin_object().field("schemaVersion", 1).field("verdict", decision.allowed ? "allow" : "deny");
    out.field("judged", time_text(input.now)).field("source", input.source);
    out.field("manifestDigest", input.identity.manifest_digest).field("configDigest", input.identity.config_digest);
    out.key("checks").begin_array();
    for (const AdmissionCheck& check : decision.checks)
        out.begin_object().field("what", check.what).field("passed", check.passed).field("detail", check.detail).end_object();
    out.end_array().key("suppressed").begin_array();
    for (const std::string& line : suppressions(decision)) out.value(line);
    out.end_array().key("audit").begin_array();
    for (const Judgement& judgement : input.judgements) out.raw(to_json(judgement));
    out.end_array().key("vulnerabilities").begin_array();
    for (const GateDecision& gate : input.vulnerability) out.raw(to_json(gate));
    out.end_array().end_object();
    return out.take();
}

std::string to_text(const AdmissionDecision& decision) {
    std::string text;
    for (const AdmissionCheck& check : decision.checks)
        text += concat(check.passed ? "ok   " : "deny ", check.what, ": ", printable(check.detail), '\n');
    for (const std::string& line : suppressions(decision)) text += concat("suppressed: ", line, '\n');
    for (const Judgement& judgement : decision.input.judgements) text += to_text(judgement);
    for (const GateDecision& gate : decision.input.vulnerability) text += to_text(gate);
    text += concat("admission: ", decision.allowed ? "allow" : "deny", '\n');
    return text;
}

}  // namespace casemate::audit

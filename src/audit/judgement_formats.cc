// A judgement on paper: text for people, JSON, SARIF 2.1.0 for code scanning, JUnit for test reports.
#include "audit/judgement.h"
#include "base/text.h"
#include "json/writer.h"

namespace casemate::audit {
namespace {

std::string_view sarif_level(Level level) {
    return level == Level::fatal ? "error" : level == Level::warn ? "warning" : "note";
}
// GitHub reads it as a CVSS score: 9.5, 5.5 and 2.0 as Trivy writes its critical, medium and low.
std::string_view security_severity(Level level) {
    return level == Level::fatal ? "9.5" : level == Level::warn ? "5.5" : "2.0";
}

std::string xml(std::string_view text) {
    std::string out;
    for (const char c : printable(text)) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string until_text(const Suppression& suppression) {
    return suppression.until ? concat(" (until ", time_text(*suppression.until).substr(0, 10), ")") : std::string();
}

// A path inside the image as a relative URI reference; everything unusual percent-encoded (RFC 3986).
std::string uri_of(std::string_view where) {
    static constexpr char hex[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : where) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
                           c == '.' || c == '-' || c == '_' || c == '~';
        if (plain) {
            out += c;
        } else {
            out += '%';
            out += hex[static_cast<unsigned char>(c) >> 4];
            out += hex[static_cast<unsigned char>(c) & 15];
        }
    }
    while (out.starts_with('/')) out.erase(0, 1);
    return out.empty() ? "." : out;
}

void write_sarif_rule(json::Writer& out, const Rule& rule) {
    out.begin_object().field("id", rule.id).field("name", rule.id);
    out.key("shortDescription").begin_object().field("text", rule.title).end_object();
    out.key("fullDescription")
        .begin_object()
        .field("text", concat(rule.reason, ". References: ", rule.references))
        .end_object();
    out.key("help").begin_object().field("text", rule.fix).end_object();
    out.key("defaultConfiguration").begin_object().field("level", sarif_level(rule.level)).end_object();
    out.key("properties").begin_object().field("security-severity", security_severity(rule.level));
    out.key("tags").begin_array().value("security").end_array().end_object().end_object();
}

void write_sarif_result(json::Writer& out, const Judged& judged, size_t rule_index) {
    const Finding& finding = judged.finding;
    out.begin_object().field("ruleId", finding.rule->id).field("ruleIndex", static_cast<uint64_t>(rule_index));
    out.field("level", sarif_level(finding.rule->level));
    out.key("message")
        .begin_object()
        .field("text", concat(finding.rule->title, ": ", finding.where, ": ", finding.detail))
        .end_object();
    out.key("locations").begin_array().begin_object();
    out.key("physicalLocation").begin_object().key("artifactLocation").begin_object();
    out.field("uri", uri_of(finding.where)).end_object().end_object();
    out.key("logicalLocations")
        .begin_array()
        .begin_object()
        .field("fullyQualifiedName", finding.where)
        .end_object()
        .end_array();
    out.end_object().end_array();
    if (judged.suppressed_by) {
        out.key("suppressions").begin_array().begin_object().field("kind", "external");
        out.field("justification", concat(judged.suppressed_by->because, until_text(*judged.suppressed_by)))
            .end_object()
            .end_array();
    }
    out.end_object();
}

}  // namespace

std::string to_text(const Judgement& judgement) {
    std::string text;
    const Rule* last = nullptr;
    for (const Judged& one : judgement.findings) {
        const Rule& rule = *one.finding.rule;
        text += concat(one.suppressed_by ? "suppressed" : level_name(rule.level), ' ', rule.id, ' ', one.finding.where,
                       ": ", one.finding.detail);
        if (one.suppressed_by)
            text += concat(" [", printable(one.suppressed_by->because), until_text(*one.suppressed_by), "]");
        text += '\n';
        if (last != &rule && !one.suppressed_by)
            text += concat("    ", rule.title, ". ", rule.reason, ". Fix: ", rule.fix, ".\n");
        last = &rule;
    }
    for (const std::string& warning : judgement.warnings) text += concat("warning: ", warning, '\n');
    return concat(text, printable(judgement.subject), judgement.passed ? ": passed; " : ": failed; ",
                  judgement.applied.size(), " rules, ", judgement.count(Level::fatal), " fatal, ",
                  judgement.count(Level::warn), " warn, ", judgement.count(Level::info), " info\n");
}

std::string to_json(const Judgement& judgement) {
    json::Writer out(json::Writer::Style::pretty);
    out.begin_object().field("schemaVersion", 1).field("subject", judgement.subject);
    out.field("verdict", judgement.passed ? "pass" : "fail")
        .field("rules", static_cast<uint64_t>(judgement.applied.size()));
    out.key("findings").begin_array();
    for (const Judged& one : judgement.findings) {
        const Rule& rule = *one.finding.rule;
        out.begin_object().field("id", rule.id).field("level", level_name(rule.level)).field("title", rule.title);
        out.field("where", one.finding.where).field("detail", one.finding.detail).field("reason", rule.reason);
        out.field("fix", rule.fix).field("references", rule.references);
        if (one.suppressed_by) {
            out.key("suppressed").begin_object().field("because", one.suppressed_by->because);
            if (one.suppressed_by->until) out.field("until", time_text(*one.suppressed_by->until).substr(0, 10));
            out.end_object();
        }
        out.end_object();
    }
    out.end_array().key("warnings").begin_array();
    for (const std::string& warning : judgement.warnings) out.value(warning);
    out.end_array().end_object();
    return out.take() + "\n";
}

std::string to_sarif(const Judgement& judgement) {
    json::Writer out(json::Writer::Style::pretty);
    out.begin_object().field("$schema", "https://json.schemastore.org/sarif-2.1.0.json").field("version", "2.1.0");
    out.key("runs").begin_array().begin_object();
    out.key("tool").begin_object().key("driver").begin_object();
    out.field("name", "casemate audit").field("version", CASEMATE_VERSION);
    out.key("rules").begin_array();
    for (const Rule* rule : judgement.applied) write_sarif_rule(out, *rule);
    out.end_array().end_object().end_object();
    out.key("results").begin_array();
    for (const Judged& one : judgement.findings) {
        size_t index = 0;
        while (index < judgement.applied.size() && judgement.applied[index] != one.finding.rule) ++index;
        write_sarif_result(out, one, index);
    }
    out.end_array().field("columnKind", "utf16CodeUnits").end_object().end_array().end_object();
    return out.take() + "\n";
}

std::string to_junit(const Judgement& judgement) {
    size_t failures = 0, skipped = 0;
    std::string cases;
    for (const Rule* rule : judgement.applied) {
        std::string found, hidden;
        for (const Judged& one : judgement.findings) {
            if (one.finding.rule != rule) continue;
            std::string& text = one.suppressed_by ? hidden : found;
            text += concat(xml(one.finding.where), ": ", xml(one.finding.detail), '\n');
        }
        cases += concat("  <testcase classname=\"casemate.audit\" name=\"", rule->id, ' ', xml(rule->title), "\">");
        if (!found.empty()) {
            ++failures;
            cases += concat("<failure type=\"", level_name(rule->level), "\" message=\"", xml(rule->fix), "\">", found,
                            "</failure>");
        } else if (!hidden.empty()) {
            ++skipped;
            cases += concat("<skipped message=\"suppressed\"/>");
        }
        cases += "</testcase>\n";
    }
    return concat("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"", xml(judgement.subject),
                  "\" tests=\"", judgement.applied.size(), "\" failures=\"", failures, "\" skipped=\"", skipped,
                  "\" errors=\"0\">\n", cases, "</testsuite>\n");
}

}  // namespace casemate::audit

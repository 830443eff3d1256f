#include "audit/vulnerabilities.h"

#include <algorithm>

#include "audit/binding.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

constexpr int64_t clock_skew_seconds = 300;

class Judge {
public:
    Judge(const VulnerabilityGate& gate, const GateInput& input) : gate_(gate), input_(input) {
        if (input.ignore) used_.resize(input.ignore->entries.size());
    }

    GateDecision decide() {
        decision_.judged = input_.now;
        if (input_.image) decision_.image = *input_.image;
        if (!input_.report) {
            missing();
        } else {
            describe();
            bind();
            check_age();
            check_end_of_life();
            check_ignore_file();
            for (const ScanFinding& finding : input_.report->findings) weigh(finding);
            warn_of_unused();
        }
        decision_.allowed = decision_.reasons.empty() && decision_.denied.empty();
        return std::move(decision_);
    }

private:
    void deny(std::string reason) { decision_.reasons.push_back(std::move(reason)); }
    void warn(std::string text) { decision_.warnings.push_back(std::move(text)); }

    void missing() {
        const std::string why = input_.missing_because.empty() ? "" : concat(": ", input_.missing_because);
        if (!gate_.allow_missing) return deny(concat("there is no scan report", why));
        warn(concat("there is no scan report, and the gate allows that", why));
    }

    void describe() {
        const ScanReport& report = *input_.report;
        decision_.report_digest = input_.report_digest;
        decision_.scanner = report.scanner;
        decision_.scanner_version = report.scanner_version;
        decision_.artifact = report.artifact;
        decision_.os = report.os;
        decision_.created = report.created;
        decision_.database_built = report.database_built;
        decision_.hidden = report.hidden;
        if (!report.hidden.empty())
            warn(concat(report.hidden.size(),
                        " findings were left out by the scanner itself; give the gate an "
                        "unfiltered report"));
        if (report.findings.empty() && report.os.empty())
            warn("the report has no findings and names no operating system: the scanner may not know this image");
    }

    void bind() {
        if (!gate_.match_image) return warn("the report is not bound to an image");
        if (!input_.image) return deny("there is no image that the report could be about");
        auto bound = bind_report(*input_.report, *input_.image);
        decision_.bound = static_cast<bool>(bound);
        if (!bound) deny(bound.error().text());
    }

    void check_age() {
        const auto& created = input_.report->created;
        if (created && *created > input_.now + clock_skew_seconds)
            return deny(concat("the report is from the future: ", time_text(*created)));
        if (!gate_.max_report_age) return;
        if (!created) return deny("the report does not say when it was made");
        if (input_.now - *created > *gate_.max_report_age)
            deny(concat("the report is too old: made ", time_text(*created), ", ",
                        (input_.now - *created) / day_seconds, " days ago"));
    }

    void check_end_of_life() {
        if (!input_.report->end_of_life) return;
        const std::string text = concat("the operating system is past its end of life: ", printable(input_.report->os));
        gate_.deny_end_of_life ? deny(text) : warn(text);
    }

    std::string place(const IgnoreEntry& entry) const {
        return concat("ignore file ", quoted(input_.ignore->name), " line ", entry.line);
    }

    // May this entry suppress anything? Those that may stay forever are findings themselves.
    bool is_bounded(const IgnoreEntry& entry) const {
        if (!gate_.max_ignore_days) return true;
        return entry.expires && *entry.expires <= input_.now + *gate_.max_ignore_days * day_seconds;
    }

    void check_ignore_file() {
        if (!input_.ignore) return;
        for (const std::string& text : input_.ignore->warnings) warn(text);
        for (const IgnoreEntry& entry : input_.ignore->entries) {
            if (is_expired(entry, input_.now))
                warn(concat(place(entry), ": ", printable(entry.id), " expired on ",
                            time_text(*entry.expires).substr(0, 10)));
            else if (!is_bounded(entry))
                deny(concat(place(entry), ": ", printable(entry.id),
                            entry.expires ? " expires later than maxIgnoreDays allows" : " has no expiry"));
        }
    }

    bool counts(const ScanFinding& finding) const {
        if (finding.kind == ScanKind::secret) {
            if (gate_.deny_secrets) return true;
        }
        if (!gate_.severities.empty()) return gate_.severities.contains(finding.severity);
        const Severity rank = finding.severity == Severity::unknown ? gate_.unknown_as : finding.severity;
        return rank >= gate_.fail_on;
    }

    void suppress(const ScanFinding& finding, std::string source, std::string statement) {
        decision_.suppressed.push_back({finding, std::move(source), std::move(statement)});
    }

    // The filters in Trivy's order: severity, status, ignore file, VEX.
    void weigh(const ScanFinding& finding) {
        if (finding.kind == ScanKind::vulnerability) ++decision_.counts[static_cast<size_t>(finding.severity)];
        if (!counts(finding)) return;
        if (gate_.ignore_unfixed && finding.kind == ScanKind::vulnerability && !finding.fixed)
            return suppress(finding, "unfixed", finding.status);
        if (suppressed_by_file(finding)) return;
        const std::string_view digest = input_.image ? input_.image->manifest_digest : std::string_view();
        if (const VexVerdict vex = vex_for(input_.vex, finding, digest); vex.statement)
            return suppress(finding, concat("VEX ", quoted(vex.document->name)),
                            concat(vex.statement->status, ": ", vex.statement->statement));
        decision_.denied.push_back(finding);
    }

    bool suppressed_by_file(const ScanFinding& finding) {
        if (!input_.ignore) return false;
        for (size_t i = 0; i < used_.size(); ++i) {
            const IgnoreEntry& entry = input_.ignore->entries[i];
            if (is_expired(entry, input_.now) || !is_bounded(entry) || !suppresses(entry, finding)) continue;
            used_[i] = true;
            suppress(finding, place(entry), entry.statement);
            return true;
        }
        return false;
    }

    void warn_of_unused() {
        for (size_t i = 0; i < used_.size(); ++i) {
            const IgnoreEntry& entry = input_.ignore->entries[i];
            if (!used_[i] && !is_expired(entry, input_.now) && is_bounded(entry))
                warn(concat(place(entry), ": ", printable(entry.id), " suppresses nothing"));
        }
    }

    const VulnerabilityGate& gate_;
    const GateInput& input_;
    GateDecision decision_;
    std::vector<bool> used_;
};

}  // namespace

GateDecision judge(const VulnerabilityGate& gate, const GateInput& input) { return Judge(gate, input).decide(); }

}  // namespace casemate::audit

// See probe_report.h. What was seen comes out of a sandbox: every format escapes it.
#include "proof/probe_report.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "json/writer.h"

namespace casemate::proof {

namespace {

constexpr std::array<std::string_view, 4> status_names = {"passed", "surprise", "skipped", "recorded"};

std::string_view name_of(ProbeStatus status) { return status_names[static_cast<size_t>(status)]; }

std::string summary(const ProbeReport& report) {
    return concat("probe of '", printable(report.profile), "': ", report.results.size(), " checks, ",
                  report.count(ProbeStatus::passed), " as expected, ", report.count(ProbeStatus::surprise),
                  " surprises, ", report.count(ProbeStatus::skipped), " skipped, ", report.count(ProbeStatus::recorded),
                  " recorded only");
}

std::string text_row(const ProbeResult& result, bool colour) {
    constexpr std::array<const char*, 4> colours = {"\033[32m", "\033[31m", "\033[33m", "\033[36m"};
    std::string word(name_of(result.status));
    word.resize(10, ' ');
    if (colour) word = concat(colours[static_cast<size_t>(result.status)], word, "\033[0m");
    std::string row = concat("  ", word, printable(result.check.name), ": ", printable(result.seen));
    if (result.status == ProbeStatus::surprise) row += concat(" (expected ", printable(result.check.expected), ")");
    return row + "\n";
}

std::string as_text(const ProbeReport& report, bool verbose, bool colour) {
    std::string out;
    for (const ProbeResult& result : report.results) {
        const bool plain = result.status == ProbeStatus::passed || result.status == ProbeStatus::recorded;
        if (verbose || !plain) out += text_row(result, colour);
    }
    for (const policy::WaiverRecord& waiver : report.waivers)
        out += concat("  waived    ", printable(waiver.what), ": ", printable(waiver.because), '\n');
    return out + summary(report) + "\n";
}

std::string as_json(const ProbeReport& report) {
    json::Writer out(json::Writer::Style::pretty);
    out.begin_object().field("profile", report.profile);
    out.field("checks", uint64_t{report.results.size()})
        .field("surprises", uint64_t{report.count(ProbeStatus::surprise)});
    out.field("skipped", uint64_t{report.count(ProbeStatus::skipped)});
    out.key("results").begin_array();
    for (const ProbeResult& result : report.results) {
        out.begin_object()
            .field("check", result.check.name)
            .field("expected", result.check.expected)
            .field("seen", result.seen);
        out.field("status", name_of(result.status)).end_object();
    }
    out.end_array().end_object();
    return out.take() + "\n";
}

// TAP gives '#' a meaning: escaped in descriptions.
std::string tap_escaped(const std::string& text) {
    std::string out;
    for (const char c : printable(text)) {
        if (c == '#' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

std::string as_tap(const ProbeReport& report) {
    std::string out = concat("TAP version 14\n1..", report.results.size(), '\n');
    size_t number = 0;
    for (const ProbeResult& result : report.results) {
        const bool surprise = result.status == ProbeStatus::surprise;
        out += concat(surprise ? "not ok " : "ok ", ++number, " - ", tap_escaped(result.check.name));
        if (result.status == ProbeStatus::skipped) out += " # SKIP " + tap_escaped(result.seen);
        out += '\n';
        if (!surprise) continue;
        out += concat("  ---\n  expected: ", json::quote(result.check.expected), "\n  seen: ", json::quote(result.seen),
                      "\n  ...\n");
    }
    return out;
}

std::string xml_escaped(const std::string& text) {
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

std::string as_junit(const ProbeReport& report) {
    std::string out =
        concat("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"casemate probe ",
               xml_escaped(report.profile), "\" tests=\"", report.results.size(), "\" failures=\"",
               report.count(ProbeStatus::surprise), "\" skipped=\"", report.count(ProbeStatus::skipped), "\">\n");
    for (const ProbeResult& result : report.results) {
        out += concat("  <testcase classname=\"probe\" name=\"", xml_escaped(result.check.name), "\"");
        if (result.status == ProbeStatus::surprise) {
            out += concat("><failure message=\"expected ", xml_escaped(result.check.expected), ", seen ",
                          xml_escaped(result.seen), "\"/></testcase>\n");
        } else if (result.status == ProbeStatus::skipped) {
            out += concat("><skipped message=\"", xml_escaped(result.seen), "\"/></testcase>\n");
        } else {
            out += "/>\n";
        }
    }
    return out + "</testsuite>\n";
}

}  // namespace

std::optional<ReportFormat> report_format(std::string_view name) {
    constexpr std::array<std::string_view, 4> names = {"text", "json", "tap", "junit"};
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    return static_cast<ReportFormat>(found - names.begin());
}

size_t ProbeReport::count(ProbeStatus status) const {
    return static_cast<size_t>(std::count_if(results.begin(), results.end(),
                                             [&](const ProbeResult& result) { return result.status == status; }));
}

std::string to_text(const ProbeReport& report, ReportFormat format, bool verbose, bool colour) {
    switch (format) {
        case ReportFormat::json: return as_json(report);
        case ReportFormat::tap: return as_tap(report);
        case ReportFormat::junit: return as_junit(report);
        case ReportFormat::text: break;
    }
    return as_text(report, verbose, colour);
}

}  // namespace casemate::proof

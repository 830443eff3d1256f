#include "runtime/plan_report.h"

#include "base/text.h"
#include "json/writer.h"

namespace casemate::runtime {
namespace {

std::string padded(std::string_view text, size_t width) {
    std::string out(text);
    if (out.size() < width) out.append(width - out.size(), ' ');
    return out;
}

void write_list(json::Writer& out, std::string_view key, const std::vector<std::string>& list) {
    out.key(key).begin_array();
    for (const std::string& item : list) out.value(item);
    out.end_array();
}

}  // namespace

PlanReport report_of(const plan::Plan& plan, const policy::Profile& profile) {
    PlanReport report;
    report.profile_name = plan.profile_name();
    report.mode = plan::mode_name(plan.ids().mode);
    report.lines = steps::describe(plan);
    report.waivers = plan.waivers();
    report.notes = plan.notes();
    if (!plan.seccomp().program.empty() &&
        profile.seccomp.layers.size() + profile.seccomp.default_action.has_value() > 0)
        for (const std::string_view call : policy::launcher_calls({.own_init = plan.process().own_init}))
            report.launcher_calls.emplace_back(call);
    report.plan_json = plan::to_json(plan);
    return report;
}

std::string PlanReport::text() const {
    std::string out = concat("profile ", profile_name, ", ", mode, "\n\n");
    for (size_t i = 0; i < lines.size(); ++i)
        out += concat(padded(std::to_string(i + 1), 4), padded(lines[i].role, 5), padded(lines[i].phase, 14),
                      padded(lines[i].step, 26), printable(lines[i].text), "\n");
    if (!launcher_calls.empty())
        out += concat("\nThe launcher's own last calls, in every filter: ", join(launcher_calls, " "), "\n");
    for (const policy::WaiverRecord& waiver : waivers) {
        out += concat("waived ", waiver.what, ": ", waiver.from, " -> ", waiver.to, ", because ", waiver.because, " (",
                      waiver.file, ")");
        out += waiver.overruled_by.empty() ? "\n" : concat("; overruled by ", waiver.overruled_by, "\n");
    }
    for (const std::string& note : notes) out += concat("note: ", note, "\n");
    for (const std::string& change : tightened) out += concat("tightened: ", printable(change), "\n");
    for (const std::string& refusal : refused) out += concat("refused: ", printable(refusal), "\n");
    for (const std::string& field : unused) out += concat("not applied to config.json: ", field, "\n");
    return out;
}

std::string PlanReport::json() const {
    json::Writer out(json::Writer::Style::pretty);
    out.begin_object()
        .field("schemaVersion", 1)
        .field("profile", profile_name)
        .field("mode", mode)
        .key("steps")
        .begin_array();
    for (const steps::Line& line : lines)
        out.begin_object()
            .field("role", line.role)
            .field("phase", line.phase)
            .field("step", line.step)
            .field("detail", line.text)
            .end_object();
    out.end_array().key("launcherCalls").begin_array();
    for (const std::string& call : launcher_calls) out.value(call);
    out.end_array().key("waivers").begin_array();
    for (const policy::WaiverRecord& waiver : waivers)
        out.begin_object()
            .field("what", waiver.what)
            .field("from", waiver.from)
            .field("to", waiver.to)
            .field("because", waiver.because)
            .field("file", waiver.file)
            .field("overruledBy", waiver.overruled_by)
            .end_object();
    out.end_array().key("notes").begin_array();
    for (const std::string& note : notes) out.value(note);
    out.end_array();
    if (!unused.empty()) {  // there is a ceiling
        write_list(out, "tightened", tightened);
        write_list(out, "refused", refused);
        write_list(out, "unused", unused);
    }
    if (!plan_json.empty()) out.key("plan").raw(plan_json);
    out.end_object();
    return out.take() + "\n";
}

}  // namespace casemate::runtime

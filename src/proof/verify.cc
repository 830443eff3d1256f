// See verify.h. Values come from a process that may be hostile (mount points, hostnames): all are printed escaped.
#include "proof/verify.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "proof/observe.h"

namespace casemate::proof {

namespace {

struct Look {
    const char* word;
    const char* colour;
};
constexpr std::array<Look, 4> looks = {
    {{"ok", "\033[32m"}, {"DIFFERENT", "\033[31m"}, {"unseen", "\033[33m"}, {"inside", "\033[36m"}}};

std::string padded(std::string text, size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

std::string shortened(const std::string& text, size_t width) {
    std::string out = printable(text);
    if (out.size() > width) out.replace(width - 3, std::string::npos, "...");
    return out;
}

std::string row(const plan::Check& check, size_t name_width, bool colour) {
    constexpr size_t verdict_width = 10, value_width = 44;
    const Look& look = looks[static_cast<size_t>(check.verdict)];
    const std::string word = padded(look.word, verdict_width);
    const std::string verdict = colour ? concat(look.colour, word, "\033[0m") : word;
    const std::string name = padded(printable(check.what), name_width);
    if (check.verdict == plan::Verdict::ok)
        return concat("  ", verdict, name, "  ", shortened(check.seen, 2 * value_width), '\n');
    return concat("  ", verdict, name, "  expected ", printable(check.expected), "; seen ", printable(check.seen),
                  '\n');
}

}  // namespace

plan::Expected while_running(plan::Expected expected) {
    expected.at_most = true;
    expected.fds.reset();
    expected.umask.reset();
    for (auto& [name, pair] : expected.limits) pair.first = pair.second;
    return expected;
}

Result<Verification> verify(const sys::Procfs& procfs, pid_t pid, const plan::Expected& expected, std::string subject) {
    const plan::Observed seen = TRY_IN(concat("verify '", subject, "'"),
                                       observe(procfs, std::to_string(pid), expected, namespaces_of(procfs, "self", kinds_to_compare(expected))));
    return Verification{std::move(subject), plan::compare(expected, seen, plan::Viewpoint::outside), {}, {}, {}};
}

std::string to_table(const Verification& verification, bool colour) {
    size_t width = 0;
    std::array<size_t, looks.size()> counts{};
    for (const plan::Check& check : verification.checks) {
        width = std::max(width, printable(check.what).size());
        ++counts[static_cast<size_t>(check.verdict)];
    }
    std::string out = concat("verify ", printable(verification.subject), '\n');
    for (const plan::Check& check : verification.checks) out += row(check, width, colour);
    for (const policy::WaiverRecord& waiver : verification.waivers) {
        out += concat("  waived    ", printable(waiver.what), ": ", printable(waiver.because), '\n');
    }
    if (!verification.admission.empty()) out += concat("  ", printable(verification.admission), '\n');
    for (const std::string& line : verification.suppressed) out += concat("  suppressed ", printable(line), '\n');
    out += concat(verification.checks.size(), " checks: ", counts[0], " ok, ", counts[1], " different, ", counts[2],
                  " unseen, ", counts[3], " checked inside at start\n");
    return out;
}

std::string to_json(const Verification& verification) {
    json::Writer out(json::Writer::Style::pretty);
    out.begin_object().field("subject", verification.subject).field("green", verification.green());
    out.key("checks").begin_array();
    for (const plan::Check& check : verification.checks) {
        out.begin_object().field("check", check.what).field("expected", check.expected).field("seen", check.seen);
        out.field("verdict", plan::verdict_name(check.verdict)).end_object();
    }
    out.end_array();
    out.key("waivers").begin_array();
    for (const policy::WaiverRecord& waiver : verification.waivers) {
        out.begin_object().field("what", waiver.what).field("because", waiver.because).end_object();
    }
    out.end_array();
    if (!verification.admission.empty()) {
        out.field("admission", verification.admission).key("suppressed").begin_array();
        for (const std::string& line : verification.suppressed) out.value(line);
        out.end_array();
    }
    out.end_object();
    return out.take() + "\n";
}

}  // namespace casemate::proof

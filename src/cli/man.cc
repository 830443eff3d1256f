// Man pages in roff (man(7)), from the command table. They are written when the documentation is built, so nothing here
// is on the way to a start.
#include "base/text.h"
#include "cli/help.h"

namespace casemate::cli {
namespace {

// A line must not begin with a control character, and a dash is \- so that it can be pasted.
std::string roff(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool line_start = out.empty() || out.back() == '\n';
        if (line_start && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
    }
    return out;
}

std::string title(std::string_view name, std::string_view summary) {
    return concat(".TH ", name, " 1 \"\" \"casemate ", CASEMATE_VERSION, "\" \"User Commands\"\n.SH NAME\n", roff(name),
                  " \\- ", roff(summary), '\n');
}

std::string options_section(std::span<const Opt> ids, std::string_view heading) {
    if (ids.empty()) return {};
    std::string out = concat(".SH ", heading, '\n');
    for (const Opt id : ids) {
        const Option& o = option(id);
        out += ".TP\n";
        if (o.letter) out += concat("\\fB\\-", o.letter, "\\fR, ");
        out += concat("\\fB\\-\\-", roff(o.name), "\\fR");
        if (o.operand[0]) out += concat(" \\fI", roff(o.operand), "\\fR");
        out += concat('\n', roff(o.text), '\n');
    }
    return out;
}

std::string overview_page() {
    std::string out = title("casemate", "a hardened container launcher and OCI runtime");
    out += ".SH SYNOPSIS\n\\fBcasemate\\fR [\\fIOPTIONS\\fR] \\fIVERB\\fR [\\fIOPTIONS\\fR] [\\fIOPERANDS\\fR]\n";
    for (const Group group : {Group::main, Group::oci, Group::external, Group::tool}) {
        out += concat(".SH ", roff(group_name(group)), '\n');
        for (const Command& c : all_commands())
            if (c.group == group)
                out += concat(".TP\n\\fB", roff(c.name), "\\fR ", roff(c.operands), '\n', roff(c.summary), '\n');
    }
    out += options_section(global_options(), "OPTIONS");
    out += concat(
        ".SH EXIT STATUS\n",
        roff("launch and run give the app's exit code, or 128 and the signal's number. 125: casemate failed. 126: "
             "the command cannot be executed. 127: it is not found. verify and probe: 0 clean, 1 a finding, 2 a "
             "failure. The other OCI verbs give 1 on failure."),
        "\n.SH SEE ALSO\n");
    for (const Command& c : all_commands())
        if (c.group == Group::main) out += concat("\\fBcasemate\\-", roff(c.name), "\\fR(1)\n");
    return out;
}

}  // namespace

std::string man_page(const Command* command) {
    if (!command) return overview_page();
    std::string out = title(concat("casemate-", command->name), command->summary);
    out += concat(".SH SYNOPSIS\n\\fBcasemate ", roff(command->name), "\\fR");
    if (!options_of(*command).empty()) out += " [\\fIOPTIONS\\fR]";
    out += concat(' ', roff(command->operands), '\n');
    const Manual* text = manual(command->verb);
    if (text && text->about[0]) out += concat(".SH DESCRIPTION\n", roff(text->about), '\n');
    out += options_section(options_of(*command), "OPTIONS");
    if (text) out += concat(".SH EXAMPLES\n.nf\n", roff(text->examples), "\n.fi\n");
    return concat(out, ".SH SEE ALSO\n\\fBcasemate\\fR(1)\n");
}

}  // namespace casemate::cli

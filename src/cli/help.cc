// --help: of casemate, and of one verb with its options under headings.
#include "cli/help.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace casemate::cli {
namespace {

constexpr size_t text_column = 26;

// "  heading   text", the text wrapped; a long heading stands on a line of its own.
std::string entry(std::string_view heading, std::string_view text, size_t column, size_t width) {
    std::string out = concat("  ", heading);
    if (out.size() + 2 > column)
        out += concat('\n', std::string(column, ' '));
    else
        out.append(column - out.size(), ' ');
    return concat(out, wrapped(text, column, width), '\n');
}

std::string options_help(std::span<const Opt> ids, const Paint& paint, size_t width) {
    std::string out;
    for (int topic = 0; topic <= static_cast<int>(Topic::global); ++topic) {
        bool first = true;
        for (const Opt id : ids) {
            const Option& o = option(id);
            if (o.topic != static_cast<Topic>(topic)) continue;
            if (first) out += concat('\n', paint.bold(topic_name(o.topic)), '\n');
            first = false;
            out += entry(option_heading(o), o.text, text_column, width);
        }
    }
    return out;
}

}  // namespace

std::string option_heading(const Option& o) {
    const std::string letter = o.letter ? concat('-', o.letter, ", ") : std::string("    ");
    return concat(letter, "--", o.name, o.operand[0] ? " " : "", o.operand);
}

std::string_view topic_name(Topic topic) {
    constexpr std::array<std::string_view, 8> names = {"Policy",  "Network", "Files",  "Limits",
                                                       "Process", "Options", "Output", "Everywhere"};
    return names[static_cast<size_t>(topic)];
}

std::string_view group_name(Group group) {
    constexpr std::array<std::string_view, 5> names = {"Launching and proving",
                                                       "OCI runtime (podman, containerd, buildah)",
                                                       "Programs of their own", "About casemate", ""};
    return names[static_cast<size_t>(group)];
}

std::string overview_help(const Paint& paint, size_t width, bool (*available)(const Command&)) {
    std::string out = concat("casemate ", CASEMATE_VERSION, ": a hardened container launcher\n\n", paint.bold("Usage"),
                             "\n  casemate [OPTIONS] VERB [OPTIONS] [OPERANDS]\n");
    for (const Group group : {Group::main, Group::oci, Group::external, Group::tool}) {
        std::string verbs;
        for (const Command& c : all_commands())
            if (c.group == group && (group != Group::external || available(c)))
                verbs += entry(c.name, c.summary, 14, width);
        if (!verbs.empty()) out += concat('\n', paint.bold(group_name(group)), '\n', verbs);
    }
    out += options_help(global_options(), paint, width);
    return concat(out, "\n'casemate VERB --help' says more about a verb.\n");
}

std::string verb_help(const Command& command, const Paint& paint, size_t width) {
    const std::span<const Opt> ids = options_of(command);
    std::string out =
        concat("casemate ", command.name, ": ", command.summary, "\n\n", paint.bold("Usage"), "\n  casemate ",
               command.name, ids.empty() ? "" : " [OPTIONS]", command.operands[0] ? " " : "", command.operands, '\n');
    const Manual* text = manual(command.verb);
    if (text && text->about[0]) out += concat('\n', wrapped(text->about, 0, width), '\n');
    out += options_help(ids, paint, width);
    std::vector<Opt> others;  // a verb may list a global option among its own
    for (const Opt id : global_options())
        if (std::find(ids.begin(), ids.end(), id) == ids.end() && option(id).topic == Topic::global)
            others.push_back(id);
    out += options_help(others, paint, width);
    if (text) {
        out += concat('\n', paint.bold("Examples"), '\n');
        for (const std::string_view line : split(text->examples, '\n')) out += concat("  ", line, '\n');
    }
    return out;
}

}  // namespace casemate::cli

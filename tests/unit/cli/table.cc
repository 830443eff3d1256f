// The command table is whole: every verb helps, every verb and option is in every completion and man page, and no verb
// has two options of one spelling.
#include <doctest/doctest.h>

#include <set>

#include "base/text.h"
#include "cli/help.h"

using namespace casemate;
using cli::Command;
using cli::Group;
using cli::Opt;
using cli::Option;

namespace {

const cli::Paint plain(false);

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("table: no verb has two options of one name or letter") {
    for (const Command& command : cli::all_commands()) {
        CAPTURE(command.name);
        std::set<std::string> names;
        std::set<char> letters;
        for (const Opt id : cli::options_of(command)) {
            const Option& option = cli::option(id);
            CAPTURE(option.name);
            CHECK(names.insert(option.name).second);
            if (option.letter) CHECK(letters.insert(option.letter).second);
            CHECK((option.operand[0] != 0) == (option.takes != cli::Takes::nothing));
            CHECK(option.text[0] != 0);
        }
    }
}

TEST_CASE("table: every option belongs to a verb or is global") {
    std::set<Opt> used;
    for (const Command& command : cli::all_commands())
        for (const Opt id : cli::options_of(command)) used.insert(id);
    for (const Opt id : cli::global_options()) used.insert(id);
    for (const Option& option : cli::all_options()) {
        CAPTURE(option.name);
        CHECK(used.count(option.id) == 1);
    }
}

TEST_CASE("help: every verb has one, within the width, and names every option") {
    for (const Command& command : cli::all_commands()) {
        CAPTURE(command.name);
        for (const size_t width : {size_t{60}, size_t{100}}) {
            const std::string help = cli::verb_help(command, plain, width);
            CHECK(contains(help, command.summary));
            for (const Opt id : cli::options_of(command)) CHECK(contains(help, concat("--", cli::option(id).name)));
            const size_t examples = help.find("\nExamples\n");
            for (const std::string_view line : split(std::string_view(help).substr(0, examples), '\n')) {
                CAPTURE(line);
                // Headings are not wrapped; no text line is longer.
                CHECK((line.size() <= width || line.find("--") != std::string_view::npos ||
                       line.starts_with("casemate ")));
            }
        }
    }
    const auto all = [](const Command&) { return true; };
    const std::string overview = cli::overview_help(plain, 80, all);
    for (const Command& command : cli::all_commands()) {
        CAPTURE(command.name);
        CHECK(contains(overview, concat("\n  ", command.name, ' ')) == (command.group != Group::later));
    }
    CHECK_FALSE(contains(cli::overview_help(plain, 80, [](const Command&) { return false; }), "\n  audit "));
    CHECK_FALSE(contains(overview, "\x1b["));
    CHECK(contains(cli::overview_help(cli::Paint(true), 80, all), "\x1b[1m"));
}

TEST_CASE("help: every verb of the project's own has a manual") {
    for (const Command& command : cli::all_commands()) {
        if (command.group != Group::main) continue;
        CAPTURE(command.name);
        REQUIRE(cli::manual(command.verb));
        CHECK(cli::manual(command.verb)->about[0] != 0);
        CHECK(cli::manual(command.verb)->examples[0] != 0);
    }
}

TEST_CASE("completion: each shell's script has every verb and option") {
    for (const char* shell : {"bash", "zsh", "fish"}) {
        CAPTURE(shell);
        const auto script = cli::completion_script(shell);
        REQUIRE(script);
        for (const Command& command : cli::all_commands()) {
            if (command.group == Group::later) continue;
            CAPTURE(command.name);
            CHECK(contains(script.value(), command.name));
            for (const Opt id : cli::options_of(command)) CHECK(contains(script.value(), cli::option(id).name));
        }
    }
    const auto wrong = cli::completion_script("bsh");
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().text() == "completion: unknown shell 'bsh'; did you mean 'bash'?");
}

TEST_CASE("man: pages are roff, with every option, and no line begins with a stray control character") {
    for (const Command& command : cli::all_commands()) {
        CAPTURE(command.name);
        const std::string page = cli::man_page(&command);
        CHECK(page.starts_with(concat(".TH casemate-", command.name, " 1 ")));
        for (const Opt id : cli::options_of(command)) {
            std::string name(cli::option(id).name);
            for (size_t at = 0; (at = name.find('-', at)) != std::string::npos; at += 2) name.insert(at, "\\");
            CHECK(contains(page, name));
        }
        for (const std::string_view line : split(page, '\n'))
            if (line.starts_with('.'))
                CHECK((line.starts_with(".TH ") || line.starts_with(".SH ") || line == ".TP" || line == ".nf" ||
                       line == ".fi"));
    }
    CHECK(cli::man_page(nullptr).starts_with(".TH casemate 1 "));
}

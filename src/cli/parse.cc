// argv -> Arguments. Our own parser and not getopt_long: it must take Go's single-dash long options and name the option
// that was nearly hit, and getopt_long would want a second table with pointers.
#include <algorithm>

#include "base/text.h"
#include "cli/command.h"

namespace casemate::cli {
namespace {

class Parser {
public:
    Parser(std::span<char* const> argv, Arguments& out) : argv_(argv), out_(out) {}

    Result<void> run() {
        Result<void> done = words();
        if (!done) return std::move(done).take_error().exit_with(failure_code());
        return {};
    }

private:
    Result<void> words();
    Result<void> word(std::string_view text);
    Result<void> long_option(std::string_view text, std::string_view dashes);
    Result<void> letters(std::string_view text);
    Result<void> verb(std::string_view text);
    Result<void> accept(const Option& option, std::string_view spelling, std::string_view value, bool has_value);
    Result<void> check_operands() const;
    void rest_is_tail() {
        for (; next_ < argv_.size(); ++next_) out_.tail.emplace_back(argv_[next_]);
    }

    template <typename Match>
    const Option* find(Match match) const {
        if (out_.command)
            for (const Opt id : options_of(*out_.command))
                if (match(option(id))) return &option(id);
        for (const Opt id : global_options())
            if (match(option(id))) return &option(id);
        return nullptr;
    }
    const Option* by_name(std::string_view name) const {
        return find([&](const Option& o) { return name == o.name; });
    }
    const Option* by_letter(char letter) const {
        return find([&](const Option& o) { return o.letter != 0 && o.letter == letter; });
    }

    // The verb's name in front of a message: "launch: ".
    std::string prefix() const { return out_.command ? concat(out_.command->name, ": ") : std::string(); }
    Error wrong(std::string text) const {
        const std::string_view name = out_.command ? out_.command->name : "";
        return Error::invalid(concat(prefix(), text))
            .hint(concat("see 'casemate ", name, name.empty() ? "" : " ", "--help'"));
    }
    int failure_code() const {
        const Failure failure = out_.command ? out_.command->failure : Failure::by_error;
        return failure == Failure::by_error ? 125 : static_cast<int>(failure);
    }

    std::span<char* const> argv_;
    size_t next_ = 1;
    Arguments& out_;
};

Result<void> Parser::words() {
    while (next_ < argv_.size()) {
        const std::string_view text = argv_[next_++];
        if (text == "--") {
            if (!out_.command) return wrong("a verb is missing before '--'");
            if (out_.command->tail == Tail::none) {
                for (; next_ < argv_.size(); ++next_) out_.operands.emplace_back(argv_[next_]);
            } else {
                rest_is_tail();
            }
            break;
        }
        TRY(word(text));
        if (out_.command && out_.command->tail == Tail::everything) rest_is_tail();
    }
    return check_operands();
}

Result<void> Parser::word(std::string_view text) {
    if (text.starts_with("--")) return long_option(text.substr(2), "--");
    if (text.size() > 1 && text.front() == '-') return letters(text.substr(1));
    if (!out_.command) return verb(text);
    out_.operands.push_back(text);
    if (out_.command->tail == Tail::after_operands && out_.operands.size() == out_.command->most) {
        if (next_ < argv_.size() && std::string_view(argv_[next_]) == "--") ++next_;
        rest_is_tail();
    }
    return {};
}

Result<void> Parser::verb(std::string_view text) {
    out_.command = find_command(text);
    if (out_.command) return {};
    std::vector<std::string_view> names;
    for (const Command& c : all_commands())
        if (c.group != Group::later) names.emplace_back(c.name);
    return wrong(concat("unknown verb ", quoted(text), did_you_mean(text, names)));
}

Result<void> Parser::long_option(std::string_view text, std::string_view dashes) {
    const size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const bool has_value = equals != std::string_view::npos;
    if (const Option* found = by_name(name))
        return accept(*found, concat(dashes, name), has_value ? text.substr(equals + 1) : std::string_view(),
                      has_value);

    std::vector<std::string_view> names;
    if (out_.command)
        for (const Opt id : options_of(*out_.command)) names.emplace_back(option(id).name);
    for (const Opt id : global_options()) names.emplace_back(option(id).name);
    const std::string near = nearest(name, names);
    return wrong(concat("unknown option ", quoted(concat(dashes, name)),
                        near.empty() ? "" : concat("; did you mean '--", near, "'?")));
}

Result<void> Parser::letters(std::string_view text) {
    // Go's flag package takes one dash for two; a cluster of letters never spells a whole name of ours.
    if (text.size() > 1 && by_name(text.substr(0, text.find('=')))) return long_option(text, "-");
    while (!text.empty()) {
        const Option* found = by_letter(text.front());
        if (!found) return wrong(concat("unknown option ", quoted(concat('-', text.substr(0, 1)))));
        const std::string spelling = concat('-', text.front());
        text.remove_prefix(1);
        if (found->takes != Takes::nothing) {
            const bool attached = !text.empty();
            if (attached && text.front() == '=') text.remove_prefix(1);
            return accept(*found, spelling, text, attached);
        }
        if (!text.empty() && text.front() == '=') return accept(*found, spelling, text.substr(1), true);
        TRY(accept(*found, spelling, {}, false));
    }
    return {};
}

// A flag may be given as --flag=true or --flag=false: Go's clients write that. false is as if it had not been given.
Result<void> Parser::accept(const Option& option, std::string_view spelling, std::string_view value, bool has_value) {
    if (option.takes == Takes::nothing) {
        if (has_value && value != "true" && value != "false" && value != "1" && value != "0")
            return wrong(concat("option ", quoted(spelling), " takes no value but true or false, not ", quoted(value)));
        if (has_value && (value == "false" || value == "0"))
            std::erase_if(out_.given, [&](const Given& g) { return g.id == option.id; });
        else
            out_.given.push_back({option.id, {}});
        return {};
    }
    if (!has_value) {
        if (next_ == argv_.size()) return wrong(concat("option ", quoted(spelling), " requires an argument"));
        value = argv_[next_++];
    }
    const std::string_view operand = option.operand;
    if (operand.find('|') != std::string_view::npos) {
        const std::vector<std::string_view> known = split(operand, '|');
        if (std::find(known.begin(), known.end(), value) == known.end())
            return wrong(concat("option ", quoted(spelling), " is one of ", operand, ", not ", quoted(value),
                                did_you_mean(value, known)));
    }
    out_.given.push_back({option.id, value});
    return {};
}

Result<void> Parser::check_operands() const {
    if (!out_.command || out_.has(Opt::help) || out_.has(Opt::version)) return {};
    const Command& command = *out_.command;
    if (out_.operands.size() < command.least)
        return wrong(concat("an operand is missing: casemate ", command.name, " ", command.operands));
    if (out_.operands.size() <= command.most) return {};
    Error error = wrong(concat("unexpected operand ", quoted(out_.operands[command.most])));
    if (command.tail != Tail::after_dashes) return error;
    return Error::invalid(error.text()).hint("the command to run stands after '--'");
}

}  // namespace

bool Arguments::has(Opt id) const {
    return std::any_of(given.begin(), given.end(), [&](const Given& g) { return g.id == id; });
}

std::string_view Arguments::value(Opt id, std::string_view otherwise) const {
    for (size_t i = given.size(); i-- > 0;)
        if (given[i].id == id) return given[i].value;
    return otherwise;
}

std::vector<std::string> Arguments::values(Opt id) const {
    std::vector<std::string> found;
    for (const Given& g : given)
        if (g.id == id) found.emplace_back(g.value);
    return found;
}

Result<void> parse(std::span<char* const> argv, Arguments& out) { return Parser(argv, out).run(); }

}  // namespace casemate::cli

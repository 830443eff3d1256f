// Shell completions from the command table, so that they never know less or more than the parser.
#include "base/text.h"
#include "cli/help.h"

namespace casemate::cli {
namespace {

enum class Offer : uint8_t { nothing, choices, files, directories, profiles, ids };

Offer offer_for(std::string_view operand) {
    if (operand.find('|') != std::string_view::npos && operand.find(' ') == std::string_view::npos)
        return Offer::choices;
    if (operand == "DIR" || operand == "BUNDLE") return Offer::directories;
    if (operand == "PROFILE") return Offer::profiles;
    if (operand == "ID") return Offer::ids;
    if (operand == "FILE" || operand == "SOURCE" || operand == "SRC:DST[:ro]") return Offer::files;
    return Offer::nothing;
}

constexpr std::string_view profiles_command = "casemate profile list 2>/dev/null | sed -n '2,$s/ .*//p'";
constexpr std::string_view ids_command = "casemate list --quiet 2>/dev/null";

std::string choices(std::string_view operand) {
    std::string out(operand);
    for (char& c : out)
        if (c == '|') c = ' ';
    return out;
}

// 'text' for a shell.
std::string shell_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + '\'';
}

bool shown(const Command& command) { return command.group != Group::later; }

// The first word of a verb's operands, without brackets: "ID" of "[ID]".
std::string_view first_operand(const Command& command) {
    std::string_view text = command.operands;
    text = text.substr(0, text.find(' '));
    if (text.starts_with('[')) text = text.substr(1, text.size() - 2);
    return text;
}

// ---- bash ----

std::string bash_offer(std::string_view operand) {
    switch (offer_for(operand)) {
        case Offer::choices:
            return concat("COMPREPLY=($(compgen -W ", shell_quoted(choices(operand)), " -- \"$cur\"))");
        case Offer::files: return "COMPREPLY=($(compgen -f -- \"$cur\"))";
        case Offer::directories: return "COMPREPLY=($(compgen -d -- \"$cur\"))";
        case Offer::profiles:
            return concat("COMPREPLY=($(compgen -W \"$(", profiles_command,
                          ")\" -- \"$cur\") $(compgen -f -- \"$cur\"))");
        case Offer::ids: return concat("COMPREPLY=($(compgen -W \"$(", ids_command, ")\" -- \"$cur\"))");
        case Offer::nothing: break;
    }
    return "COMPREPLY=()";
}

std::string bash_value_cases(std::span<const Opt> ids, std::string_view verb_pattern) {
    std::string out;
    for (const Opt id : ids) {
        const Option& o = option(id);
        if (o.takes == Takes::nothing) continue;
        out += concat("        ", verb_pattern, ":--", o.name);
        if (o.letter) out += concat('|', verb_pattern, ":-", o.letter);
        out += concat(") ", bash_offer(o.operand), "; return ;;\n");
    }
    return out;
}

std::string names_of(std::span<const Opt> ids) {
    std::string out;
    for (const Opt id : ids) out += concat(out.empty() ? "" : " ", "--", option(id).name);
    return out;
}

std::string bash_script() {
    std::string verbs, values, options, operands, skip;
    for (const Command& c : all_commands()) {
        if (!shown(c)) continue;
        verbs += concat(verbs.empty() ? "" : " ", c.name);
        values += bash_value_cases(options_of(c), c.name);
        options += concat("            ", c.name, ") words=", shell_quoted(names_of(options_of(c))), " ;;\n");
        operands += concat("        ", c.name, ") ", bash_offer(first_operand(c)), " ;;\n");
    }
    for (const Opt id : global_options())
        if (option(id).takes != Takes::nothing) skip += concat(skip.empty() ? "" : "|", "--", option(id).name);
    values += bash_value_cases(global_options(), "*");
    return concat(
        "# bash completion for casemate; made by 'casemate completion bash'\n_casemate() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= words= i\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n        case ${COMP_WORDS[i]} in\n            ",
        skip,
        ") ((i++)) ;;\n            -*) ;;\n            *) verb=${COMP_WORDS[i]}; break ;;\n        esac\n    done\n"
        "    case $verb:$prev in\n",
        values, "    esac\n    if [[ $cur == -* ]]; then\n        case $verb in\n", options,
        "        esac\n        words+=' ", names_of(global_options()),
        "'\n        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n        return\n    fi\n"
        "    case $verb in\n        '') COMPREPLY=($(compgen -W '",
        verbs,
        "' -- \"$cur\")) ;;\n        help) "
        "COMPREPLY=($(compgen -W '",
        verbs, "' -- \"$cur\")) ;;\n", operands,
        "    esac\n}\n"
        "complete -o filenames -o bashdefault -F _casemate casemate\n");
}

// ---- zsh ----

// Brackets and colons have a meaning in an _arguments specification.
std::string zsh_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

std::string zsh_action(std::string_view operand) {
    switch (offer_for(operand)) {
        case Offer::choices: return concat('(', choices(operand), ')');
        case Offer::files: return "_files";
        case Offer::directories: return "_files -/";
        case Offer::profiles: return concat("{compadd -- $(", profiles_command, "); _files}");
        case Offer::ids: return concat("{compadd -- $(", ids_command, ")}");
        case Offer::nothing: break;
    }
    return " ";
}

std::string zsh_options(std::span<const Opt> ids) {
    std::string out;
    for (const Opt id : ids) {
        const Option& o = option(id);
        const std::string_view repeat = o.takes == Takes::values ? "*" : "";
        std::string rest = concat('[', zsh_text(o.text), ']');
        if (o.takes != Takes::nothing) rest += concat(':', zsh_text(o.operand), ':', zsh_action(o.operand));
        const std::string_view equals = o.takes == Takes::nothing ? "" : "=";
        out += concat(" \\\n        ", shell_quoted(concat(repeat, "--", o.name, equals, rest)));
        if (o.letter) out += concat(" \\\n        ", shell_quoted(concat(repeat, "-", o.letter, rest)));
    }
    return out;
}

std::string zsh_script() {
    std::string verbs, cases;
    for (const Command& c : all_commands()) {
        if (!shown(c)) continue;
        verbs += concat("        ", shell_quoted(concat(c.name, ':', zsh_text(c.summary))), "\n");
        cases += concat("    ", c.name, ") _arguments", zsh_options(options_of(c)));
        if (c.operands[0])
            cases += concat(" \\\n        ",
                            shell_quoted(concat("*:", zsh_text(first_operand(c)), ":", zsh_action(first_operand(c)))));
        cases += " ;;\n";
    }
    return concat(
        "#compdef casemate\n# made by 'casemate completion zsh'\n_casemate() {\n    local state line curcontext\n"
        "    local -a verbs\n    verbs=(\n",
        verbs, "    )\n    _arguments -C", zsh_options(global_options()),
        " \\\n        '1:verb:->verb' '*::operand:->operands'\n    case $state in\n"
        "    verb) _describe verb verbs; return ;;\n    operands) ;;\n    *) return ;;\n    esac\n"
        "    case $line[1] in\n",
        cases,
        "    esac\n}\ncompdef _casemate casemate\n"
        "[ \"$funcstack[1]\" = _casemate ] && _casemate\n");
}

// ---- fish ----

std::string fish_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + '\'';
}

std::string fish_offer(std::string_view operand) {
    switch (offer_for(operand)) {
        case Offer::choices: return concat(" -x -a ", fish_quoted(choices(operand)));
        case Offer::files: return " -r -F";
        case Offer::directories: return " -x -a '(__fish_complete_directories)'";
        case Offer::profiles: return concat(" -r -F -a ", fish_quoted(concat('(', profiles_command, ')')));
        case Offer::ids: return concat(" -x -a ", fish_quoted(concat('(', ids_command, ')')));
        case Offer::nothing: break;
    }
    return " -x";
}

std::string fish_options(std::span<const Opt> ids, std::string_view condition) {
    std::string out;
    for (const Opt id : ids) {
        const Option& o = option(id);
        out += concat("complete -c casemate", condition, " -l ", o.name);
        if (o.letter) out += concat(" -s ", o.letter);
        if (o.takes != Takes::nothing) out += fish_offer(o.operand);
        out += concat(" -d ", fish_quoted(o.text), '\n');
    }
    return out;
}

std::string fish_script() {
    std::string out = "# fish completion for casemate; made by 'casemate completion fish'\ncomplete -c casemate -f\n";
    for (const Command& c : all_commands()) {
        if (!shown(c)) continue;
        const std::string condition = concat(" -n '__fish_seen_subcommand_from ", c.name, "'");
        out +=
            concat("complete -c casemate -n __fish_use_subcommand -a ", c.name, " -d ", fish_quoted(c.summary), '\n');
        out += fish_options(options_of(c), condition);
        if (offer_for(first_operand(c)) != Offer::nothing)
            out += concat("complete -c casemate", condition, fish_offer(first_operand(c)), '\n');
    }
    return out + fish_options(global_options(), "");
}

}  // namespace

Result<std::string> completion_script(std::string_view shell) {
    if (shell == "bash") return bash_script();
    if (shell == "zsh") return zsh_script();
    if (shell == "fish") return fish_script();
    constexpr std::string_view shells[] = {"bash", "zsh", "fish"};
    return Error::invalid(concat("completion: unknown shell ", quoted(shell), did_you_mean(shell, shells)))
        .hint("bash, zsh or fish");
}

}  // namespace casemate::cli

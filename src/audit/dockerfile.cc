#include "audit/dockerfile.h"

#include <algorithm>

#include "base/text.h"

namespace casemate::audit {
namespace {

constexpr std::string_view instructions[] = {"ADD",    "ARG",   "CMD",         "COPY",  "ENTRYPOINT", "ENV",
                                             "EXPOSE", "FROM",  "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD",
                                             "RUN",    "SHELL", "STOPSIGNAL",  "USER",  "VOLUME",     "WORKDIR"};
constexpr std::string_view shell = "/bin/sh -c ", comment = "#(nop)", buildkit = "# buildkit";

bool is_name(std::string_view text) {
    return !text.empty() && (text[0] < '0' || text[0] > '9') && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

void take_assignment(std::string_view word, Step& step) {
    const size_t equals = word.find('=');
    if (equals != std::string_view::npos && is_name(word.substr(0, equals)))
        step.build_arguments.emplace_back(word.substr(0, equals), word.substr(equals + 1));
}

// "|2 A=x B=y /bin/sh -c command": build arguments in front, values perhaps with blanks.
std::string_view take_arguments_in_front(std::string_view text, Step& step) {
    const size_t start = text.find(shell);
    if (!text.starts_with('|') || start == std::string_view::npos) return text;
    for (const std::string_view word : split(trimmed(text.substr(1, start - 1)), ' ')) {
        const size_t equals = word.find('=');
        const bool starts = equals != std::string_view::npos && is_name(word.substr(0, equals));
        if (starts) {
            take_assignment(word, step);
        } else if (!step.build_arguments.empty()) {
            step.build_arguments.back().second += concat(' ', word);
        }
    }
    return text.substr(start);
}

// buildah: "/bin/sh -c command|A=x".
std::string_view take_arguments_behind(std::string_view text, Step& step) {
    for (size_t bar; (bar = text.rfind('|')) != std::string_view::npos; text = text.substr(0, bar)) {
        const std::string_view last = text.substr(bar + 1);
        const size_t equals = last.find('=');
        if (equals == std::string_view::npos || !is_name(last.substr(0, equals)) ||
            last.find(' ') != std::string_view::npos)
            break;
        take_assignment(last, step);
    }
    return text;
}

Step rebuild(std::string_view text) {
    Step step;
    text = trimmed(text);
    if (text.ends_with(buildkit)) text = trimmed(text.substr(0, text.size() - buildkit.size()));
    bool runs = false;
    if (text.starts_with("RUN ")) {
        text = trimmed(text.substr(4));
        runs = true;
    }
    text = take_arguments_in_front(text, step);
    if (text.starts_with(shell)) {
        text = trimmed(text.substr(shell.size()));
        runs = !text.starts_with(comment);
        if (!runs) text = trimmed(text.substr(comment.size()));
    }
    if (runs) {
        step.instruction = "RUN";
        step.arguments = take_arguments_behind(text, step);
        return step;
    }
    const std::string_view word = text.substr(0, text.find(' '));
    if (std::ranges::find(instructions, word) != std::end(instructions)) {
        step.instruction = word;
        text = trimmed(text.substr(word.size()));
    }
    step.arguments = text;
    return step;
}

// How many entries at the front are the base image's.
size_t base_length(const std::vector<oci::HistoryEntry>& history, const std::vector<Step>& steps) {
    bool files_follow = false;
    for (size_t i = history.size(); i-- > 0;) {
        if (!history[i].empty_layer) {
            files_follow = true;
        } else if (files_follow && steps[i].instruction == "CMD") {
            return i + 1;
        }
    }
    return !steps.empty() && steps[0].instruction == "ADD" ? 1 : 0;
}

class Splitter {
public:
    explicit Splitter(std::string_view text) : text_(text) {}

    std::vector<Command> commands() {
        for (at_ = 0; at_ < text_.size(); ++at_) step(text_[at_]);
        end_command(false);
        return std::move(commands_);
    }

private:
    void step(char c) {
        if (quote_ != 0) {
            c == quote_ ? static_cast<void>(quote_ = 0) : word_.push_back(c);
        } else if (c == '\'' || c == '"') {
            quote_ = c;
        } else if (c == '\\' && at_ + 1 < text_.size()) {
            if (text_[++at_] != '\n') word_.push_back(text_[at_]);
        } else if (c == ' ' || c == '\t') {
            end_word();
        } else if (c == '&' || c == '|' || c == ';' || c == '\n') {
            const bool twice = at_ + 1 < text_.size() && text_[at_ + 1] == c;
            if (twice) ++at_;
            end_command(c == '|' && !twice);
        } else {
            word_.push_back(c);
        }
    }
    void end_word() {
        const size_t equals = word_.find('=');
        const bool assignment =
            command_.words.empty() && equals != std::string::npos && is_name(std::string_view(word_).substr(0, equals));
        if (!word_.empty() && !assignment) command_.words.push_back(word_);
        word_.clear();
    }
    void end_command(bool piped) {
        end_word();
        command_.piped = piped;
        if (!command_.words.empty()) commands_.push_back(std::move(command_));
        command_ = {};
    }

    std::string_view text_;
    size_t at_ = 0;
    char quote_ = 0;
    std::string word_;
    Command command_;
    std::vector<Command> commands_;
};

}  // namespace

std::vector<Step> rebuild_steps(const std::vector<oci::HistoryEntry>& history) {
    std::vector<Step> steps;
    for (const oci::HistoryEntry& entry : history) {
        steps.push_back(rebuild(entry.created_by));
        steps.back().index = steps.size() - 1;
    }
    const size_t base = base_length(history, steps);
    for (size_t i = 0; i < base; ++i) steps[i].of_base = true;
    return steps;
}

std::vector<Command> shell_commands(std::string_view text) { return Splitter(text).commands(); }

}  // namespace casemate::audit

// --help, man pages and completions: three views of the command table.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/command.h"
#include "cli/output.h"

namespace casemate::cli {

// `available` says whether a program of its own is installed: help names only what can be typed.
std::string overview_help(const Paint& paint, size_t width, bool (*available)(const Command&));
std::string verb_help(const Command& command, const Paint& paint, size_t width);

// roff source: casemate(1) for nullptr, else casemate-VERB(1).
std::string man_page(const Command* command);

// `shell` is bash, zsh or fish; another name is an error.
Result<std::string> completion_script(std::string_view shell);

// How an option is shown: "-p, --publish [ADDR:]HOST:CONTAINER".
std::string option_heading(const Option& option);
std::string_view topic_name(Topic topic);
std::string_view group_name(Group group);  // empty for what help does not show

}  // namespace casemate::cli

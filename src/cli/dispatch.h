// From argv to the exit code.
#pragma once

#include <span>

namespace casemate::cli {

// Parses, sets up messages, calls the verb, reports its error. Never throws.
int run_command_line(std::span<char* const> argv);

}  // namespace casemate::cli

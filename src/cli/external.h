// The verbs that are programs of their own (audit, images, learn ...), as in git: what is not on the way to a start is
// not linked into the launcher.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/command.h"
#include "runtime/runtime.h"

namespace casemate::cli {

// The path of this binary; empty when /proc does not tell.
std::string own_path();

// Is the program of this verb there, beside this binary or in libexec/casemate?
bool is_installed(const Command& command);

// Becomes casemate-VERB with these arguments; comes back only with the error.
Error become_external(const Command& command, const runtime::Settings& settings,
                      std::span<const std::string_view> arguments);

}  // namespace casemate::cli

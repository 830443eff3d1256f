// What launch, plan and probe have in common: the command line as the runtime's options.
#pragma once

#include "base/result.h"
#include "cli/command.h"
#include "runtime/runtime.h"

namespace casemate::cli {

// Flags of the profile become the text of a child profile; the rest is the runtime's own.
Result<runtime::LaunchOptions> launch_options(const Arguments& arguments);

}  // namespace casemate::cli

// The flags of launch, plan and probe as an anonymous child profile (docs/profile.md, layers): one language, one set of
// rules. The loader then judges the values; only what is a matter of spelling is judged here. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/command.h"

namespace casemate::cli {

// The JSON text of the child, or an empty string when no flag speaks of the profile. Errors name the option.
Result<std::string> child_profile(const Arguments& arguments);

}  // namespace casemate::cli

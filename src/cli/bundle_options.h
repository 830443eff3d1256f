// The options that `create` and `run` share.
#pragma once

#include "cli/verbs.h"

namespace casemate::cli {

Result<runtime::CreateOptions> create_options(const verbs::Call& call);

}  // namespace casemate::cli

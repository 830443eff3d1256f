// Removing what an app of a delegated id range left behind: its files belong to ids that a rootless caller may neither
// open nor remove, but that it may become in a user namespace with the same map.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::runtime {

// As sys::remove_scratch, and once more from a user namespace of the caller's range where that was not permitted.
Result<void> remove_tree(FdView directory, const std::string& leaf);

}  // namespace casemate::runtime

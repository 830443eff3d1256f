// Mounts by the places they are at. mountinfo has only what is in a mount namespace: for a process whose root is in a tree that
// is in none it is empty.
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "sys/procfs.h"

namespace casemate::sys {

// The topmost mount at `path`, resolved in `root`, as far as statfs(2) and statx(2) tell: id, type and flags in mountinfo's
// words ("other" for a type that no table here has), never its root, options or propagation. Without a value: nothing is
// mounted there, or nothing is there. Errors: of the calls.
Result<std::optional<MountInfo>> mount_at(FdView root, const std::string& path);

}  // namespace casemate::sys

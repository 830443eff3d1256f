// Removing trees: relative to an open directory, never through a link, never into another mount (U7).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::sys {

// Is the name `leaf` in the directory with this inode to stay?
using Keep = std::function<bool(uint64_t directory_inode, std::string_view leaf)>;

// Removes `leaf` and what is below it, but for names that `keep` wants; a directory that still holds something stays.
// A missing leaf is fine. Errors: more than 256 directories deep (ELOOP), another file system on the way (EXDEV).
Result<void> remove_below(FdView directory, const std::string& leaf, dev_t device, const Keep& keep);
// The same for everything in `directory`, which stays.
Result<void> remove_children(FdView directory, dev_t device, const Keep& keep);

// Removes our own scratch directory `leaf` with everything in it, as deep as it may be: what lies deep is first moved
// up, so that a hostile depth costs no descriptors. Directories without permissions are given them (rootless).
Result<void> remove_scratch(FdView directory, const std::string& leaf);

}  // namespace casemate::sys

// tmpcopyup: what the image has at a mount point, copied into the tmpfs that will cover it.
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace casemate::steps::init {

// `from`: O_PATH of a directory of the image; `to`: the tmpfs, not attached yet. Directories, regular files, symbolic
// links and FIFOs with owner, mode and time; device nodes and sockets of an image are left behind. EOVERFLOW below 64
// directories.
Result<void> copy_up(FdView from, FdView to);

}  // namespace casemate::steps::init

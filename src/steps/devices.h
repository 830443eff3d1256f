// The parts of making /dev that host (root modes) and init (rootless) share.
#pragma once

#include "steps/context.h"

namespace casemate::steps {

// The tmpfs of the plan's mount `index` (kind dev), detached and still writable.
Result<Fd> make_dev_filesystem(const plan::Plan& plan, size_t index);
// The whole /dev of mount `index`, with its nodes: needs CAP_MKNOD outside any user namespace of the container's.
Result<Fd> make_dev(const plan::Plan& plan, const std::vector<BindSource>& binds, size_t index);
// The standard links, and the mount points of the plan's mounts below /dev.
Result<void> fill_dev_directories(const plan::Plan& plan, const std::vector<BindSource>& binds, size_t dev_index, FdView dev);

}  // namespace casemate::steps

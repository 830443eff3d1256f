// What host (root modes) and init (rootless) do alike with the tree of a bind.
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "plan/plan.h"

namespace casemate::steps {

// The attributes of the plan, on a detached tree.
Result<void> set_bind_attributes(FdView tree, const plan::MountPlan& mount);

}  // namespace casemate::steps

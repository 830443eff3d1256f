// What host (root modes) and init (rootless) do alike with the tree of a bind.
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "plan/plan.h"
#include "sys/root.h"

namespace casemate::steps {

// The attributes of the plan, on a detached tree.
Result<void> set_bind_attributes(FdView tree, const plan::MountPlan& mount);

// What of the app's working directory is missing: runc and crun make it, and engines count on it. Where its maker may not write
// it stays missing, which "resolve program" tells.
Result<void> make_working_directory(const sys::Root& root, const std::string& cwd);

}  // namespace casemate::steps

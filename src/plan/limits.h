// config.json's linux.resources as limits of a control group: for the plan, and for `update`.
#pragma once

#include "cgroup/limits.h"
#include "oci/config.h"

namespace casemate::plan {

// What kernels no longer have is refused by name; 0 asks for nothing, as runc and crun take it. Devices are left out:
// they are a policy of their own.
Result<cgroup::Limits> limits_of(const oci::Resources& resources);

}  // namespace casemate::plan

// newuidmap and newgidmap: who may write a map of the caller's delegated range (subuid(5)).
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/result.h"
#include "plan/plan.h"

namespace casemate::steps::host {

// Writes both maps of the user namespace of `pid`. The programs are called by absolute path with an empty environment.
Result<void> write_maps_by_helpers(pid_t pid, const std::vector<plan::IdMapping>& uid_map, const std::vector<plan::IdMapping>& gid_map);

}  // namespace casemate::steps::host

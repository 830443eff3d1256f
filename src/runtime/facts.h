// Reads what the planner must know of this host.
#pragma once

#include "base/result.h"
#include "plan/facts.h"
#include "policy/profile.h"

namespace casemate::runtime {

// What one more process of a container needs: nothing of control groups and mounts. `full` adds what profiles ask for
// (limits, ranges, wildcards).
Result<plan::HostFacts> process_facts(const policy::Profile& profile, bool full);
// All that a container needs.
Result<plan::HostFacts> host_facts(const policy::Profile& profile, bool full);

}  // namespace casemate::runtime

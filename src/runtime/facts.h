// Reads what the planner must know of this host.
#pragma once

#include "base/result.h"
#include "plan/facts.h"
#include "policy/profile.h"

namespace casemate::runtime {

// `run` under `oci` needs a few facts only; `full` adds what profiles ask for (limits, ranges, wildcards).
Result<plan::HostFacts> host_facts(const policy::Profile& profile, bool full);

}  // namespace casemate::runtime

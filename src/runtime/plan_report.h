// What `casemate plan` says of a plan, as a value. Pure: goldens of a fixed plan are compared in a test.
#pragma once

#include "runtime/runtime.h"

namespace casemate::runtime {

// `profile`: the one that the plan was compiled under.
PlanReport report_of(const plan::Plan& plan, const policy::Profile& profile);

}  // namespace casemate::runtime

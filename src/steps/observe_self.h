// What init sees of itself, for the inside half of verify.
#pragma once

#include "plan/expected.h"
#include "steps/context.h"

namespace casemate::steps {

Result<plan::Observed> observe_self(InitContext& context);
// The part of it that only the process itself can tell, by calls on itself: no procfs, so no descriptor of the host.
Result<plan::Observed> observe_self_by_calls(InitContext& context);

}  // namespace casemate::steps

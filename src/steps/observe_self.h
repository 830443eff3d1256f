// What init sees of itself, for the inside half of verify.
#pragma once

#include "plan/expected.h"
#include "steps/context.h"

namespace casemate::steps {

Result<plan::Observed> observe_self(InitContext& context);

}  // namespace casemate::steps

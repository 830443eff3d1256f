// A step: one act of a launch. It carries out what the plan says and never decides.
//
// A step is a row of constants and functions rather than a class with data: all data is in the plan, so a sequence is a
// constexpr table that reads like a table of contents, costs no allocation in init, and can be printed, mutated and
// fault-injected by name (decision record 0005).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "plan/plan.h"
#include "steps/phase.h"

namespace casemate::steps {

struct HostContext;
struct InitContext;

template <typename Context>
struct Step {
    std::string_view name;                        // a verb phrase
    Phase phase;
    bool (*needed)(const plan::Plan&);            // does this plan have it?
    std::string (*describe)(const plan::Plan&);   // for `casemate plan`: one line
    Result<void> (*apply)(Context&);
};

using HostStep = Step<HostContext>;
using InitStep = Step<InitContext>;

}  // namespace casemate::steps

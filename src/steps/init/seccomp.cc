// Puts the filter in force. The planner compiled it: init runs no compiler.
//
// Why last: every call after this one is judged by the profile. The launcher's own last calls are in every filter, and
// `plan` prints them (PROFILE 5.2). Cannot be undone. Kernel: 3.17 for seccomp(2).
#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {

const InitStep load_seccomp{
    "load seccomp filter", Phase::seccomp, [](const plan::Plan& plan) { return !plan.seccomp().program.empty(); },
    [](const plan::Plan& plan) { return concat(plan.seccomp().program.size(), " instructions"); },
    [](InitContext& context) { return sys::load_seccomp(context.plan.seccomp().program, context.plan.seccomp().flags); }};

}  // namespace casemate::steps::init

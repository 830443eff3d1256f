// W^X for the app and everything it execs: no mapping is both writable and executable, none becomes executable later.
#include <sys/prctl.h>

#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {

// PR_SET_MDWE [6.3]; older kernels get the same from the filter (RECIPES section 2). Here, as it hits init's own memory:
// nothing of ours maps code after this.
const InitStep deny_write_execute{
    "deny write+execute", Phase::mdwe, [](const plan::Plan& plan) { return plan.process().mdwe; },
    [](const plan::Plan&) { return std::string("PR_SET_MDWE, inherited by the exec"); },
    [](InitContext&) {
        constexpr int set_mdwe = 65, refuse_exec_gain = 1;
        return sys::prctl(set_mdwe, refuse_exec_gain, "prctl PR_SET_MDWE");
    }};

}  // namespace casemate::steps::init

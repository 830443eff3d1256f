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
    [](InitContext&) -> Result<void> {
        constexpr int set_mdwe = 65, get_mdwe = 66, refuse_exec_gain = 1;
        TRY(sys::prctl(set_mdwe, refuse_exec_gain, "prctl PR_SET_MDWE"));
        // Nobody can see it from outside: what verify calls "checked inside at start" is checked here.
        if (TRY(sys::prctl_get(get_mdwe, 0, "prctl PR_GET_MDWE")) != refuse_exec_gain) return Error::invalid("PR_SET_MDWE had no effect");
        return {};
    }};

}  // namespace casemate::steps::init

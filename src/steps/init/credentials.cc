// no_new_privs and the app's ids. Every error is fatal: crun ignores some, nsjail and youki went on without NNP.
#include <sys/prctl.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {

const InitStep set_no_new_privs{
    "set no_new_privs", Phase::no_new_privs, [](const plan::Plan& plan) { return plan.capabilities().no_new_privs; },
    [](const plan::Plan&) { return std::string("nothing is gained by any exec from here on"); },
    [](InitContext&) { return sys::set_no_new_privs(); }};

// Capabilities are kept over the uid change: the last two capset calls need SETPCAP (SECURITY 6.13). The primary group
// is in the supplementary list too, or a negative group permission could be walked around (CVE-2022-36109).
const InitStep set_ids{
    "set ids", Phase::credentials, [](const plan::Plan&) { return true; },
    [](const plan::Plan& plan) { return concat("uid ", plan.ids().uid, ", gid ", plan.ids().gid, ", ", plan.ids().groups.size(), " groups"); },
    [](InitContext& context) -> Result<void> {
        const plan::IdsPlan& ids = context.plan.ids();
        TRY(sys::prctl(PR_SET_KEEPCAPS, 1, "prctl PR_SET_KEEPCAPS"));
        if (ids.set_groups) TRY(sys::set_groups(ids.groups));
        return sys::set_ids(ids.uid, ids.gid);
    }};

}  // namespace casemate::steps::init

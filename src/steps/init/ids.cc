// Init becomes id 0 of its own user namespace, to have its capabilities when it makes file systems.
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {

// Any uid change clears PDEATHSIG and resets dumpable (measured, RECIPES I2): both come later. With a one-id map uid 0
// does not exist and init already is the app's id with all capabilities of its namespace.
const InitStep become_namespace_root{
    "become namespace root", Phase::session,
    [](const plan::Plan& plan) { return !plan.ids().uid_map.empty() && !plan.ids().single_id(); },
    [](const plan::Plan&) { return std::string("no groups, gid 0, uid 0 of the own user namespace"); },
    [](InitContext&) -> Result<void> {
        TRY(sys::set_groups({}));
        return sys::set_ids(0, 0);
    }};

}  // namespace casemate::steps::init

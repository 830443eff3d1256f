// Landlock, from the mount list: a second wall behind the mount flags. After the last mount call, as a domain denies
// them all; needs no_new_privs, or CAP_SYS_ADMIN in the own user namespace (RECIPES section 4).
#include <fcntl.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {
namespace {

Result<void> restrict(InitContext& context) {
    const plan::LandlockPlan& plan = context.plan.landlock();
    const Fd ruleset = TRY(sys::landlock_create({plan.handled_fs, plan.handled_net, plan.scoped}, plan.abi));
    for (const plan::LandlockRule& rule : plan.rules) {
        auto path = sys::open(rule.path.c_str(), O_PATH | O_NOFOLLOW);
        if (!path) return std::move(path).take_error().within(quoted(rule.path));
        TRY_IN(quoted(rule.path), sys::landlock_allow_path(ruleset, path.value(), rule.access));
    }
    for (const auto& [port, access] : plan.ports) TRY_IN(concat("port ", port), sys::landlock_allow_port(ruleset, port, access));
    return sys::landlock_restrict(ruleset);
}

}  // namespace

const InitStep restrict_with_landlock{
    "restrict with Landlock", Phase::landlock, [](const plan::Plan& plan) { return plan.landlock().enabled; },
    [](const plan::Plan& plan) {
        return concat("ABI ", plan.landlock().abi, ", ", plan.landlock().rules.size(), " paths",
                      plan.landlock().missing.empty() ? "" : ", not on this kernel: ", join(plan.landlock().missing, " "));
    },
    restrict};

}  // namespace casemate::steps::init

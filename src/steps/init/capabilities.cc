// The five capability sets, in the order that was measured to end exact for uid 0 and others, ambient on and off
// (SECURITY 6.13): bounding set, ids, permitted with SETPCAP, ambient, securebits, final sets.
#include <linux/capability.h>
#include <sys/prctl.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {
namespace {

constexpr uint64_t bit(int capability) { return uint64_t{1} << capability; }

bool loads_seccomp_with_privilege(const plan::Plan& plan) {
    return !plan.capabilities().no_new_privs && !plan.seccomp().program.empty();
}

Result<void> set_all(InitContext& context) {
    const plan::CapabilitiesPlan& plan = context.plan.capabilities();
    // Without no_new_privs the filter needs CAP_SYS_ADMIN when it is loaded; the last capset then follows it.
    const uint64_t extra = bit(CAP_SETPCAP) | (loads_seccomp_with_privilege(context.plan) ? bit(CAP_SYS_ADMIN) : 0);
    TRY(sys::capset({plan.effective | extra, plan.permitted | extra, plan.inheritable}));
    TRY(sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, "prctl PR_CAP_AMBIENT_CLEAR_ALL"));
    for (int capability = 0; capability < 64; ++capability) {
        if (!(plan.ambient & bit(capability))) continue;
        if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
            return Error::sys(concat("prctl PR_CAP_AMBIENT_RAISE ", capability));
    }
    if (plan.securebits) TRY(sys::prctl(PR_SET_SECUREBITS, plan.securebits, "prctl PR_SET_SECUREBITS"));
    if (loads_seccomp_with_privilege(context.plan)) return {};
    return sys::capset({plan.effective, plan.permitted, plan.inheritable});
}

}  // namespace

// After every step that enters a user namespace: entering one refills the bounding set (RECIPES I17). Emptying permitted
// alone is no confinement: the kernel gives uid 0 the bounding set at exec.
const InitStep drop_bounding_set{
    "drop bounding set", Phase::credentials, [](const plan::Plan& plan) { return plan.capabilities().drop != 0; },
    [](const plan::Plan& plan) { return concat(__builtin_popcountll(plan.capabilities().drop), " capabilities"); },
    [](InitContext& context) -> Result<void> {
        for (int capability = 0; capability < 64; ++capability)
            if (context.plan.capabilities().drop & bit(capability))
                TRY(sys::prctl(PR_CAPBSET_DROP, static_cast<unsigned long>(capability), "prctl PR_CAPBSET_DROP"));
        return {};
    }};

const InitStep set_capabilities{
    "set capabilities", Phase::credentials, [](const plan::Plan&) { return true; },
    [](const plan::Plan& plan) {
        const plan::CapabilitiesPlan& sets = plan.capabilities();
        return concat(__builtin_popcountll(sets.permitted), " permitted, ", __builtin_popcountll(sets.ambient), " ambient",
                      sets.securebits ? ", securebits locked" : "");
    },
    set_all};

// Only without no_new_privs: the filter must allow capset, and the plan refuses one that does not.
const InitStep drop_last_capabilities{
    "drop last capabilities", Phase::seccomp, loads_seccomp_with_privilege,
    [](const plan::Plan&) { return std::string("CAP_SYS_ADMIN and CAP_SETPCAP, after the filter that needed them"); },
    [](InitContext& context) {
        const plan::CapabilitiesPlan& plan = context.plan.capabilities();
        return sys::capset({plan.effective, plan.permitted, plan.inheritable});
    }};

}  // namespace casemate::steps::init

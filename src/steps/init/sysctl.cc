// Namespaced sysctls, through the private procfs: a file of it cannot be covered (CVE-2025-52881).
#include "base/text.h"
#include "steps/init/steps.h"

namespace casemate::steps::init {

const InitStep write_sysctls{
    "write sysctls", Phase::sysctl, [](const plan::Plan& plan) { return !plan.sysctl().values.empty(); },
    [](const plan::Plan& plan) {
        std::string text;
        for (const auto& [path, value] : plan.sysctl().values) text += concat(text.empty() ? "" : ", ", path, "=", value);
        return text;
    },
    [](InitContext& context) -> Result<void> {
        for (const auto& [path, value] : context.plan.sysctl().values)
            TRY_IN(quoted(path), context.proc->write("sys/" + path, value));
        return {};
    }};

// A second wall behind seccomp: unshare(NEWUSER) is ENOSPC then, and the app's uid cannot raise it (RECIPES I13). Never
// without an own user namespace: there it would be the host's value.
const InitStep forbid_user_namespaces{
    "forbid user namespaces", Phase::sysctl, [](const plan::Plan& plan) { return plan.namespaces().restrict_user_namespaces; },
    [](const plan::Plan&) { return std::string("user.max_user_namespaces=0 in the own user namespace"); },
    [](InitContext& context) { return context.proc->write("sys/user/max_user_namespaces", "0"); }};

}  // namespace casemate::steps::init

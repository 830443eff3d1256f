// What init cannot do for itself inside a user namespace, even as real root: hard limits above its own, and a lower
// oom_score_adj (RECIPES H12, trap T7). Done by pid while init waits.
#include "base/text.h"
#include "steps/host/steps.h"
#include "sys/call.h"

namespace casemate::steps::host {
namespace {

// The files of a process that is not dumpable are root's: rootless, an exec'ed process gets its value by inheritance.
bool inherits_oom_score(const plan::Plan& plan) {
    return plan.exec() && plan.ids().mode == plan::Mode::rootless && plan.process().oom_score_adj.has_value();
}

Result<void> apply_limits(HostContext& context) {
    const plan::ProcessPlan& process = context.plan.process();
    if (process.oom_score_adj && !inherits_oom_score(context.plan))
        TRY_IN("oom_score_adj", context.proc->write(concat(context.pid, "/oom_score_adj"), std::to_string(*process.oom_score_adj)));
    for (const plan::Rlimit& limit : process.rlimits) {
        const auto [soft, hard] = TRY(sys::get_limit(limit.resource));
        if (limit.hard <= hard) continue;
        auto raised = sys::set_limit(context.pid, limit.resource, soft, limit.hard);
        if (!raised)
            return std::move(raised).take_error().within(limit.name).hint(
                concat("raising a hard limit needs CAP_SYS_RESOURCE; ask for at most ", hard));
    }
    return {};
}

}  // namespace

const HostStep take_oom_score{
    "take oom_score_adj", Phase::prepare, inherits_oom_score,
    [](const plan::Plan& plan) { return concat("oom_score_adj ", *plan.process().oom_score_adj, ", for the process to inherit"); },
    [](HostContext& context) -> Result<void> {
        const sys::Procfs proc = TRY(sys::Procfs::host());
        return proc.write("self/oom_score_adj", std::to_string(*context.plan.process().oom_score_adj));
    }};

const HostStep set_process_limits{
    "set limits from outside", Phase::adopt,
    [](const plan::Plan& plan) { return plan.process().oom_score_adj.has_value() || !plan.process().rlimits.empty(); },
    [](const plan::Plan& plan) {
        const auto& adjust = plan.process().oom_score_adj;
        return concat(adjust ? concat("oom_score_adj ", *adjust, "; ") : std::string(), "hard limits above the host's");
    },
    apply_limits};

}  // namespace casemate::steps::host

// CPU and I/O scheduling, by pid while init waits: inside a user namespace even real root may not raise them (RECIPES
// H12).
#include "sys/scheduling.h"

#include "base/text.h"
#include "plan/expected.h"
#include "steps/host/steps.h"

namespace casemate::steps::host {

const HostStep set_scheduling{
    "set scheduling", Phase::adopt,
    [](const plan::Plan& plan) { return plan.process().scheduler.has_value() || plan.process().io_priority.has_value(); },
    [](const plan::Plan& plan) {
        const plan::ProcessPlan& process = plan.process();
        std::string text;
        if (const auto& cpu = process.scheduler) text = plan::scheduler_text(cpu->policy, cpu->nice, cpu->priority);
        if (process.io_priority) text += concat(text.empty() ? "" : ", ", "I/O priority ", *process.io_priority);
        return text;
    },
    [](HostContext& context) -> Result<void> {
        const plan::ProcessPlan& process = context.plan.process();
        if (const auto& cpu = process.scheduler)
            TRY_IN(cpu->name, sys::set_scheduling(context.pid, {cpu->policy, cpu->flags, cpu->nice, cpu->priority, cpu->runtime, cpu->deadline, cpu->period}));
        if (process.io_priority) TRY(sys::set_io_priority(context.pid, *process.io_priority));
        return {};
    }};

}  // namespace casemate::steps::host

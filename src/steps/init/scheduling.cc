// Personality and NUMA policy: properties of the calling process alone, which its execs inherit.
#include "sys/scheduling.h"

#include "base/text.h"
#include "steps/init/steps.h"

namespace casemate::steps::init {

const InitStep set_personality{
    "set personality", Phase::limits, [](const plan::Plan& plan) { return plan.process().personality.has_value(); },
    [](const plan::Plan& plan) { return std::string(*plan.process().personality == 0 ? "LINUX" : "LINUX32"); },
    [](InitContext& context) { return sys::set_personality(*context.plan.process().personality); }};

// After the cgroup attach: nodes that the cpuset does not have are EINVAL.
const InitStep set_memory_policy{
    "set memory policy", Phase::limits, [](const plan::Plan& plan) { return plan.process().memory_policy.has_value(); },
    [](const plan::Plan& plan) { return plan.process().memory_policy->text; },
    [](InitContext& context) -> Result<void> {
        const plan::MemoryPolicyPlan& policy = *context.plan.process().memory_policy;
        auto done = sys::set_memory_policy(policy.mode, policy.nodes);
        if (!done && done.error().code() == ENOSYS) return std::move(done).take_error().hint("this kernel has no NUMA support: leave out linux.memoryPolicy");
        if (!done) return std::move(done).take_error().hint("does this host have the nodes, and does the kernel know the mode?");
        return {};
    }};

}  // namespace casemate::steps::init

// Resource limits that init may set itself: those that lower. Raising ones came from the host (steps/host/limits.cc).
#include <sched.h>
#include <sys/resource.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {

// All but RLIMIT_NOFILE: the steps below open descriptors (set_descriptor_limit).
const InitStep set_limits{
    "set limits", Phase::limits, [](const plan::Plan& plan) { return !plan.process().rlimits.empty(); },
    [](const plan::Plan& plan) {
        std::string text;
        for (const plan::Rlimit& limit : plan.process().rlimits)
            text += concat(text.empty() ? "" : ", ", limit.name, " ", limit.soft, ":", limit.hard);
        return text;
    },
    [](InitContext& context) -> Result<void> {
        for (const plan::Rlimit& limit : context.plan.process().rlimits)
            if (limit.resource != RLIMIT_NOFILE) TRY_IN(limit.name, sys::set_limit(0, limit.resource, limit.soft, limit.hard));
        return {};
    }};

// execCPUAffinity.final: once the process is in the container's cgroup, whose cpuset bounds it.
const InitStep set_cpu_affinity{
    "set CPU affinity", Phase::limits, [](const plan::Plan& plan) { return plan.exec() && !plan.process().final_cpus.empty(); },
    [](const plan::Plan& plan) { return concat(plan.process().final_cpus.size(), " CPUs"); },
    [](InitContext& context) -> Result<void> {
        cpu_set_t set;
        CPU_ZERO(&set);
        for (const unsigned cpu : context.plan.process().final_cpus) CPU_SET(cpu, &set);
        if (::sched_setaffinity(0, sizeof set, &set) < 0) return Error::sys("sched_setaffinity");
        return {};
    }};

namespace {

const plan::Rlimit* descriptor_limit(const plan::Plan& plan) {
    for (const plan::Rlimit& limit : plan.process().rlimits)
        if (limit.resource == RLIMIT_NOFILE) return &limit;
    return nullptr;
}

}  // namespace

// After the last descriptor was placed: a limit may be lower than the numbers used until here.
const InitStep set_descriptor_limit{
    "set descriptor limit", Phase::fds, [](const plan::Plan& plan) { return descriptor_limit(plan) != nullptr; },
    [](const plan::Plan& plan) { return concat("RLIMIT_NOFILE ", descriptor_limit(plan)->soft, ":", descriptor_limit(plan)->hard); },
    [](InitContext& context) {
        const plan::Rlimit& limit = *descriptor_limit(context.plan);
        return sys::set_limit(0, limit.resource, limit.soft, limit.hard);
    }};

}  // namespace casemate::steps::init

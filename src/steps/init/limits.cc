// Resource limits that init may set itself: those that lower. Raising ones came from the host (steps/host/limits.cc).
#include <sys/resource.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {

// RLIMIT_NOFILE last: the others need no descriptor, the steps below do.
const InitStep set_limits{
    "set limits", Phase::limits, [](const plan::Plan& plan) { return !plan.process().rlimits.empty(); },
    [](const plan::Plan& plan) {
        std::string text;
        for (const plan::Rlimit& limit : plan.process().rlimits)
            text += concat(text.empty() ? "" : ", ", limit.name, " ", limit.soft, ":", limit.hard);
        return text;
    },
    [](InitContext& context) -> Result<void> {
        for (const bool last : {false, true})
            for (const plan::Rlimit& limit : context.plan.process().rlimits)
                if ((limit.resource == RLIMIT_NOFILE) == last)
                    TRY_IN(limit.name, sys::set_limit(0, limit.resource, limit.soft, limit.hard));
        return {};
    }};

}  // namespace casemate::steps::init

// The inside half of verify: init reads back everything it can see before Landlock and seccomp close its eyes, through
// the private procfs, and stops the launch on any difference. Acting is not proof (ARCHITECTURE, rule 2).
#include <sys/prctl.h>
#include <unistd.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "steps/observe_self.h"

namespace casemate::steps::init {

const InitStep verify_inside{
    "verify from inside", Phase::verify, [](const plan::Plan&) { return true; },
    [](const plan::Plan&) { return std::string("ids, capabilities, no_new_privs, mounts, limits, namespaces read back and compared"); },
    [](InitContext& context) -> Result<void> {
        const plan::Observed seen = TRY(observe_self(context));
        std::string differences;
        for (const plan::Check& check : plan::compare(context.prepared.expected, seen, plan::Viewpoint::inside))
            if (check.verdict == plan::Verdict::different || check.verdict == plan::Verdict::unseen)
                differences += concat(differences.empty() ? "" : "; ", check.what, ": expected ", check.expected, ", is ", check.seen);
        if (!differences.empty()) return Error::invalid(differences);
        // The procfs of our own is not the app's to have.
        context.proc.reset();
        return {};
    }};

}  // namespace casemate::steps::init

// The inside half of verify: init reads back everything it can see before Landlock and seccomp close its eyes, through
// the private procfs, and stops the launch on any difference. Acting is not proof (ARCHITECTURE, rule 2).
#include <sys/prctl.h>
#include <unistd.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "steps/observe_self.h"

namespace casemate::steps::init {
namespace {

Result<void> judge(const plan::Expected& expected, const plan::Observed& seen) {
    std::string differences;
    for (const plan::Check& check : plan::compare(expected, seen, plan::Viewpoint::inside))
        if (check.verdict == plan::Verdict::different || check.verdict == plan::Verdict::unseen)
            differences += concat(differences.empty() ? "" : "; ", check.what, ": expected ", check.expected, ", is ", check.seen);
    if (!differences.empty()) return Error::invalid(differences);
    return {};
}

}  // namespace

const InitStep verify_inside{
    "verify from inside", Phase::verify, [](const plan::Plan&) { return true; },
    [](const plan::Plan&) { return std::string("ids, capabilities, no_new_privs, mounts, limits, namespaces read back and compared"); },
    [](InitContext& context) -> Result<void> {
        const plan::Observed seen = TRY(observe_self(context));
        TRY(judge(context.prepared.expected, seen));
        // The procfs of our own is not the app's to have.
        context.proc.reset();
        return {};
    }};

// An exec'ed process stands in a hostile container, so it carries no procfs of the host, and the container's is not to be
// believed: here it only asks itself for what nobody else can see. The host reads the rest at "ready".
const InitStep verify_joined{
    "verify what only init sees", Phase::verify, [](const plan::Plan&) { return true; },
    [](const plan::Plan&) { return std::string("securebits, dumpable, session and session keyring read back and compared"); },
    [](InitContext& context) -> Result<void> {
        const plan::Observed seen = TRY(observe_self_by_calls(context));
        const plan::Expected& all = context.prepared.expected;
        plan::Expected visible;
        visible.securebits = all.securebits;
        visible.dumpable = all.dumpable;
        visible.parent_death_signal = all.parent_death_signal;
        visible.own_session = all.own_session;
        visible.own_session_keyring = all.own_session_keyring;
        return judge(visible, seen);
    }};

}  // namespace casemate::steps::init

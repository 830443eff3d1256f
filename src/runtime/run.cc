// `casemate run`: create and start in one, in the foreground or detached.
#include "runtime/create.h"

namespace casemate::runtime {

Result<int> run_bundle(const Settings& settings, const RunOptions& options) {
    std::vector<Fd> preserved = TRY(preserved_descriptors(options));
    launch::SignalGate signals = TRY(launch::SignalGate::close());
    std::optional<Hooks> hooks;
    Site site = TRY(Site::open(settings, options.id));
    Made made = TRY(make_container(settings, options, std::move(preserved), site, signals, false, hooks));
    TRY(hooks->run_poststart(made.running.pid));
    if (options.detached) {
        if (made.notifier) TRY(made.notifier->await_ready(made.running.pid, made.running.pidfd));
        site.hand_over();
        hooks->container_stays();
        (void)made.owner.release();
        return 0;
    }
    const launch::Ending ending = TRY(launch::supervise(made.plan, made.running, signals, {}, {made.terminal ? &*made.terminal : nullptr, made.notifier ? &*made.notifier : nullptr}));
    (void)made.owner.release();  // reaped
    if (options.keep) site.keep_record(), hooks->container_stays();
    return ending.code;
}

}  // namespace casemate::runtime

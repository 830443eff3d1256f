// `casemate run`: create and start in one, in the foreground or detached.
#include "runtime/create.h"

namespace casemate::runtime {

Result<int> run_bundle(const Settings& settings, const RunOptions& options) {
    launch::SignalGate signals = TRY(launch::SignalGate::close());
    Site site = TRY(Site::open(settings, options.id));
    Made made = TRY(make_container(options, site, signals, false));
    if (options.detached) {
        site.keep_record();
        (void)made.owner.release();
        return 0;
    }
    const launch::Ending ending = TRY(launch::supervise(made.plan, made.running, signals, {}));
    (void)made.owner.release();  // reaped
    if (options.keep) site.keep_record();
    return ending.code;
}

}  // namespace casemate::runtime

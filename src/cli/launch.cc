// `casemate launch`: the main job. The reading order goes on in runtime/launch.cc.
#include "base/text.h"
#include "cli/child_profile.h"
#include "cli/launch_options.h"
#include "cli/verbs.h"

namespace casemate::cli {

Result<runtime::LaunchOptions> launch_options(const Arguments& arguments) {
    // Of the OCI verbs' bundles; an option without an effect would be a promise not kept.
    if (arguments.has(Opt::systemd_cgroup) || arguments.value(Opt::cgroup_manager, "cgroupfs") != "cgroupfs")
        return Error::with_code(ENOSYS, concat(arguments.command->name, ": '--systemd-cgroup' and '--cgroup-manager' are for create and run: the group here is the launcher's own"));
    runtime::LaunchOptions options;
    if (!arguments.operands.empty()) options.source = arguments.operands[0];
    options.command = arguments.tail_strings();
    options.profile = arguments.value(Opt::profile);
    options.child_profile = TRY(child_profile(arguments));
    options.ref = arguments.value(Opt::ref);
    options.user = arguments.value(Opt::user);
    options.cwd = arguments.value(Opt::cwd);
    options.id = arguments.value(Opt::name);
    options.pid_file = arguments.value(Opt::pid_file);
    options.report = arguments.value(Opt::report);
    options.detach = arguments.has(Opt::detach);
    options.keep = !arguments.has(Opt::rm);
    options.terminal = arguments.has(Opt::tty);
    return options;
}

Result<int> verbs::launch(const Call& call) {
    return runtime::launch(call.settings, TRY(launch_options(call.arguments)));
}

}  // namespace casemate::cli

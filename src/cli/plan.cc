// `casemate plan`: what launch or run would do.
#include "base/text.h"
#include "cli/launch_options.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli {
namespace {

Result<runtime::PlanReport> planned(const verbs::Call& call) {
    const Arguments& arguments = call.arguments;
    const bool bundle = arguments.has(Opt::bundle);
    if (arguments.operands.empty() != bundle)
        return Error::invalid("plan: either SOURCE or --bundle DIR").hint("see 'casemate plan --help'");
    const runtime::LaunchOptions options = TRY(launch_options(arguments));
    if (!bundle) return runtime::plan_launch(call.settings, options);
    // config.json says all of it: a flag that changed nothing would mislead.
    if (!options.child_profile.empty() || !options.command.empty())
        return Error::invalid("plan: with --bundle the app is what config.json says; only --profile may be given");
    return runtime::plan_bundle(call.settings, std::string(arguments.value(Opt::bundle)), call.profile());
}

}  // namespace

Result<int> verbs::plan(const Call& call) {
    const runtime::PlanReport report = TRY(planned(call));
    TRY(print(call.arguments.value(Opt::plan_format) == "json" ? report.json() : report.text()));
    return report.refused.empty() ? 0 : 1;
}

}  // namespace casemate::cli

// `casemate probe`: 0 no surprise, 1 a surprise, 2 probe failed.
#include "cli/launch_options.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli {

Result<int> verbs::probe(const Call& call) {
    const Arguments& arguments = call.arguments;
    const std::string format(arguments.value(Opt::probe_format, "text"));
    const bool colour = paint_for(1, arguments.value(Opt::color)).on();
    const runtime::LaunchOptions options = TRY(launch_options(arguments));
    const runtime::ProbeOutcome outcome = TRY(runtime::probe(call.settings, options, format, colour));
    TRY(print(outcome.report));
    return outcome.surprised ? 1 : 0;
}

}  // namespace casemate::cli

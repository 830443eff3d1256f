// `casemate run`: a bundle under the OCI rules, in the foreground or detached.
#include "cli/bundle_options.h"

namespace casemate::cli {

Result<int> verbs::run(const Call& call) {
    runtime::RunOptions options;
    static_cast<runtime::CreateOptions&>(options) = TRY(create_options(call));
    options.detached = call.arguments.has(Opt::detach);
    options.keep = call.arguments.has(Opt::keep);
    return runtime::run_bundle(call.settings, options);
}

}  // namespace casemate::cli

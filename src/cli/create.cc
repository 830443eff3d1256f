// `casemate create` and `casemate start`: the two halves of a container's start, as engines call them.
#include "cli/bundle_options.h"
#include "cli/verbs.h"

namespace casemate::cli {

Result<int> verbs::create(const Call& call) {
    const runtime::CreateOptions options = TRY(create_options(call));
    TRY(runtime::create(call.settings, options));
    return 0;
}

Result<int> verbs::start(const Call& call) {
    TRY(runtime::start(call.settings, std::string(call.arguments.operands[0])));
    return 0;
}

}  // namespace casemate::cli

// `casemate delete`: containerd calls it twice; with --force an unknown id is no error.
#include "cli/verbs.h"

namespace casemate::cli {

Result<int> verbs::delete_container(const Call& call) {
    TRY(runtime::remove(call.settings, std::string(call.arguments.operands[0]), call.arguments.has(Opt::force)));
    return 0;
}

}  // namespace casemate::cli

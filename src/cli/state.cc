// `casemate state`: the JSON that engines and hooks parse.
#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli {

Result<int> verbs::state(const Call& call) {
    const oci::State state = TRY(runtime::state(call.settings, std::string(call.arguments.operands[0])));
    TRY(print(concat(oci::to_json(state), '\n')));
    return 0;
}

}  // namespace casemate::cli

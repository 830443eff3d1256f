// `casemate list`: runc's table, its JSON array, or ids only.
#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli {

Result<int> verbs::list(const Call& call) {
    const Arguments& arguments = call.arguments;
    const std::vector<oci::State> states = TRY(runtime::list(call.settings));
    std::string text;
    if (arguments.has(Opt::quiet)) {
        for (const oci::State& state : states) text += concat(state.id, '\n');
    } else if (arguments.value(Opt::list_format) == "json") {
        text = concat(oci::to_json(states), '\n');
    } else {
        std::vector<std::vector<std::string>> rows = {{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
        for (const oci::State& state : states)
            rows.push_back({state.id, std::to_string(state.pid), std::string(oci::name_of(state.status)), state.bundle,
                            state.created, state.owner});
        text = table(rows, paint_for(1, arguments.value(Opt::color)));
    }
    TRY(print(text));
    return 0;
}

}  // namespace casemate::cli

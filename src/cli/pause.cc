// `casemate pause`, `resume` and `ps`.

#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli {
Result<int> verbs::pause(const Call& call) {
    TRY(runtime::pause(call.settings, std::string(call.arguments.operands[0])));
    return 0;
}

Result<int> verbs::resume(const Call& call) {
    TRY(runtime::resume(call.settings, std::string(call.arguments.operands[0])));
    return 0;
}

Result<int> verbs::ps(const Call& call) {
    const std::vector<pid_t> pids = TRY(runtime::processes(call.settings, std::string(call.arguments.operands[0])));
    if (call.arguments.value(Opt::ps_format) != "json") {
        const std::string text = TRY(runtime::ps_table(pids, call.arguments.tail_strings()));
        TRY(print(text));
        return 0;
    }
    std::string text;
    for (const pid_t pid : pids) text += concat(text.empty() ? "[" : ",", pid);
    TRY(print(concat(text.empty() ? "[" : text, "]\n")));
    return 0;
}

}  // namespace casemate::cli

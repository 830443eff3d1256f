// `casemate help` and `casemate completion`: casemate about itself.
#include "base/text.h"
#include "cli/external.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli::verbs {

Result<int> completion(const Call& call) {
    const std::string script = TRY(completion_script(call.arguments.operands[0]));
    TRY(print(script));
    return 0;
}

Result<int> help(const Call& call) {
    const auto& operands = call.arguments.operands;
    const Command* command = operands.empty() ? nullptr : find_command(operands[0]);
    if (!operands.empty() && !command) return Error::invalid(concat("help: unknown verb ", quoted(operands[0])));
    const Paint paint = paint_for(1, call.arguments.value(Opt::color));
    std::string text;
    if (call.arguments.has(Opt::man))
        text = man_page(command);
    else
        text = command ? verb_help(*command, paint, columns_of(1)) : overview_help(paint, columns_of(1), is_installed);
    TRY(print(text));
    return 0;
}

}  // namespace casemate::cli::verbs

// `casemate kill`: podman sends 15, CRI-O sends KILL, people send SIGTERM.
#include "base/text.h"
#include "cli/verbs.h"
#include "oci/signal.h"

namespace casemate::cli {

Result<int> verbs::kill(const Call& call) {
    const auto& operands = call.arguments.operands;
    const std::string_view word = operands.size() > 1 ? operands[1] : "SIGTERM";
    // kill(2): 0 asks whether there is a process, and sends nothing. No stop signal can be it, so the parser does not know it.
    const auto signal = word == "0" ? std::optional(0) : oci::parse_signal(word);
    if (!signal) return Error::invalid(concat("kill: unknown signal ", quoted(word)));
    TRY(runtime::kill(call.settings, std::string(operands[0]), *signal, call.arguments.has(Opt::all)));
    return 0;
}

}  // namespace casemate::cli

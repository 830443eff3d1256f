// The app's own terminal: its size, and the devpts that it is made in.
#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {

Result<void> Compiler::terminal() {
    if (!config_.process->terminal) return {};  // consoleSize without a terminal asks for nothing (config.md, Process)
    TerminalPlan plan;
    const std::vector<MountPlan>& mounts = plan_.mounts_.mounts;
    for (size_t i = 0; i < mounts.size(); ++i)
        if (mounts[i].kind == MountKind::devpts && mounts[i].destination == "/dev/pts") plan.devpts = i;
    if (request_.exec) plan.devpts.reset();  // that of the running container
    if (!plan.devpts && !request_.exec)
        return Error::invalid("config.json: $.process.terminal: needs a mount of type devpts at '/dev/pts'");
    if (!plan_.process_.new_session) return Error::invalid("config.json: $.process.terminal: needs a session of the app's own");
    if (const auto& size = config_.process->console_size) {
        if (size->first > UINT16_MAX || size->second > UINT16_MAX)
            return Error::invalid("config.json: $.process.consoleSize: more than 65535 rows or columns");
        plan.rows = static_cast<uint16_t>(size->first);
        plan.columns = static_cast<uint16_t>(size->second);
    }
    plan_.process_.terminal = plan;
    return {};
}

}  // namespace casemate::plan

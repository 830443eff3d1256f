// `casemate verify`: 0 all as planned, 1 a difference, 2 verify failed.
#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli {
namespace {

Result<proof::Verification> verification(const verbs::Call& call) {
    const Arguments& arguments = call.arguments;
    if (arguments.operands.empty() == !arguments.has(Opt::pid))
        return Error::invalid("verify: either ID or --pid N").hint("see 'casemate verify --help'");
    if (!arguments.has(Opt::pid)) return runtime::verify_id(call.settings, std::string(arguments.operands[0]));
    const auto pid = parse_decimal(arguments.value(Opt::pid), INT32_MAX);
    if (!pid || *pid == 0) return Error::invalid(concat("verify: ", quoted(arguments.value(Opt::pid)), " is no pid"));
    return runtime::verify_pid(call.settings, static_cast<pid_t>(*pid), call.profile());
}

}  // namespace

Result<int> verbs::verify(const Call& call) {
    const proof::Verification seen = TRY(verification(call));
    const bool json = call.arguments.value(Opt::verify_format) == "json";
    const bool colour = paint_for(1, call.arguments.value(Opt::color)).on();
    TRY(print(json ? concat(proof::to_json(seen), '\n') : proof::to_table(seen, colour)));
    return seen.exit_status();
}

}  // namespace casemate::cli

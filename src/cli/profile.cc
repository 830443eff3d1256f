// `casemate profile list|show|check|schema`.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli {
namespace {

std::string list_text(const Paint& paint) {
    std::vector<std::vector<std::string>> rows = {{"NAME", "FROM", "DESCRIPTION"}};
    for (const runtime::ProfileEntry& entry : runtime::profiles())
        rows.push_back({entry.name, entry.where, entry.description});
    return table(rows, paint);
}

// Every file is checked; the last error decides, those before are reported here.
Result<int> check(std::span<const std::string_view> names) {
    Result<int> result = 0;
    for (const std::string_view name : names) {
        const Result<policy::Profile> loaded = runtime::load_profile(std::string(name));
        if (loaded) {
            TRY(print(concat(printable(name), ": ok\n")));
            continue;
        }
        if (!result) report_error(result.error());
        result = loaded.error();
    }
    return result;
}

}  // namespace

Result<int> verbs::profile(const Call& call) {
    constexpr std::array<std::string_view, 4> actions = {"list", "show", "check", "schema"};
    const std::span<const std::string_view> operands = call.arguments.operands;
    const std::string_view action = operands[0];
    const std::span<const std::string_view> names = operands.subspan(1);
    const bool takes_names = action == "show" || action == "check";
    if (std::find(actions.begin(), actions.end(), action) == actions.end())
        return Error::invalid(concat("profile: unknown action ", quoted(action), did_you_mean(action, actions)))
            .hint("list, show NAME, check FILE... or schema");
    if (takes_names == names.empty() || (action == "show" && names.size() > 1))
        return Error::invalid(
                   concat("profile ", action, takes_names ? ": the name of a profile is wanted" : ": takes no name"))
            .hint("see 'casemate profile --help'");

    if (action == "check") return check(names);
    std::string text;
    if (action == "list") text = list_text(paint_for(1, call.arguments.value(Opt::color)));
    if (action == "show") text = concat(policy::to_json(TRY(runtime::load_profile(std::string(names[0])))), '\n');
    if (action == "schema") text = runtime::profile_schema();
    TRY(print(text));
    return 0;
}

}  // namespace casemate::cli

// `casemate events`: one line of JSON an event, as go-runc reads them.
#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli {
namespace {

// Go's durations, as far as people type them: "5s", "500ms", "1m", "2h".
Result<int> parse_interval(std::string_view text) {
    constexpr std::pair<std::string_view, uint64_t> units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    for (const auto& [unit, scale] : units) {
        if (!text.ends_with(unit)) continue;
        const auto number = parse_decimal(text.substr(0, text.size() - unit.size()), 86400000 / scale);
        if (number && *number > 0) return static_cast<int>(*number * scale);
    }
    return Error::invalid(concat("events: '--interval': ", quoted(text), " is no time such as 5s"));
}

}  // namespace

Result<int> verbs::events(const Call& call) {
    const std::string id(call.arguments.operands[0]);
    const int interval_ms = TRY(parse_interval(call.arguments.value(Opt::interval, "5s")));
    if (call.arguments.has(Opt::stats)) {
        const std::string line = TRY(runtime::stats_line(call.settings, id));
        TRY(print(line));
        return 0;
    }
    TRY(runtime::watch_events(call.settings, id, interval_ms, [](const std::string& line) { return print(line); }));
    return 0;
}

}  // namespace casemate::cli

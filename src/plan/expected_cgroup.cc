// Where the container must be among the host's groups, and what the files of its limits must say.
#include "base/text.h"
#include "plan/expected.h"

namespace casemate::plan {
namespace {

// One number, or no bound at all. Other values the kernel prints in another form than it takes.
bool is_comparable(const cgroup::Setting& setting) {
    return setting.missing == cgroup::Missing::is_error &&
           (setting.file == "cpu.max" || setting.value == "max" || setting.value == "-1" || parse_decimal(setting.value));
}

// Bytes are rounded down to pages; "no limit" is a huge number on v1; cpu.max has a period that not everybody names.
bool says(std::string_view seen, std::string_view wanted) {
    constexpr uint64_t page = 4096, v1_unlimited = uint64_t{1} << 62;
    if (seen == wanted || (seen.starts_with(wanted) && seen.substr(wanted.size()).starts_with(" "))) return true;
    const auto number = parse_decimal(seen), asked = parse_decimal(wanted);
    // Below a page these are no bytes but numbers and switches.
    if (number && asked) return *asked >= page && *number == *asked / page * page;
    return number && *number >= v1_unlimited && wanted == "-1";
}

// v1's memory.oom_control takes one number and prints three lines, the first "oom_kill_disable N".
std::string_view as_written(const std::string& file, std::string_view seen) {
    constexpr std::string_view first = "oom_kill_disable ";
    if (!file.ends_with("/memory.oom_control") || !seen.starts_with(first)) return seen;
    return seen.substr(first.size(), seen.find('\n') - first.size());
}

bool is_in(std::string_view seen, const std::string& group) {
    // Seen from another cgroup namespace or a mount of a part, more may stand before it.
    return seen.ends_with(group) || seen.find(group + "/") != std::string_view::npos;
}

}  // namespace

void expect_cgroup(Expected& out, const cgroup::Draft& draft) {
    std::string group;
    for (const std::string& component : draft.components) group += concat("/", component);
    out.cgroup = group;
    for (const cgroup::Path& path : draft.paths()) out.cgroup_controllers.push_back(path.controllers);
    for (const cgroup::Setting& setting : draft.settings) {
        const cgroup::Hierarchy* hierarchy = draft.layout.holding(setting.controller);
        if (hierarchy && is_comparable(setting)) out.cgroup_limits[concat(hierarchy->mount_point, group, "/", setting.file)] = setting.value;
    }
}

void compare_cgroup(const Expected& expected, const Observed& seen, std::vector<Check>& checks) {
    if (!expected.cgroup) return;
    Check membership{"cgroup", *expected.cgroup, *expected.cgroup, Verdict::ok, true};
    for (const std::string& controllers : expected.cgroup_controllers) {
        const auto found = seen.cgroups.find(controllers);
        if (found != seen.cgroups.end() && is_in(found->second, *expected.cgroup)) continue;
        membership.verdict = Verdict::different;
        membership.seen = concat(controllers.empty() ? "v2" : controllers, ": ", found == seen.cgroups.end() ? "none" : found->second);
    }
    checks.push_back(std::move(membership));
    for (const auto& [file, wanted] : expected.cgroup_limits) {
        const std::string what = concat("cgroup.", file.substr(file.rfind('/') + 1));
        const auto found = seen.cgroup_limits.find(file);
        if (found == seen.cgroup_limits.end())
            checks.push_back({what, wanted, "not seen", Verdict::unseen, true});
        else
            checks.push_back({what, wanted, found->second, says(as_written(file, found->second), wanted) ? Verdict::ok : Verdict::different, true});
    }
}

}  // namespace casemate::plan

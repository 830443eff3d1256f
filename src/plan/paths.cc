// Masked and read-only paths: config.json's and the profile's, wildcards expanded from the host's facts.
#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {
namespace {

void add(std::vector<std::string>& list, const std::string& path) {
    if (std::find(list.begin(), list.end(), path) == list.end()) list.push_back(path);
}

}  // namespace

Result<void> Compiler::paths() {
    MountsPlan& plan = plan_.mounts_;
    const auto take = [&](std::vector<std::string>& into, const std::vector<std::string>& from) -> Result<void> {
        for (const std::string& path : from) {
            if (!is_normal_path(path) || path == "/") return Error::invalid(concat(quoted(path), " is not an absolute, normal path"));
            if (path.find('*') == std::string::npos) {
                add(into, path);
                continue;
            }
            const auto known = std::find_if(facts_.path_matches.begin(), facts_.path_matches.end(), [&](const auto& entry) { return entry.first == path; });
            // OCI has no wildcards: a star of config.json is a star.
            if (known == facts_.path_matches.end()) add(into, path);
            else
                for (const std::string& match : known->second) add(into, match);
        }
        return {};
    };
    TRY_IN("config.json: $.linux.maskedPaths", take(plan.masked_paths, config_.linux_.masked_paths));
    TRY_IN("config.json: $.linux.readonlyPaths", take(plan.readonly_paths, config_.linux_.readonly_paths));
    if (profile_.filesystem.masked_paths) TRY_IN("filesystem.maskedPaths", take(plan.masked_paths, *profile_.filesystem.masked_paths));
    if (profile_.filesystem.readonly_paths) TRY_IN("filesystem.readonlyPaths", take(plan.readonly_paths, *profile_.filesystem.readonly_paths));
    return {};
}

}  // namespace casemate::plan

// The shipped profiles, compiled in from profiles/*.json, so that the single binary works alone.
#include "base/text.h"
#include "policy/built_in_profiles.h"  // generated: cmake/profiles.cmake
#include "policy/profile.h"

namespace casemate::policy {

const char* built_in_profile(std::string_view name) {
    for (const auto& [known, text] : built_in_profiles)
        if (known == name) return text;
    return nullptr;
}

std::vector<std::string_view> built_in_names() {
    std::vector<std::string_view> names;
    for (const auto& [name, text] : built_in_profiles) names.push_back(name);
    return names;
}

std::string_view profile_schema() { return built_in_schema; }

Result<Source> BuiltInReader::read(const std::string& name_or_path, const std::string&) {
    const char* const text = built_in_profile(name_or_path);
    if (!text) return Error::with_code(ENOENT, concat("no built-in profile ", quoted(name_or_path)));
    return Source{name_or_path, text, ""};
}

std::vector<std::string> BuiltInReader::names() {
    const auto names = built_in_names();
    return {names.begin(), names.end()};
}

}  // namespace casemate::policy

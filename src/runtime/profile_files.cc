#include "runtime/profile_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <memory>

#include "base/text.h"
#include "json/value.h"
#include "runtime/runtime.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

constexpr const char* directories[] = {"/etc/casemate/profiles", "/usr/share/casemate/profiles"};
constexpr size_t profile_limit = size_t{256} << 10;

// For root: root's, not writable by group or others. For a user: root's or the user's, not writable by others.
Result<void> check_owner(const struct stat& status) {
    const uid_t self = ::geteuid();
    if (!S_ISREG(status.st_mode)) return Error::invalid("not a regular file");
    if (status.st_uid != 0 && status.st_uid != self) return Error::with_code(EPERM, concat("belongs to uid ", status.st_uid, "; it must be root's or yours"));
    const mode_t others = self == 0 ? S_IWGRP | S_IWOTH : S_IWOTH;
    if (status.st_mode & others) return Error::with_code(EPERM, "others may write it").hint("chmod go-w");
    return {};
}

Result<std::string> read_owned(const std::string& path, size_t limit) {
    const Fd file = TRY(sys::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
    const struct stat status = TRY(sys::fstat(file));
    TRY(check_owner(status));
    return sys::read_all(file, limit);
}

Result<policy::Source> read_path(const std::string& path, const std::string& name) {
    policy::Source source;
    source.name = name;
    source.text = TRY_IN(concat("profile ", quoted(name)), read_owned(path, profile_limit));
    // Relative bind sources are relative to the file (PROFILE 1.8).
    char resolved[PATH_MAX];
    const std::string directory = path.find('/') == std::string::npos ? "." : path.substr(0, path.rfind('/') + 1);
    if (!::realpath(directory.c_str(), resolved)) return Error::sys("realpath").within(quoted(directory));
    source.directory = resolved;
    return source;
}

}  // namespace

Result<policy::Source> ProfileFiles::read(const std::string& name_or_path, const std::string& from) {
    if (name_or_path.find('/') != std::string::npos) {
        const bool relative = name_or_path.front() != '/' && from.find('/') != std::string::npos;
        const std::string path = relative ? from.substr(0, from.rfind('/') + 1) + name_or_path : name_or_path;
        return read_path(path, path);
    }
    for (const char* directory : directories) {
        const std::string path = concat(directory, "/", name_or_path, ".json");
        if (::access(path.c_str(), F_OK) == 0) return read_path(path, name_or_path);
    }
    if (const char* text = policy::built_in_profile(name_or_path)) return policy::Source{name_or_path, text, "/"};
    return policy::BuiltInReader().read(name_or_path, from);
}

std::vector<std::string> ProfileFiles::names() {
    std::vector<std::string> names;
    for (const std::string_view name : policy::built_in_names()) names.emplace_back(name);
    for (const char* directory : directories) {
        const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory), ::closedir);
        if (!stream) continue;
        while (const dirent* entry = ::readdir(stream.get()))
            if (const std::string_view file = entry->d_name; file.ends_with(".json")) names.emplace_back(file.substr(0, file.size() - 5));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

Result<HostConfig> read_host_config() {
    constexpr const char* path = "/etc/casemate/casemate.json";
    HostConfig config;
    if (::access(path, F_OK) < 0 && errno == ENOENT) return config;
    const std::string text = TRY_IN(path, read_owned(path, profile_limit));
    const json::Document document = TRY_IN(path, json::Document::parse(text));
    const auto wrong = [&](std::string_view where, std::string_view what) { return Error::invalid(concat(path, ": ", where, ": ", what)); };
    if (!document.root().is_object()) return wrong("$", "expected an object");
    for (const json::Member& section : document.root().members()) {
        if (section.key != "launch" && section.key != "oci" && section.key != "idPool") return wrong(section.key, "unknown key");
        if (!section.value.is_object()) return wrong(section.key, "expected an object");
        for (const json::Member& member : section.value.members()) {
            const std::string name = concat(section.key, ".", member.key);
            std::string* word = name == "launch.profile" ? &config.launch_profile : name == "launch.ceiling" ? &config.launch_ceiling
                                : name == "oci.ceiling"  ? &config.oci_ceiling : nullptr;
            uint32_t* number = name == "idPool.first" ? &config.pool_first : name == "idPool.count" ? &config.pool_count : nullptr;
            if (!word && !number) return wrong(name, "unknown key");
            if (word && !member.value.is_string()) return wrong(name, "expected a string");
            if (number && (!member.value.is_integer() || member.value.negative() || member.value.unsigned_integer() > UINT32_MAX)) return wrong(name, "expected a number below 2^32");
            if (word) *word = member.value.string();
            if (number) *number = static_cast<uint32_t>(member.value.unsigned_integer());
        }
    }
    if (config.pool_first % 65536 != 0 || config.pool_first == 0 || config.pool_count < 65536 || uint64_t{config.pool_first} + config.pool_count > UINT32_MAX) return wrong("idPool", "'first' must be a multiple of 65536, 'count' at least that, and both together below 2^32");
    return config;
}

Result<policy::Profile> load_profile(const std::string& name_or_path) {
    ProfileFiles files;
    return policy::load(name_or_path, files);
}

std::string profile_schema() { return std::string(policy::profile_schema()); }

std::vector<ProfileEntry> profiles() {
    std::vector<ProfileEntry> entries;
    ProfileFiles files;
    for (const std::string& name : files.names()) {
        ProfileEntry entry{name, "compiled in", {}};
        for (const char* directory : directories)
            if (entry.where == "compiled in" && ::access(concat(directory, "/", name, ".json").c_str(), F_OK) == 0) entry.where = directory;
        if (const auto profile = policy::load(name, files)) entry.description = profile.value().description;
        else entry.description = "does not load: " + profile.error().text();
        entries.push_back(std::move(entry));
    }
    return entries;
}

}  // namespace casemate::runtime

#include "runtime/facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::runtime {
namespace {

constexpr int pr_get_mdwe = 66;  // [6.3]
constexpr size_t host_file_limit = size_t{1} << 20;

// Empty where the host has no such file, or keeps it from us. That it could not be read just now says nothing about the
// host: a plan made of that would be another one.
Result<std::string> host_file(const char* path) {
    auto file = sys::open(path, O_RDONLY | O_NOCTTY);
    if (!file && (file.error().code() == ENOENT || file.error().code() == ENOTDIR || file.error().code() == EACCES)) return std::string();
    const Fd open = TRY_IN(quoted(path), std::move(file));
    return TRY_IN(quoted(path), sys::read_all(open, host_file_limit));
}

Result<bool> is_executable(const char* path) {
    if (::access(path, X_OK) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return false;
    return Error::sys("access").within(quoted(path));
}

// The caller's name, from the host's own passwd: no NSS in a static program.
Result<std::string> user_name(uint32_t uid) {
    const std::string passwd = TRY(host_file("/etc/passwd"));
    for (const std::string_view line : split(passwd, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() >= 3 && parse_decimal(fields[2]) == uid) return std::string(fields[0]);
    }
    return std::string();
}

Result<std::optional<plan::SubIdRange>> sub_ids(const char* path, const std::string& name, uint32_t id) {
    const std::string text = TRY(host_file(path));
    for (const std::string_view line : split(text, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() != 3 || (fields[0] != name && fields[0] != std::to_string(id))) continue;
        const auto first = parse_decimal(fields[1], UINT32_MAX), count = parse_decimal(fields[2], UINT32_MAX);
        if (first && count && *count > 0) return std::optional(plan::SubIdRange{static_cast<uint32_t>(*first), static_cast<uint32_t>(*count)});
    }
    return std::optional<plan::SubIdRange>();
}

// Names in `directory` that fit a component with one '*'.
Result<std::vector<std::string>> matches(const std::string& pattern) {
    const size_t star = pattern.find('*');
    const size_t begin = pattern.rfind('/', star) + 1;
    const size_t end = std::min(pattern.find('/', star), pattern.size());
    const std::string directory = pattern.substr(0, begin), rest = pattern.substr(end);
    const std::string_view before = std::string_view(pattern).substr(begin, star - begin), after = std::string_view(pattern).substr(star + 1, end - star - 1);
    std::vector<std::string> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
    if (!stream && (errno == ENOENT || errno == EACCES)) return found;
    if (!stream) return Error::sys("opendir");
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == ".." || name.size() < before.size() + after.size() || !name.starts_with(before) || !name.ends_with(after)) continue;
        const std::string path = concat(directory, name, rest);
        if (::access(path.c_str(), F_OK) == 0) found.push_back(path);
    }
    std::sort(found.begin(), found.end());
    return found;
}

// Of this process's own id map: "inside outside count" lines.
Result<uint32_t> host_uid(uint32_t uid) {
    const std::string map = TRY(host_file("/proc/self/uid_map"));
    for (const std::string_view line : split(map, '\n')) {
        const std::vector<std::string> numbers = cgroup::words(line);
        if (numbers.size() != 3) continue;
        const uint64_t inside = parse_decimal(numbers[0]).value_or(UINT64_MAX), outside = parse_decimal(numbers[1]).value_or(0);
        if (uid >= inside && uid - inside < parse_decimal(numbers[2]).value_or(0)) return static_cast<uint32_t>(outside + (uid - inside));
    }
    return uid;
}

Result<void> read_user_namespaces(plan::HostFacts& facts) {
    const std::string most = TRY(host_file("/proc/sys/user/max_user_namespaces"));
    const std::string unprivileged = facts.root() ? std::string() : TRY(host_file("/proc/sys/kernel/unprivileged_userns_clone"));
    if (trimmed(most) == "0") facts.user_namespaces_why = "user.max_user_namespaces=1024";
    else if (trimmed(unprivileged) == "0") facts.user_namespaces_why = "kernel.unprivileged_userns_clone=1";
    facts.user_namespaces = facts.user_namespaces_why.empty();
    return {};
}

Result<int> own_oom_score_adj() {
    const std::string text = TRY(host_file("/proc/self/oom_score_adj"));
    std::string_view digits = trimmed(text);
    const bool negative = digits.starts_with('-');
    if (negative) digits.remove_prefix(1);
    const int size = static_cast<int>(parse_decimal(digits, 1000).value_or(0));
    return negative ? -size : size;
}

Result<void> read_full(const policy::Profile& profile, plan::HostFacts& facts) {
    for (int resource = 0; resource < RLIM_NLIMITS; ++resource)
        if (const auto limit = sys::get_limit(resource)) facts.hard_limits.emplace_back(resource, limit.value().second);
    facts.oom_score_adj = TRY(own_oom_score_adj());
    TRY(read_user_namespaces(facts));
    if (!facts.root() && TRY(is_executable("/usr/bin/newuidmap")) && TRY(is_executable("/usr/bin/newgidmap"))) {
        const std::string name = TRY(user_name(facts.euid));
        facts.subuid = TRY(sub_ids("/etc/subuid", name, facts.euid));
        facts.subgid = TRY(sub_ids("/etc/subgid", name, facts.euid));
    }
    if (profile.filesystem.masked_paths)
        for (const std::string& path : *profile.filesystem.masked_paths)
            if (path.find('*') != std::string::npos) facts.path_matches.emplace_back(path, TRY_IN(quoted(path), matches(path)));
    return {};
}

}  // namespace

Result<plan::HostFacts> process_facts(const policy::Profile& profile, bool full) {
    plan::HostFacts facts;
    utsname names{};
    if (::uname(&names) < 0) return Error::sys("uname");
    facts.kernel = names.release;
    facts.euid = ::geteuid();
    facts.egid = ::getegid();
    facts.nested = !sys::in_initial_user_namespace();
    const std::string text = TRY(host_file("/proc/self/status"));
    const sys::Status status = TRY_IN("/proc/self/status", sys::parse_status(text));
    for (const uint32_t group : status.groups)
        if (group != facts.egid) facts.groups.push_back(group);
    facts.bounding = status.cap_bounding;
    facts.permitted = status.cap_permitted;
    const std::string last_capability = TRY(host_file("/proc/sys/kernel/cap_last_cap"));
    facts.last_capability = static_cast<int>(parse_decimal(trimmed(last_capability), 63).value_or(40));
    facts.landlock_abi = sys::landlock_abi();
    facts.mdwe = ::prctl(pr_get_mdwe, 0UL, 0UL, 0UL, 0UL) >= 0;
    if (!facts.mdwe && errno != EINVAL) return Error::sys("prctl PR_GET_MDWE");
    facts.apparmor = TRY(host_file("/sys/module/apparmor/parameters/enabled")).starts_with('Y');
    facts.selinux = ::access("/sys/fs/selinux/enforce", F_OK) == 0;
    if (full) TRY(read_full(profile, facts));
    return facts;
}

Result<plan::HostFacts> host_facts(const policy::Profile& profile, bool full) {
    plan::HostFacts facts = TRY(process_facts(profile, full));
    facts.resctrl = ::access("/sys/fs/resctrl/schemata", F_OK) == 0;
    facts.cgroup2_mountable = TRY(host_file("/proc/filesystems")).find("\tcgroup2\n") != std::string::npos;
    facts.host_uid = TRY(host_uid(facts.euid));
    facts.systemd = ::access("/run/systemd/system", F_OK) == 0;  // sd_booted(3)
    facts.cgroups = TRY(cgroup::Layout::discover());
    return facts;
}

}  // namespace casemate::runtime

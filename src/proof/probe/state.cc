// What the app is: ids and attempts to change them, the settings that only it can see, its limits, environment and
// descriptors.
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>

#include "base/text.h"
#include "proof/probe/act.h"

namespace casemate::probe {

namespace {

std::string ids(const std::string&) {
    uid_t real = 0, effective = 0, saved = 0;
    gid_t group[3] = {};
    if (getresuid(&real, &effective, &saved) != 0 || getresgid(&group[0], &group[1], &group[2]) != 0) return failed();
    return concat(real, ' ', effective, ' ', saved, ' ', group[0], ' ', group[1], ' ', group[2]);
}

std::string effective_ids(const std::string&) { return concat(geteuid(), ' ', getegid()); }

// Asks for one capability, and to keep no other.
std::string raise_capability(const std::string& object) {
    const auto number = parse_decimal(object, 63);
    if (!number) return "wrong act";
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    data[*number / 32].effective = data[*number / 32].permitted = 1U << *number % 32;
    return outcome(syscall(SYS_capset, &header, data));
}

std::string capabilities(const std::string&) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (syscall(SYS_capget, &header, data) != 0) return failed();
    for (const __user_cap_data_struct& half : data) {
        if (half.effective || half.permitted || half.inheritable)
            return concat("effective ", data[1].effective, ':', data[0].effective);
    }
    return "none";
}

// How many capabilities the bounding set still has.
std::string bounding(const std::string&) {
    int count = 0;
    for (unsigned long capability = 0; capability < 64; ++capability) {
        const int got = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        if (got < 0) break;
        count += got;
    }
    return std::to_string(count);
}

std::string get_setting(const std::string& option) {
    const auto number = parse_decimal(option, 1000);
    if (!number) return "wrong act";
    const int value = prctl(static_cast<int>(*number), 0UL, 0UL, 0UL, 0UL);
    return value < 0 ? failed() : std::to_string(value);
}

// "OPTION A B": prctl(2) with values that would loosen.
std::string set_setting(const std::string& object) {
    std::string rest = object;
    std::array<unsigned long, 3> words{};
    for (unsigned long& word : words) {
        const std::string field = take(rest, ' ');
        const auto value = parse_decimal(field.empty() ? "0" : field);
        if (!value) return "wrong act";
        word = *value;
    }
    return outcome(prctl(static_cast<int>(words[0]), words[1], words[2], 0UL, 0UL));
}

// "RESOURCE SOFT HARD": "ok" when neither is above, and the hard limit cannot be raised again.
std::string limit(const std::string& object) {
    std::string rest = object;
    const auto resource = parse_decimal(take(rest, ' ')), soft = parse_decimal(take(rest, ' ')),
               hard = parse_decimal(rest);
    if (!resource || !soft || !hard) return "wrong act";
    rlimit now{};
    const auto which = static_cast<__rlimit_resource_t>(*resource);
    if (getrlimit(which, &now) != 0) return failed();
    if (now.rlim_cur > *soft || now.rlim_max > *hard) return concat(now.rlim_cur, ' ', now.rlim_max);
    if (now.rlim_max == RLIM_INFINITY) return "ok";
    now.rlim_max = RLIM_INFINITY;
    return setrlimit(which, &now) == 0 ? "raised" : "ok";
}

std::string mask(const std::string&) {
    const unsigned value = umask(0);
    std::string text = "0000";
    for (size_t i = 4, rest = value; i-- > 0; rest >>= 3) text[i] = static_cast<char>('0' + (rest & 7));
    return text;
}

std::string host_name(const std::string&) {
    utsname names{};
    return uname(&names) == 0 ? std::string(names.nodename) : failed();
}

// Numbers of the open descriptors, as runs.
std::string descriptors(const std::string&) {
    constexpr int enough = 65536;
    std::string text;
    for (int fd = 0, first = -1; fd <= enough; ++fd) {
        const bool open_now = fd < enough && fcntl(fd, F_GETFD) >= 0;
        if (open_now && first < 0) first = fd;
        if (open_now || first < 0) continue;
        text += concat(text.empty() ? "" : " ", first);
        if (fd - 1 > first) text += concat('-', fd - 1);
        first = -1;
    }
    return text;
}

// A descriptor that is a directory can be walked up with openat(2).
std::string directory_descriptors(const std::string&) {
    constexpr int enough = 1024;
    for (int fd = 0; fd < enough; ++fd) {
        struct stat info {};
        if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) return concat("descriptor ", fd);
    }
    return "none";
}

std::string working_directory(const std::string&) {
    char path[4096];
    // The raw call: glibc's wrapper turns an outside directory into ENOENT.
    if (syscall(SYS_getcwd, path, sizeof path) < 0) return failed();
    return path;
}

bool name_matches(std::string_view name, std::string_view pattern) {
    const bool front = !pattern.empty() && pattern.front() == '*', back = pattern.size() > 1 && pattern.back() == '*';
    std::string_view core = pattern;
    if (front) core.remove_prefix(1);
    if (back) core.remove_suffix(1);
    if (front && back) return name.find(core) != std::string_view::npos;
    if (front) return name.ends_with(core);
    return back ? name.starts_with(core) : name == core;
}

// "PATTERN PATTERN...": variables that no rule should have let in.
std::string environment(const std::string& patterns) {
    for (char** entry = environ; entry && *entry; ++entry) {
        const std::string_view text = *entry;
        const std::string_view name = text.substr(0, text.find('='));
        for (const std::string_view pattern : split(patterns, ' ')) {
            if (name_matches(name, pattern)) return std::string(name);
        }
    }
    return "none";
}

// A session of its own: no process group of the launcher's terminal to type into.
std::string session(const std::string&) {
    const pid_t app = getppid(), leader = getsid(app);
    return leader == app || leader == 1 ? "own" : "the launcher's";
}

constexpr std::array<Act, 19> acts = {
    {{"ids", ids},
     {"effective-ids", effective_ids},
     {"raise-capability", raise_capability},
     {"capabilities", capabilities},
     {"bounding", bounding},
     {"get-setting", get_setting},
     {"set-setting", set_setting},
     {"limit", limit},
     {"umask", mask},
     {"hostname", host_name},
     {"descriptors", descriptors},
     {"directory-descriptors", directory_descriptors},
     {"working-directory", working_directory},
     {"environment", environment},
     {"session", session},
     {"setuid",
      [](const std::string& id) { return outcome(setuid(static_cast<uid_t>(parse_decimal(id).value_or(0)))); }},
     {"setgid",
      [](const std::string& id) { return outcome(setgid(static_cast<gid_t>(parse_decimal(id).value_or(0)))); }},
     {"setgroups", [](const std::string&) { return outcome(setgroups(0, nullptr)); }},
     {"nice", [](const std::string&) { return outcome(setpriority(PRIO_PROCESS, 0, -20)); }}}};

}  // namespace

std::span<const Act> state_acts() { return acts; }

}  // namespace casemate::probe

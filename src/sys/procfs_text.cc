// Parsers of what procfs says. Strict: a line that is not as proc(5) describes it is an error, because a reader that
// guesses would report a restriction that is not there. Each launch parses these twice, so nothing is copied twice.
#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "sys/procfs.h"

namespace casemate::sys {

namespace {

// Takes the text up to `separator` off the front of `rest`; the whole when there is none.
std::string_view take_until(std::string_view& rest, char separator) {
    const size_t end = rest.find(separator);
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return part;
}

std::string_view take_word(std::string_view& rest) {
    const size_t start = rest.find_first_not_of(" \t");
    if (start == std::string_view::npos) {
        rest = {};
        return {};
    }
    rest.remove_prefix(start);
    const size_t end = rest.find_first_of(" \t");
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end);
    return word;
}

template <typename N>
bool number(std::string_view text, N& out, int base = 10) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return failure == std::errc{} && end == text.data() + text.size() && !text.empty();
}

template <typename N>
bool numbers(std::string_view text, std::vector<N>& out) {
    for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
        N value{};
        if (!number(word, value)) return false;
        out.push_back(value);
    }
    return true;
}

// mountinfo and friends write blank, tab, newline and backslash as \ooo (proc(5)).
std::string unescaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        unsigned code = 0;
        if (text[i] == '\\' && i + 3 < text.size() && number(text.substr(i + 1, 3), code, 8) && code < 256) {
            out += static_cast<char>(code);
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::vector<std::string> comma_separated(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) parts.push_back(unescaped(take_until(text, ',')));
    return parts;
}

// One field of status; false: its value is not what proc(5) says.
bool read_status_field(Status& status, std::string_view key, std::string_view text) {
    const std::string_view word = trimmed(text);
    unsigned flag = 0;
    if (key == "Uid") return numbers(text, status.uids) && status.uids.size() == 4;
    if (key == "Gid") return numbers(text, status.gids) && status.gids.size() == 4;
    if (key == "Groups") return numbers(text, status.groups);
    if (key == "NSpid") return numbers(text, status.pids_by_namespace);
    if (key == "CapInh") return number(word, status.cap_inheritable, 16);
    if (key == "CapPrm") return number(word, status.cap_permitted, 16);
    if (key == "CapEff") return number(word, status.cap_effective, 16);
    if (key == "CapBnd") return number(word, status.cap_bounding, 16);
    if (key == "CapAmb") return number(word, status.cap_ambient, 16);
    if (key == "Umask") return number(word, status.umask, 8);
    if (key == "TracerPid") return number(word, status.tracer_pid);
    if (key == "Seccomp") return number(word, status.seccomp_mode);
    if (key == "Seccomp_filters") return number(word, status.seccomp_filters);
    if (key == "NoNewPrivs") {
        const bool good = number(word, flag) && flag <= 1;
        status.no_new_privs = flag == 1;
        return good;
    }
    return true;  // not ours to judge
}

constexpr std::array<std::string_view, 13> status_needs = {
    "Umask",  "Uid",    "Gid",        "Groups",  "CapInh",          "CapPrm",   "CapEff",
    "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters", "TracerPid"};

// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue" (proc_pid_mountinfo(5)).
bool read_mount_line(std::string_view line, MountInfo& mount) {
    if (!number(take_word(line), mount.id) || !number(take_word(line), mount.parent)) return false;
    if (take_word(line).find(':') == std::string_view::npos) return false;  // major:minor
    mount.root = unescaped(take_word(line));
    mount.mount_point = unescaped(take_word(line));
    mount.flags = comma_separated(take_word(line));
    std::string_view field = take_word(line);
    for (; !field.empty() && field != "-"; field = take_word(line)) mount.optional_fields.emplace_back(field);
    if (field != "-") return false;
    mount.type = unescaped(take_word(line));
    mount.source = unescaped(take_word(line));
    mount.super_options = comma_separated(take_word(line));
    return !mount.mount_point.empty() && !mount.type.empty() && !mount.flags.empty();
}

struct LimitName {
    std::string_view text, name;
};
constexpr std::array<LimitName, 16> limit_names = {{{"Max cpu time", "RLIMIT_CPU"},
                                                    {"Max file size", "RLIMIT_FSIZE"},
                                                    {"Max data size", "RLIMIT_DATA"},
                                                    {"Max stack size", "RLIMIT_STACK"},
                                                    {"Max core file size", "RLIMIT_CORE"},
                                                    {"Max resident set", "RLIMIT_RSS"},
                                                    {"Max processes", "RLIMIT_NPROC"},
                                                    {"Max open files", "RLIMIT_NOFILE"},
                                                    {"Max locked memory", "RLIMIT_MEMLOCK"},
                                                    {"Max address space", "RLIMIT_AS"},
                                                    {"Max file locks", "RLIMIT_LOCKS"},
                                                    {"Max pending signals", "RLIMIT_SIGPENDING"},
                                                    {"Max msgqueue size", "RLIMIT_MSGQUEUE"},
                                                    {"Max nice priority", "RLIMIT_NICE"},
                                                    {"Max realtime priority", "RLIMIT_RTPRIO"},
                                                    {"Max realtime timeout", "RLIMIT_RTTIME"}}};

bool limit_value(std::string_view word, uint64_t& out) {
    if (word != "unlimited") return number(word, out);
    out = UINT64_MAX;
    return true;
}

}  // namespace

Result<Status> parse_status(std::string_view text) {
    Status status;
    unsigned found = 0;
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        const std::string_view key = take_until(line, ':');
        for (size_t i = 0; i < status_needs.size(); ++i) {
            if (status_needs[i] == key) found |= 1u << i;
        }
        if (!read_status_field(status, key, line))
            return Error::invalid(concat("status: wrong value of ", printable(key)));
    }
    for (size_t i = 0; i < status_needs.size(); ++i) {
        if (!(found & 1u << i)) return Error::invalid(concat("status: no line ", status_needs[i]));
    }
    return status;
}

Result<std::vector<MountInfo>> parse_mountinfo(std::string_view text) {
    std::vector<MountInfo> mounts;
    while (!text.empty()) {
        const std::string_view line = take_until(text, '\n');
        if (!read_mount_line(line, mounts.emplace_back()))
            return Error::invalid(concat("mountinfo: wrong line ", quoted(line)));
    }
    return mounts;
}

Result<std::vector<IdMapLine>> parse_id_map(std::string_view text) {
    std::vector<IdMapLine> map;
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        IdMapLine entry;
        if (!number(take_word(line), entry.inside) || !number(take_word(line), entry.outside) ||
            !number(take_word(line), entry.count) || !take_word(line).empty()) {
            return Error::invalid("id map: wrong line");
        }
        map.push_back(entry);
    }
    return map;
}

Result<std::map<std::string, std::pair<uint64_t, uint64_t>>> parse_limits(std::string_view text) {
    std::map<std::string, std::pair<uint64_t, uint64_t>> limits;
    constexpr size_t name_width = 26;  // proc_pid_limits(): "%-25s "
    take_until(text, '\n');            // the heading
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        const std::string_view name = trimmed(line.substr(0, name_width));
        line.remove_prefix(std::min(line.size(), name_width));
        for (const LimitName& known : limit_names) {
            if (known.text != name) continue;
            auto& [soft, hard] = limits[std::string(known.name)];
            if (!limit_value(take_word(line), soft) || !limit_value(take_word(line), hard)) {
                return Error::invalid(concat("limits: wrong value of ", name));
            }
        }
    }
    if (limits.size() != limit_names.size()) return Error::invalid("limits: lines are missing");
    return limits;
}

Result<uint64_t> parse_start_time(std::string_view stat) {
    // The command name may hold blanks and parentheses: fields are counted from the last ')'.
    const size_t name_end = stat.rfind(')');
    if (name_end == std::string_view::npos) return Error::invalid("stat: no command name");
    std::string_view rest = stat.substr(name_end + 1);
    std::string_view word;
    constexpr int after_name = 2, wanted = 22;
    for (int field = after_name; field < wanted; ++field) word = take_word(rest);
    uint64_t ticks = 0;
    if (!number(word, ticks)) return Error::invalid("stat: no start time");
    return ticks;
}

}  // namespace casemate::sys

// The comparison of what must be with what was seen, one function a concern. Init does it before every app: no
// allocation but the report's own.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "plan/expected.h"

namespace casemate::plan {

namespace {

constexpr uint64_t cap_sys_admin = uint64_t{1} << 21, cap_setpcap = uint64_t{1} << 8;
constexpr uint32_t secbit_noroot = 1, overflow_id = 65534;

std::string hex_mask(uint64_t mask) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out(16, '0');
    for (int i = 15; i >= 0; --i, mask >>= 4) out[static_cast<size_t>(i)] = digits[mask & 15];
    return out;
}

template <typename T>
std::string listed(const std::vector<T>& values) {
    std::string out;
    for (const T& value : values) {
        if (!out.empty()) out += ' ';
        if constexpr (std::is_same_v<T, std::string>) {
            out += value;
        } else {
            out += std::to_string(value);
        }
    }
    return out.empty() ? "none" : out;
}

std::string listed_map(const std::vector<IdMapping>& map) {
    std::string out;
    for (const IdMapping& entry : map) {
        out += concat(out.empty() ? "" : ", ", entry.inside, ' ', entry.outside, ' ', entry.count);
    }
    return out.empty() ? "none" : out;
}

std::string limit_text(uint64_t value) { return value == UINT64_MAX ? "unlimited" : std::to_string(value); }

class Comparison {
public:
    Comparison(const Expected& expected, const Observed& seen, Viewpoint viewpoint)
        : expected_(expected), seen_(seen), outside_(viewpoint == Viewpoint::outside) {
        checks_.reserve(64);
    }
    std::vector<Check> run() && {
        ids();
        capabilities();
        privileges();
        namespaces();
        compare_mounts(expected_, seen_, checks_);
        limits();
        if (outside_) compare_cgroup(expected_, seen_, checks_);
        process();
        if (outside_) {
            // Against a profile alone: nobody checked that process when it started.
            const bool launched_by_us = expected_.uids.has_value();
            for (const std::string& what : expected_.inside_only) {
                if (launched_by_us)
                    add(what, "set", "checked inside at start", Verdict::inside_only);
                else
                    add(what, "set", "cannot be seen from outside", Verdict::unseen, false);
            }
        } else {
            inside();
        }
        return std::move(checks_);
    }

private:
    void add(std::string what, std::string expected, std::string seen, Verdict verdict, bool required = true) {
        checks_.push_back({std::move(what), std::move(expected), std::move(seen), verdict, required});
    }
    void add(std::string what, std::string expected, std::string seen, bool good) {
        add(std::move(what), std::move(expected), std::move(seen), good ? Verdict::ok : Verdict::different);
    }
    template <typename T>
    void number(std::string what, const std::optional<T>& expected, const std::optional<T>& seen) {
        if (!expected) return;
        if (!seen) return add(std::move(what), std::to_string(*expected), "not seen", Verdict::unseen);
        add(std::move(what), std::to_string(*expected), std::to_string(*seen), *expected == *seen);
    }

    void label(const char* what, const std::optional<std::string>& expected, const std::optional<std::string>& seen) {
        if (!expected) return;
        add(what, *expected, seen.value_or("not seen"), seen ? (*expected == *seen ? Verdict::ok : Verdict::different) : Verdict::unseen);
    }

    // An id of the container as the observer sees it.
    uint32_t as_seen(const std::optional<std::vector<IdMapping>>& map, uint32_t id) const {
        if (!outside_ || !map) return id;
        for (const IdMapping& entry : *map) {
            if (id >= entry.inside && id - entry.inside < entry.count) return entry.outside + (id - entry.inside);
        }
        return overflow_id;
    }
    void id_list(const char* what, const std::optional<std::vector<uint32_t>>& expected,
                 const std::vector<uint32_t>& seen, const std::optional<std::vector<IdMapping>>& map, bool as_set);
    void ids();
    void host_root();
    void capability_set(const char* what, const std::optional<uint64_t>& expected, uint64_t seen,
                        uint64_t tolerated = 0);
    void capabilities();
    void privileges();
    void namespaces();
    void limits();
    void process();
    void inside();

    const Expected& expected_;
    const Observed& seen_;
    const bool outside_;
    std::vector<Check> checks_;
};

void Comparison::id_list(const char* what, const std::optional<std::vector<uint32_t>>& expected,
                         const std::vector<uint32_t>& seen, const std::optional<std::vector<IdMapping>>& map,
                         bool as_set) {
    if (!expected) return;
    std::vector<uint32_t> wanted, found = seen;
    for (const uint32_t id : *expected) wanted.push_back(as_seen(map, id));
    if (as_set) {
        for (auto* list : {&wanted, &found}) {
            std::sort(list->begin(), list->end());
            list->erase(std::unique(list->begin(), list->end()), list->end());
        }
    }
    add(what, listed(wanted), listed(found), wanted == found);
}

void Comparison::ids() {
    id_list("ids.uid", expected_.uids, seen_.uids, expected_.uid_map, false);
    id_list("ids.gid", expected_.gids, seen_.gids, expected_.gid_map, false);
    id_list("ids.groups", expected_.groups, seen_.groups, expected_.gid_map, true);
    if (expected_.uid_map)
        add("ids.uidMap", listed_map(*expected_.uid_map), listed_map(seen_.uid_map),
            *expected_.uid_map == seen_.uid_map);
    if (expected_.gid_map)
        add("ids.gidMap", listed_map(*expected_.gid_map), listed_map(seen_.gid_map),
            *expected_.gid_map == seen_.gid_map);
    if (expected_.setgroups_allowed) {
        const auto word = [](bool allowed) { return allowed ? "allow" : "deny"; };
        if (!seen_.setgroups_allowed) {
            add("ids.setgroups", word(*expected_.setgroups_allowed), "not seen", Verdict::unseen);
        } else {
            add("ids.setgroups", word(*expected_.setgroups_allowed), word(*seen_.setgroups_allowed),
                *expected_.setgroups_allowed == *seen_.setgroups_allowed);
        }
    }
    if (expected_.host_uid_not_root) host_root();
}

void Comparison::host_root() {
    bool root = seen_.uids.empty() || std::count(seen_.uids.begin(), seen_.uids.end(), 0u) != 0;
    // The map of the reader's own namespace leads to its parent: it says nothing about the ids that are read in it.
    const auto own = seen_.namespaces.find("user"), readers = seen_.host_namespaces.find("user");
    const bool same = own != seen_.namespaces.end() && readers != seen_.host_namespaces.end() && own->second == readers->second;
    if (outside_ && !same) {
        for (const IdMapping& entry : seen_.uid_map) {
            const bool whole_host = entry.inside == 0 && entry.outside == 0 && entry.count == UINT32_MAX;
            if (!whole_host && entry.outside == 0) root = true;
            for (const uint32_t uid : seen_.uids) {
                if (uid >= entry.outside && uid - entry.outside < entry.count &&
                    entry.inside + (uid - entry.outside) == 0)
                    root = true;
            }
        }
    }
    add("ids.runAsNonRoot", "not root, inside and on the host", root ? "root" : "not root", !root);
}

void Comparison::capability_set(const char* what, const std::optional<uint64_t>& expected, uint64_t seen,
                                uint64_t tolerated) {
    if (!expected) return;
    const bool good = expected_.at_most ? (seen & ~*expected) == 0 : (seen & ~tolerated) == (*expected & ~tolerated);
    add(what, hex_mask(*expected), hex_mask(seen), good);
}

void Comparison::capabilities() {
    std::optional<uint64_t> permitted = expected_.cap_permitted, effective = expected_.cap_effective;
    uint64_t tolerated = 0;
    if (!outside_) {
        // Without no_new_privs the last capset comes after seccomp, which needs CAP_SYS_ADMIN until then (RECIPES I17).
        if (expected_.no_new_privs && !*expected_.no_new_privs) tolerated = cap_sys_admin | cap_setpcap;
    } else if (permitted && effective && expected_.uids) {
        // What the exec of the stub makes of them: capabilities(7), "Transformation of capabilities during execve()".
        const bool as_root = expected_.uids->at(1) == 0 && !(expected_.securebits.value_or(0) & secbit_noroot);
        const uint64_t ambient = expected_.cap_ambient.value_or(0);
        permitted = as_root ? expected_.cap_bounding.value_or(0) | expected_.cap_inheritable.value_or(0) : ambient;
        effective = permitted;
    }
    capability_set("capabilities.bounding", expected_.cap_bounding, seen_.cap_bounding);
    capability_set("capabilities.permitted", permitted, seen_.cap_permitted, tolerated);
    capability_set("capabilities.effective", effective, seen_.cap_effective, tolerated);
    capability_set("capabilities.inheritable", expected_.cap_inheritable, seen_.cap_inheritable);
    capability_set("capabilities.ambient", expected_.cap_ambient, seen_.cap_ambient);
}

void Comparison::privileges() {
    if (expected_.no_new_privs && (!expected_.at_most || *expected_.no_new_privs)) {
        const auto word = [](bool set) { return set ? "1" : "0"; };
        add("noNewPrivileges", word(*expected_.no_new_privs), word(seen_.no_new_privs),
            *expected_.no_new_privs == seen_.no_new_privs);
    }
    if (!outside_) return;  // seccomp comes after the inside half
    number<int>("seccomp.mode", expected_.seccomp_mode, seen_.seccomp_mode);
    if (expected_.seccomp_filters) {
        const int wanted = *expected_.seccomp_filters, found = seen_.seccomp_filters;
        add("seccomp.filters", std::to_string(wanted), std::to_string(found),
            expected_.at_most ? found >= wanted : found == wanted);
    }
    if (!expected_.seccomp_program) return;
    const auto size_text = [](std::span<const sock_filter> program) { return concat(program.size(), " instructions"); };
    if (!seen_.seccomp_program) {
        add("seccomp.program", size_text(*expected_.seccomp_program), "not readable", Verdict::unseen, false);
        return;
    }
    const bool same = program_bytes(*expected_.seccomp_program) == program_bytes(*seen_.seccomp_program);
    add("seccomp.program", size_text(*expected_.seccomp_program),
        same ? "the same" : size_text(*seen_.seccomp_program) + ", another program", same);
}

void Comparison::namespaces() {
    for (const std::string& kind : expected_.own_namespaces) {
        const auto own = seen_.namespaces.find(kind), host = seen_.host_namespaces.find(kind);
        const std::string what = "namespace." + kind;
        if (own == seen_.namespaces.end() || host == seen_.host_namespaces.end()) {
            add(what, "its own", "not seen", Verdict::unseen);
        } else {
            add(what, "its own", own->second == host->second ? "the host's" : "its own", own->second != host->second);
        }
    }
    for (const auto& [kind, inode] : expected_.joined_namespaces) {
        const auto found = seen_.namespaces.find(kind);
        if (found == seen_.namespaces.end())
            add("namespace." + kind, std::to_string(inode), "not seen", Verdict::unseen);
        else
            add("namespace." + kind, std::to_string(inode), std::to_string(found->second), found->second == inode);
    }
}

void Comparison::limits() {
    for (const auto& [name, wanted] : expected_.limits) {
        if (!outside_ && name == "RLIMIT_NOFILE") continue;  // set after the last descriptor was placed
        const std::string expected = concat(limit_text(wanted.first), ' ', limit_text(wanted.second));
        const auto found = seen_.limits.find(name);
        if (found == seen_.limits.end()) {
            add("limits." + name, expected, "not seen", Verdict::unseen);
            continue;
        }
        const auto& [soft, hard] = found->second;
        add("limits." + name, expected, concat(limit_text(soft), ' ', limit_text(hard)),
            soft <= wanted.first && hard <= wanted.second);
    }
}

std::string octal(uint32_t value) {
    std::string out = "0000";
    for (size_t i = 4; i-- > 0; value >>= 3) out[i] = static_cast<char>('0' + (value & 7));
    return out;
}

void Comparison::process() {
    if (expected_.umask) {
        const uint32_t wanted = *expected_.umask;
        if (!seen_.umask) {
            add("process.umask", octal(wanted), "not seen", Verdict::unseen);
        } else {
            add("process.umask", octal(wanted), octal(*seen_.umask),
                expected_.at_most ? (*seen_.umask & wanted) == wanted : *seen_.umask == wanted);
        }
    }
    if (expected_.oom_score_adj && expected_.at_most && seen_.oom_score_adj) {
        add("process.oomScoreAdj", concat(*expected_.oom_score_adj, " or more"), std::to_string(*seen_.oom_score_adj),
            *seen_.oom_score_adj >= *expected_.oom_score_adj);
    } else {
        number<int>("process.oomScoreAdj", expected_.oom_score_adj, seen_.oom_score_adj);
    }
    if (expected_.scheduler)
        add("process.scheduler", *expected_.scheduler, seen_.scheduler.value_or("not seen"),
            seen_.scheduler ? (expected_.scheduler == seen_.scheduler ? Verdict::ok : Verdict::different) : Verdict::unseen);
    number<int>("process.ioPriority", expected_.io_priority, seen_.io_priority);
    // An app may change it at any time; only the ptrace right shows it (proc(5)).
    if (expected_.personality && seen_.personality) number<uint32_t>("process.personality", expected_.personality, seen_.personality);
    if (!outside_) return;  // init closes its own at the very end, and labels take effect at the exec
    label("process.apparmorProfile", expected_.apparmor_profile, seen_.apparmor_profile);
    label("process.selinuxLabel", expected_.selinux_label, seen_.selinux_label);
    if (expected_.fds) {
        if (!seen_.fds) {
            add("fds", listed(*expected_.fds), "not seen", Verdict::unseen);
        } else {
            add("fds", listed(*expected_.fds), listed(*seen_.fds), *expected_.fds == *seen_.fds);
        }
    }
    if (seen_.foreign_fds) {
        const std::vector<int> allowed = expected_.foreign_fds.value_or(std::vector<int>{});
        const auto passed_on = [&](int fd) { return std::find(allowed.begin(), allowed.end(), fd) != allowed.end(); };
        add("fds.foreign", allowed.empty() ? "none" : concat("only ", listed(allowed)), listed(*seen_.foreign_fds),
            std::all_of(seen_.foreign_fds->begin(), seen_.foreign_fds->end(), passed_on));
    }
}

// The kernel prints a row of numbers with tabs, people write it with spaces: words are what counts.
std::string words_of(std::string_view text) {
    std::string words;
    for (const char c : text) {
        const bool space = c == ' ' || c == '\t' || c == '\n';
        if (!space) words += c;
        else if (!words.empty() && words.back() != ' ') words += ' ';
    }
    if (words.ends_with(' ')) words.pop_back();
    return words;
}

void Comparison::inside() {
    number<uint32_t>("securebits", expected_.securebits, seen_.securebits);
    number<bool>("dumpable", expected_.dumpable, seen_.dumpable);
    number<int>("parentDeathSignal", expected_.parent_death_signal, seen_.parent_death_signal);
    if (expected_.own_session) number<bool>("session", true, seen_.own_session);
    if (expected_.own_session_keyring) {
        const bool own = seen_.session_keyring && seen_.host_session_keyring &&
                         *seen_.session_keyring != *seen_.host_session_keyring;
        add("sessionKeyring", "its own", own ? "its own" : "the host's, or not seen", own);
    }
    if (expected_.hostname)
        add("hostname", *expected_.hostname, seen_.hostname.value_or("not seen"), expected_.hostname == seen_.hostname);
    if (expected_.domainname)
        add("domainname", *expected_.domainname, seen_.domainname.value_or("not seen"), expected_.domainname == seen_.domainname);
    for (const auto& [key, value] : expected_.sysctls) {
        const auto found = seen_.sysctls.find(key);
        const std::string text = found == seen_.sysctls.end() ? "not seen" : found->second;
        add("sysctl." + key, value, text, words_of(text) == words_of(value));
    }
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
    static constexpr std::array<std::string_view, 4> names = {"ok", "different", "unseen", "inside"};
    return names[static_cast<size_t>(verdict)];
}

std::vector<Check> compare(const Expected& expected, const Observed& seen, Viewpoint viewpoint) {
    return Comparison(expected, seen, viewpoint).run();
}

bool all_green(const std::vector<Check>& checks) {
    return std::none_of(checks.begin(), checks.end(), [](const Check& check) {
        return check.verdict == Verdict::different || (check.verdict == Verdict::unseen && check.required);
    });
}

}  // namespace casemate::plan

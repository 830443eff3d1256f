// Expected: what a running container must look like from outside and from inside, and its comparison with what was
// seen. Acting is not proof (ARCHITECTURE, rule 2): both halves of verify, `verify ID` and `verify --pid` use this.
//
// Pure: Observed is filled by sys readers (status, mountinfo, limits ...) wherever the process can be seen from.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/value.h"
#include "json/writer.h"
#include "plan/plan.h"

namespace casemate::plan {

struct MountLine {
    std::string type;  // "proc", "tmpfs", "ext4" ...; empty in an expectation: any
    std::string root;  // of the mount within its file system; empty in an expectation: any
    std::string mount_point;
    std::vector<std::string> flags;          // per-mount options, sorted: nodev noexec nosuid ro relatime idmapped ...
    std::vector<std::string> propagation;    // "shared", "master" ... without numbers; empty: private
    std::vector<std::string> super_options;  // those that restrict: hidepid, subset, size, nr_inodes
    bool recursive = false;  // of an expectation: mounts below this one are the source's, and obey tree_flags
    std::vector<std::string> tree_flags{};
};

// Every member is optional: an absent one is not compared. From a Plan all are there that can be seen; from a profile
// only what it says.
struct Expected {
    // A profile bounds, a plan is exact: then capability sets and oom_score_adj are limits, too.
    bool at_most = false;
    std::optional<std::vector<uint32_t>> uids, gids;  // real effective saved fs, inside ids
    std::optional<std::vector<uint32_t>> groups;      // sorted
    std::optional<uint64_t> cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
    std::optional<bool> no_new_privs;
    std::optional<int> seccomp_mode;
    std::optional<int> seccomp_filters;          // baseline + ours
    std::optional<std::vector<sock_filter>> seccomp_program;  // compared where root may read it
    std::vector<std::string> own_namespaces;     // files of /proc/PID/ns whose inode must differ from the host's
    std::map<std::string, uint64_t> joined_namespaces;  // file of /proc/PID/ns -> the inode it must be
    std::optional<std::vector<IdMapping>> uid_map, gid_map;
    std::optional<bool> setgroups_allowed;
    bool exact_mounts = false;                              // no mount may be there that is not listed
    std::vector<MountLine> mounts;                          // flags listed must be present
    std::vector<std::string> masked_paths, readonly_paths;  // covered, unless there is nothing at that path
    std::vector<std::string> forbidden_mounts;              // nothing may be mounted there
    bool no_writable_executable = false;                    // every mount is ro or noexec
    // RLIMIT_* -> soft, hard; UINT64_MAX: unlimited. Always "at most": a lower inherited limit stands (PROFILE 2.8).
    std::map<std::string, std::pair<uint64_t, uint64_t>> limits;
    std::optional<std::string> cgroup;  // "/casemate/web-1": there or in a group below, in each of these hierarchies
    std::vector<std::string> cgroup_controllers;       // as /proc/PID/cgroup names them; "" is v2
    std::map<std::string, std::string> cgroup_limits;  // file, as the host sees it -> what it must say
    std::optional<uint32_t> umask;
    std::optional<int> oom_score_adj;
    std::optional<std::string> scheduler;        // "SCHED_BATCH nice 5", "SCHED_FIFO priority 10"
    std::optional<int> io_priority;              // class << 13 | level
    std::optional<uint32_t> personality;
    std::optional<std::string> apparmor_profile, selinux_label;  // in force from the stub's exec on
    std::optional<std::vector<int>> fds;  // open descriptors, sorted
    std::optional<std::vector<int>> foreign_fds;  // those that may be open on files of the host: the caller passed them on
    bool host_uid_not_root = false;       // neither inside nor on the host, and no id map reaches host uid 0
    // Nobody can see these from outside: reported as "checked inside at start", never as green.
    std::vector<std::string> inside_only;  // "landlock", "mdwe", "securebits", "session keyring", "dumpable"
    // Checked by init itself, before the app:
    std::optional<uint32_t> securebits;
    std::optional<bool> mdwe;
    std::optional<std::string> hostname, domainname;
    std::map<std::string, std::string> sysctls;  // path below proc/sys -> value
    std::optional<bool> dumpable;
    std::optional<int> parent_death_signal;
    bool own_session = false, own_session_keyring = false;
};

// One line of /proc/PID/status and friends, as read.
struct Observed {
    std::vector<uint32_t> uids, gids, groups;  // as the reader's user namespace shows them
    uint64_t cap_inheritable = 0, cap_permitted = 0, cap_effective = 0, cap_bounding = 0, cap_ambient = 0;
    bool no_new_privs = false;
    int seccomp_mode = 0;
    int seccomp_filters = 0;
    std::optional<std::vector<sock_filter>> seccomp_program;      // absent when it may not be read
    std::map<std::string, uint64_t> namespaces, host_namespaces;  // kind -> inode
    std::vector<IdMapping> uid_map, gid_map;
    std::optional<bool> setgroups_allowed;
    std::vector<MountLine> mounts;
    // Of the masked and read-only paths that are no mount point by name: those where nothing is, and those that lead
    // (through a symlink) to a mount point of another name.
    std::vector<std::string> absent_paths;
    std::map<std::string, std::string> path_aliases;
    std::map<std::string, std::pair<uint64_t, uint64_t>> limits;
    std::map<std::string, std::string> cgroups;        // controllers -> path
    std::map<std::string, std::string> cgroup_limits;  // as in Expected; without files that are gone
    std::optional<uint32_t> umask;
    std::optional<int> oom_score_adj;
    std::optional<std::string> scheduler;
    std::optional<int> io_priority;
    std::optional<uint32_t> personality;
    std::optional<std::string> apparmor_profile, selinux_label;
    std::optional<std::vector<int>> fds;
    // Descriptors beyond 0-2 that are open on a file of a mount the process does not have: leaks of the launcher.
    std::optional<std::vector<int>> foreign_fds;
    // Seen from inside only:
    std::optional<uint32_t> securebits;
    std::optional<bool> mdwe;
    std::optional<std::string> hostname, domainname;
    std::map<std::string, std::string> sysctls;
    std::optional<bool> dumpable, own_session;
    std::optional<int> parent_death_signal;
    std::optional<int> session_keyring, host_session_keyring;  // serial numbers; 0: the host has none
};

enum class Verdict : uint8_t { ok, different, unseen, inside_only };

struct Check {
    std::string what;  // "capabilities.bounding", "mount /proc", "limits.RLIMIT_CORE"
    std::string expected, seen;
    Verdict verdict = Verdict::ok;
    bool required = true;  // false: `unseen` is no failure (what only root can read)
};
std::string_view verdict_name(Verdict verdict);

// Where the observer stands decides what can be compared.
enum class Viewpoint : uint8_t {
    inside,   // init, before MDWE, Landlock and seccomp: those are not compared
    outside,  // the host, at "ready" or any time later
};

// "SCHED_BATCH nice 5", "SCHED_FIFO priority 10": how expectation and observation of a scheduler are compared.
std::string scheduler_text(uint32_t policy, int32_t nice, uint32_t priority);
// The array as hex, one instruction in 16 digits: how `plan` prints a program.
std::string program_hex(std::span<const sock_filter> program);
// The array as it lies in memory: how a program is kept, and how two are compared.
std::string_view program_bytes(std::span<const sock_filter> program);
// `baseline_seccomp_filters`: how many filters the launcher itself runs under (RECIPES H2).
Expected expected_of(const Plan& plan, int baseline_seccomp_filters);
Expected expected_of(const policy::Profile& profile);  // verify --pid N --profile P
// The paths that an observer must look at for absent_paths and path_aliases: covered ones that no mount point names.
std::vector<std::string> uncovered_paths(const Expected& expected, const std::vector<MountLine>& seen);
std::vector<Check> compare(const Expected& expected, const Observed& seen, Viewpoint viewpoint);
// The part of compare() that concerns mounts: appends to `checks`.
void compare_mounts(const Expected& expected, const Observed& seen, std::vector<Check>& checks);
// The part that concerns the control group (expected_cgroup.cc).
void expect_cgroup(Expected& out, const cgroup::Draft& draft);
void compare_cgroup(const Expected& expected, const Observed& seen, std::vector<Check>& checks);
bool all_green(const std::vector<Check>& checks);  // no `different`, and no `unseen` that is required

// Of the seccomp program only its length goes into the text: in JSON it would cost a reader more than all the rest. What
// is read back has that many blank instructions, which no process is found with: put program_bytes() in their place.
void write_json(json::Writer& out, const Expected& expected);
Result<Expected> expected_from_json(const json::Value& value);

}  // namespace casemate::plan

// HostFacts: what the planner must know of this host, as a value. Filled by sys::host_facts(); pure here, so that a
// plan for any host can be compiled and tested anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cgroup/layout.h"

namespace casemate::plan {

struct SubIdRange {
    uint32_t first = 0, count = 0;
};

struct HostFacts {
    std::string kernel;          // uname release
    uint32_t euid = 0, egid = 0;
    bool nested = false;         // inside a user namespace: uid 0 there is no root of the host's
    std::vector<uint32_t> groups;  // the caller's supplementary groups, its egid left out
    uint64_t bounding = ~uint64_t{0};  // the caller's bounding set
    uint64_t permitted = ~uint64_t{0};
    int last_capability = 40;    // /proc/sys/kernel/cap_last_cap
    std::vector<std::pair<int, uint64_t>> hard_limits;  // RLIMIT_* number -> the hard limit of the caller
    int oom_score_adj = 0;     // the caller's own
    int landlock_abi = 0;        // 0: none
    bool mdwe = true;            // PR_SET_MDWE [6.3]
    cgroup::Layout cgroups;      // which hierarchies there are, and what each holds
    bool cgroup2_mountable = false;
    bool apparmor = false, selinux = false;  // enabled on this host
    bool resctrl = false;          // /sys/fs/resctrl is mounted
    bool systemd = false;        // is PID 1 of this host
    uint32_t host_uid = 0;       // euid as the host's own user namespace has it: whose systemd a user's is
    bool user_namespaces = true;
    std::string user_namespaces_why;  // the sysctl that forbids them
    std::optional<SubIdRange> subuid, subgid;  // the caller's, when newuidmap and newgidmap are installed
    // Existing paths for wildcards in maskedPaths: pattern -> matches below /sys and /proc.
    std::vector<std::pair<std::string, std::vector<std::string>>> path_matches;
    bool root() const { return euid == 0 && !nested; }
};

}  // namespace casemate::plan

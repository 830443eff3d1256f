// A running process as the rules see it: what the kernel says, not what a config.json asked for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "audit/network_tables.h"
#include "audit/rule.h"

namespace casemate::audit {

struct ProcessMount {
    std::string point, type;
    std::vector<std::string> flags, super_options;
    std::set<std::string> peer_groups;  // of "shared:N"
};

struct ProcessDescriptor {
    int number = 0;
    std::string target;
    bool outside = false;  // a file or directory on a mount that the process' mount namespace does not have
};

struct ProcessFacts {
    std::vector<uint32_t> uids, gids, groups;  // as the auditor sees them: the host's numbers
    std::optional<uint32_t> inside_uid;        // as the process sees itself, where a map tells
    uint64_t bounding = 0, effective = 0, permitted = 0, inheritable = 0, ambient = 0;
    bool no_new_privs = false;
    int seccomp_mode = 0;
    uint32_t umask = 0;
    bool terminal = false;
    int oom_score_adj = 0;
    std::map<std::string, std::pair<uint64_t, uint64_t>> limits;  // RLIMIT_*: soft, hard
    std::set<std::string> shared_namespaces;  // pid net mnt ipc uts user cgroup: those that are the auditor's
    std::vector<ProcessMount> mounts;
    std::set<std::string> host_peer_groups;  // of the auditor's mounts
    std::vector<std::string> environment;
    std::string security_label;                 // of AppArmor or SELinux; empty: none
    std::map<std::string, std::string> cgroup;  // "pids.max": "64"; absent where the file is
    std::vector<ProcessDescriptor> descriptors;
    std::vector<std::string> sensitive_paths;  // below /proc and /sys: those that this kernel has
    bool in_root_cgroup = false;               // of every hierarchy
    std::vector<OpenPort> open_ports;          // of this process itself
    bool default_route = false;                // in its network namespace
    uint64_t personality = 0;
    std::string hostname, host_hostname;  // the auditor's
    std::string program;                  // what exe leads to
};

// In two files: what the process may do, and where it stands.
std::span<const Check<ProcessFacts>> process_checks();
std::span<const Check<ProcessFacts>> surroundings_checks();

}  // namespace casemate::audit

// What `exec` needs of a container, kept beside its record on the host: the configuration, the profile and the facts that
// it was started with. Never a word of it comes from the container, nor from files that may have changed since.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "launch/host.h"
#include "oci/config.h"
#include "plan/plan.h"
#include "policy/profile.h"
#include "runtime/record.h"

namespace casemate::runtime {

struct PolicyFile {
    oci::Config config;      // as the container was started with it, without the filter's rules: `request` has their program
    policy::Profile profile;
    plan::Request request;   // what still holds for one more process
    // init's namespaces when it was verified: file of /proc/PID/ns -> inode.
    std::map<std::string, uint64_t> namespaces;
    std::vector<plan::IdMapping> uid_map, gid_map;  // empty: no user namespace of its own
    bool setgroups_denied = false;
    bool ceiling = false;    // the profile is a host-wide ceiling over config.json: a new process is tightened, too
};

// Written while the container waits, before it runs a single instruction of the app, with what it must look like.
Result<void> write_policy(const RecordFile& file, const plan::Plan& plan, const oci::Config& config, const policy::Profile& profile,
                          const plan::Request& request, const launch::Waiting& waiting);
Result<PolicyFile> read_policy(const RecordFile& file);

}  // namespace casemate::runtime

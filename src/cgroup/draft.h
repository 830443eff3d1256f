// A group before it is made: what is asked for, and what that means on a host of a given layout. Pure, so that a plan
// can be made, checked and printed without touching anything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cgroup/layout.h"
#include "cgroup/limits.h"
#include "cgroup/scope.h"
#include "cgroup/settings.h"

namespace casemate::cgroup {

// What to do where the host gives us no group at all (nothing mounted, or nothing delegated to this user).
enum class IfNone : uint8_t { fail, fail_if_limited, accept };

struct Request {
    std::string id;  // of the container: names the group where `path` is empty
    std::string
        path;  // from the root of each hierarchy; empty: /casemate/ID, unprivileged beside the caller's own group
    IfNone if_none = IfNone::fail_if_limited;
    Limits limits;

    // The systemd driver: systemd makes the group, at `path`, by the helper program casemate-systemd-cgroup.
    std::optional<Scope> scope{};
    std::string systemd_program{};
    std::vector<UnitProperty> properties{};  // beside those that follow from the limits
};

// One directory, as the state file keeps it.
struct Path {
    std::string controllers;  // as in /proc/PID/cgroup: "cpu,cpuacct", "name=systemd"; empty: v2
    std::string directory;
    uint64_t inode = 0;  // tells the group from another of the same name; 0: not known, as before create
    std::string unit{};  // systemd's, which removes the group after its last process; empty: ours to remove
    bool operator==(const Path&) const = default;
};

// A request that was checked against the host: everything decided, nothing done.
struct Draft {
    Layout layout;
    std::vector<std::string> components;
    std::vector<Setting> settings;
    Request request;

    // Fine, or `reason` as an error: may the container go without a group?
    Result<void> accept_none(Error reason) const;
    // For the journal, before the first side effect. Inodes are not known yet.
    std::vector<Path> paths() const;
};

// Decides for a host of this layout. ENOENT, EOPNOTSUPP: a limit that it cannot set; EINVAL: one that no host can.
Result<Draft> prepare(Request request, Layout layout);

}  // namespace casemate::cgroup

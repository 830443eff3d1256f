// The relay of --publish: one confined process a container that accepts on the host's listeners and connects inside.
//
// It joins the container's network namespace and nothing else, so an accepted socket stays the host's while each
// connect(2) is made inside: no dialer, no descriptor passing, and egress stays closed (RECIPES 4). What the container
// may do through it is answer connections; what it may do itself is move bytes: it runs under an id of its own, without
// capabilities, with an empty Landlock domain and a filter that knows the event loop only.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "launch/owned_process.h"
#include "plan/plan.h"

namespace casemate::launch {

struct RelayListener {
    FdView fd;  // listening, non-blocking (Listeners::published)
    uint16_t container_port = 0;
};

struct RelayIds {
    uint32_t uid = 0, gid = 0;
};

struct RelaySpec {
    std::vector<RelayListener> listeners;
    // A pidfd of init. The relay ends when it is readable. Rootless: init must not be non-dumpable at this moment,
    // for joining asks for ptrace's right (RECIPES H1): start the relay before H14, or at "ready".
    FdView init = -1;
    // The read end of a pipe whose other end the host holds: readable or closed, the relay ends. -1: none (detached).
    FdView lifeline = -1;
    plan::Mode mode = plan::Mode::root;
    // The relay's own id. root: an unprivileged host id; root_userns: a host id of the container's range that nothing
    // else uses; rootless with a range: an inside id. Absent only for rootless with a one-id map: there is no other.
    std::optional<RelayIds> ids;
    std::vector<sock_filter> filter;  // plan::relay_filter
    bool landlock = true;             // false only when the profile does not ask for Landlock
    bool proxy_protocol = false;      // say the client's address: PROXY protocol, version 1
    unsigned max_connections = 2048;  // fewer where RLIMIT_NOFILE says so: (limit - 32) / 2
    int ready_timeout_ms = 5000;
};

// Returns when the relay is confined and serving; its confinement has been read back from /proc then. Must be called
// by a single-threaded process. Errors say which restriction failed; no process is left.
Result<OwnedProcess> start_relay(const RelaySpec& spec);

// Reads the confinement of a relay back (also for verify): capabilities, no_new_privs, seccomp, ids.
Result<void> check_relay(pid_t pid, const RelaySpec& spec);

}  // namespace casemate::launch

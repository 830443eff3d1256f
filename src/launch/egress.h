// --egress open: passt's pasta, which carries the container's own connections to the outside.
//
// Attached by a descriptor of the network namespace, because pasta gives up its rights before it opens another user's
// /proc entry; without any port forwarded, because publishing is the relay's job. pasta dies with nobody: it survives
// its target, its parent and PR_SET_PDEATHSIG. So a guard of ours is its parent, without capabilities, and ends it when
// init has ended, when the lifeline closes, or when it is told to.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "launch/owned_process.h"
#include "plan/plan.h"

namespace casemate::launch {

struct EgressSpec {
    // A pidfd of init, which must let itself be joined now, as for the relay.
    FdView init = -1;
    pid_t init_pid = -1;
    // As for the relay; -1: none (detached).
    FdView lifeline = -1;
    plan::Mode mode = plan::Mode::root;
    int ready_timeout_ms = 10000;
    std::string search_path = "/usr/bin:/usr/local/bin:/bin";  // never the caller's PATH
};

// The absolute path of pasta, or an error with the name of Debian's package.
Result<std::string> find_pasta(const std::string& search_path);

// Returns when pasta has configured the container's interface. The process is the guard: pasta ends with it. Errors
// carry pasta's own last line; nothing is left then.
Result<OwnedProcess> start_egress(const EgressSpec& spec);

}  // namespace casemate::launch

// A whole launch in a process of its own, as `casemate launch` does it: launch::start, look, supervise; and what is left
// afterwards.
#pragma once

#include <functional>
#include <string_view>

#include "launch/host.h"
#include "launch/supervise.h"
#include "support/confined.h"

namespace casemate::test {

struct Outcome {
    bool started = false;
    Failure failure;           // of start or supervise
    int code = -1, signal = 0; // of the app
    bool timed_out = false;
    Text output;               // of the app: stdout and stderr
    int children_left = 0;     // processes of the launch that outlived it
    int mounts_grown = 0;      // in the host's table
    int descriptors_grown = 0; // open in the host
};

struct Launching {
    // Before start: change the options (inherited descriptors, before_go ...).
    std::function<void(launch::Options&)> prepare{};
    // With the running app, in a process beside the host: once the app has said `await`. Gets the host's pid.
    std::function<void(pid_t host)> meanwhile{};
    std::string_view await = "ready";
};

Outcome launched(const plan::Plan& plan, const Launching& launching = {});

// Processes that are children of this one now, of any kind; they are killed and reaped.
int reap_leftovers();
int count_mounts();
int count_descriptors();
// As runtime does it: the outside half of verify.
Result<void> verify_from_outside(const launch::Waiting& waiting);

}  // namespace casemate::test

// The host's side of a launch: prepare, clone, adopt, look at it from outside, let it go.
#pragma once

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "cgroup/group.h"
#include "base/result.h"
#include "launch/stage.h"
#include "plan/expected.h"
#include "plan/plan.h"
#include "steps/context.h"
#include "sys/procfs.h"

namespace casemate::launch {

// The container while the stub waits: what may be looked at, and joined, from outside.
struct Waiting {
    pid_t pid = -1;
    FdView pidfd;
    const sys::Procfs& proc;               // verified, of the host
    const plan::Expected& expected;
    const cgroup::Group& group;            // without members where there is none
    std::vector<int> stub_fds;             // that the stub still holds, beside the app's own
};

struct Options {
    std::vector<Fd> inherited;             // for the app, from descriptor 3 on
    Fd stdio[3];                           // the app's 0, 1, 2; an invalid one: the caller's own
    Fd console;                            // a stream socket that takes the terminal's master; a plan with a terminal needs it
    Fd program;                            // a sealed memfd to execute instead of the image's program (probe)
    steps::StartGate gate;                 // create: start() returns while the stub waits for `start` there
    std::vector<NamespaceFile> joins;      // one for each that the plan joins
    std::optional<sys::Procfs> proc;       // verified, where the caller has opened one already
    FdView process = -1;                   // exec: a pidfd of the container's init, whose namespaces are joined instead
    FdView cgroup_namespace = -1;          // of it, where that is to be joined
    const cgroup::Group* group = nullptr;  // exec: the container's, joined by birth (v2) and before Go (v1)
    sigset_t signal_mask{};                // what the app gets
    // Called when everything is mounted and init holds, before its pivot_root: only when the plan's hooks ask for it.
    std::function<Result<void>(const Waiting&)> on_mounted;
    // Called with the confined, waiting container: the outside half of verify, the relay. An error ends the launch.
    std::function<Result<void>(const Waiting&)> before_go;
    // Called with the descriptor that answers the filter's SCMP_ACT_NOTIFY, when the plan has a listener.
    std::function<Result<void>(const Waiting&, FdView listener)> hand_over_listener;
    FdView signals = -1;                   // a signalfd: one that arrives before the app runs ends the launch
    int deadline_ms = 60000;               // for init to become ready
};

// A running app. Not killed when this goes: supervise() or the caller's own journal owns its end.
struct Running {
    pid_t pid = -1;
    Fd pidfd;
    Fd channel;                            // process.init: carries Ended
    plan::Expected expected;
    cgroup::Group group;                   // as in Waiting. Its removal is the owner's, too
};

// An error when one of `signals` (a non-blocking signalfd, or -1) has arrived that would end an app.
Result<void> check_signals(FdView signals);

// The error of a program that could not be executed: exit codes 126 and 127, hints (execve(2)).
Error cannot_execute(const std::string& program, int code);

// Removes the container's group; processes that live on in it are ended first. What is gone already is fine.
Result<void> end_group(cgroup::Group& group);

// Starts the app. On any error nothing is left of it: it was killed and reaped. The caller must be single-threaded: init
// is a copy of it made by clone3.
Result<Running> start(const plan::Plan& plan, Options options);

}  // namespace casemate::launch

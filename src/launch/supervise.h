// Waits for the app's end: forwards signals, keeps the time limit, watches the relay. No sleep, no polling by time.
#pragma once

#include <sys/resource.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "launch/host.h"
#include "launch/notify.h"
#include "launch/terminal.h"

namespace casemate::launch {

// The signals that a foreground launch takes for the app, blocked before the first side effect.
class SignalGate {
public:
    static Result<SignalGate> close();   // blocks them, opens a signalfd
    FdView fd() const { return fd_; }
    const sigset_t& mask_before() const { return before_; }

private:
    Fd fd_;
    sigset_t before_{};
};

struct Watched {
    FdView pidfd;
    std::string name;  // "relay": for the message when it ends before the app
};

struct Ending {
    int code = 0;                 // the app's, or 128+signal
    int signal = 0;               // 0: it exited
    bool timed_out = false;       // limits.runtimeMax
    bool out_of_memory = false;   // the kernel killed in the container's cgroup, and the app ended by SIGKILL
    std::string helper_lost;      // the relay or pasta ended first: the app was ended
    rusage usage{};               // of init and all it reaped
    uint64_t wall_ms = 0;
};

// What is served meanwhile; nullptr: there is none.
struct Attended {
    Terminal* terminal = nullptr;  // attached
    Notifier* notifier = nullptr;
};

Result<Ending> supervise(const plan::Plan& plan, Running& running, const SignalGate& gate, const std::vector<Watched>& helpers,
                         const Attended& attended = {});

}  // namespace casemate::launch

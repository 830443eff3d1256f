// The exit report of `launch --report FILE`, as values: how the app ended, why, and what it took. runtime/report.h
// writes it as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "launch/kernel_log.h"
#include "launch/supervise.h"

namespace casemate::launch {

enum class Cause : uint8_t {
    exited,    // by itself, whatever the code
    signal,    // killed by one, for no reason that is known here
    seccomp,   // the filter killed it
    oom,       // the kernel killed it for memory: its cgroup counts it, or the kernel's log names it
    timeout,   // limits.runtimeMax was over
    limit,     // RLIMIT_CPU or RLIMIT_FSIZE
    launcher,  // it never ran, or we ended it: `phase`, `step` and `error` say why
};
std::string_view cause_name(Cause cause);

struct ExitReport {
    std::string id;
    pid_t pid = 0;      // init's, in the host's pid namespace; 0: none was made
    int exit_code = 0;  // what casemate exits with
    int signal = 0;     // 0: none
    Cause cause = Cause::exited;
    std::string phase, step, error;  // of the launch; empty unless cause is launcher
    uint64_t wall_ms = 0, cpu_user_ms = 0, cpu_system_ms = 0;
    uint64_t max_rss_kib = 0;  // of the largest process of the container; init before its exec (a copy of us) is one
    std::optional<SeccompKill> seccomp;
    std::string seccomp_unknown;  // why the call is not known, when cause is seccomp and `seccomp` is absent
};

// The app ran. `suspects` are init, the app and, in an id range of its own, the app's host uid.
ExitReport report_of(const std::string& id, pid_t pid, const Ending& ending, KernelLog& log, const Suspects& suspects);
// It did not: phase and step are taken from the error's text ("phase mounts: mount /proc: ...").
ExitReport report_of(const std::string& id, pid_t pid, const Error& error);

// init and its children, as pids of the host: whom to look for. Under process.init the app is one of them.
std::vector<pid_t> processes_of(pid_t init);

}  // namespace casemate::launch

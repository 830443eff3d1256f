// Runs hooks: programs that config.json names, at points of a container's life (runtime.md, Lifecycle; config.md,
// POSIX-platform Hooks). Arguments and environment are exactly those of config.json, never the launcher's or the app's
// (SECURITY I20, CVE-2025-23266), and no descriptor of ours comes along.
#pragma once

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "plan/plan.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::launch {

// The namespaces of a process that differ from ours, for setns(2) on its pidfd: naming one that is ours is an error.
struct Surroundings {
    FdView pidfd;
    int namespaces = 0;  // CLONE_NEW*
};
Result<Surroundings> surroundings_of(const sys::Procfs& proc, pid_t pid, FdView pidfd);

struct HookRun {
    std::string state;          // JSON: all that a hook reads on stdin
    std::string directory;      // the working directory: the bundle
    sigset_t signal_mask{};
    FdView signals = -1;        // a signalfd, or -1: one that would end an app ends the hook, and is the error
    const Surroundings* inside = nullptr;  // joined first; its path still is the host's, as the root has not changed yet
    // Makes the hook's process otherwise than as a copy of us: a child, with the state as its stdin and `output` for what it says.
    std::function<Result<sys::Cloned>(const oci::Hook& hook, FdView state, FdView output)> make;
};

// In order, until one fails: not executable, another code than 0, a signal, or its timeout, after which its process group is
// killed. Errors name the phase, the place and the path, and have the end of what the hook said.
Result<void> run_hooks(std::string_view phase, const std::vector<oci::Hook>& hooks, const HookRun& run);

}  // namespace casemate::launch

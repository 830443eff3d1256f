// Runs one launch under ptrace and, at the n-th system call of its host or of its init, lets that call fail, or kills one
// of the two. The launch itself is untouched: no hook of ours in it, and every call of every step is reached.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>

#include "plan/plan.h"
#include "support/confined.h"

namespace casemate::test {

enum class Role { host, init };
enum class Fault { none, fail_call, kill_host, kill_init };

struct Injection {
    Fault fault = Fault::none;
    Role at = Role::host;   // whose calls are counted
    int number = 0;         // 1: the first call of launch::start, or of init after the clone
    int error = EIO;        // fail_call: what the call gives
};

struct Trial {
    bool reached = false;       // there was an n-th call
    int system_call = -1;       // its number
    int host_calls = 0, init_calls = 0;  // counted until the app was started or the launch failed
    bool started = false;       // launch::start said so
    bool verified = false;      // before go, from outside: all as planned
    bool app_ran = false;       // the app wrote its word
    Failure failure;
    int left = 0;               // processes that had not ended after 10 s
    int mounts_grown = 0;
};

// `plan` runs `/bin/echo ran` or the like; before go the container is verified from outside, as `launch` does. Only on
// x86_64: tests ask can_inject_faults() first (a counted skip).
Trial run_with_fault(const plan::Plan& plan, const Injection& injection);
[[nodiscard]] bool can_inject_faults();

}  // namespace casemate::test

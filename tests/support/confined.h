// The steps of a plan as a launch runs them, in a real init, with some of them left out on request; then a look around
// from within. How a step's test gets its control: without the step, the same act succeeds.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "plan/plan.h"
#include "steps/context.h"
#include "steps/phase.h"
#include "support/in_child.h"

namespace casemate::test {

struct Choice {
    // Names of steps to leave out ("mask paths"). A name that no table has, or that the plan does not need, is an error.
    std::vector<std::string_view> without{};
    // Leaves out every step from this phase on, but those before it are done. Phase::exec: none.
    steps::Phase until = steps::Phase::exec;
    // Keeps "verify from inside" although something was left out: to see that it notices.
    bool verify = false;
    // Between the host's prepare and the clone: what an attacker may do to the host's tree meanwhile.
    std::function<void()> interfere{};
};

// "verify from inside" compares with the whole plan, so it goes with every other step that is left out.
inline Choice leaving_out(std::initializer_list<std::string_view> names) { return {.without = names}; }

struct Failure {
    bool failed = false;
    int code = 0, exit_code = 0;
    Text text, hint;  // "phase mounts: attach mounts: ..."
};

Failure run_confined(const plan::Plan& plan, const Choice& choice, const std::function<void(steps::InitContext&, void*)>& look, void* out, size_t size);

template <typename T>
struct Seen {
    Failure failure;
    T value{};
    bool ok() const { return !failure.failed; }
};

// `look(InitContext&, T&)` runs in init as the last step. Under a filter it may only do what the profile allows.
template <typename T, typename Look>
Seen<T> confined(const plan::Plan& plan, Look look, const Choice& choice = {}) {
    static_assert(std::is_trivially_copyable_v<T>);
    Seen<T> seen;
    seen.failure = run_confined(plan, choice, [&](steps::InitContext& context, void* out) {
        T value{};
        look(context, value);
        std::memcpy(out, static_cast<const void*>(&value), sizeof value);
    }, &seen.value, sizeof seen.value);
    return seen;
}

// A step that refuses: the failure, with nothing looked at.
inline Failure refusal(const plan::Plan& plan, const Choice& choice = {}) {
    return confined<int>(plan, [](steps::InitContext&, int&) {}, choice).failure;
}

// 0, or the errno of a call that returned -1 (or a null pointer).
inline int error_of(long result) { return result < 0 ? errno : 0; }

}  // namespace casemate::test

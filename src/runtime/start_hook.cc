// A startContainer hook: a program of the container, executed in it before the app is. It is what `exec` would start as the
// app's own user, so a hook of a hostile image can do nothing that the app could not.
#include "runtime/app.h"
#include "runtime/exec.h"

namespace casemate::runtime {

Result<sys::Cloned> start_hook(const Target& target, const oci::Hook& hook, FdView state, FdView output, const launch::HookRun& run) {
    if (!target.policy.config.process) return Error::invalid("the container has no process to take after");
    oci::Process process = *target.policy.config.process;
    process.args = hook.args.empty() ? std::vector{hook.path} : hook.args;
    process.env = hook.env;
    process.terminal = false;
    process.console_size.reset();
    process.exec_cpu_affinity.reset();
    const plan::Plan plan = TRY(plan_in(target, std::move(process), 0, hook.path));
    launch::Options start = options_in(target, plan, run.signal_mask, run.signals);
    start.stdio[0] = TRY(sys::duplicate(state));
    start.stdio[1] = TRY(sys::duplicate(output));
    start.stdio[2] = TRY(sys::duplicate(output));
    start.before_go = verify_waiting;
    launch::Running running = TRY(launch::start(plan, std::move(start)));
    return sys::Cloned{running.pid, std::move(running.pidfd)};
}

}  // namespace casemate::runtime

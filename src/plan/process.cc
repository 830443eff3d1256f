// What is run, and how it is looked after.
#include <csignal>

#include "base/text.h"
#include "oci/signal.h"
#include "plan/compiler.h"
#include "policy/kinds.h"

namespace casemate::plan {
Result<void> Compiler::process() {
    ProcessPlan& plan = plan_.process_;
    const oci::Process& process = *config_.process;
    plan.args = process.args;
    plan.executable = request_.executable;
    plan.env = process.env;
    plan.cwd = process.cwd;
    if (plan.cwd.empty() || plan.cwd.front() != '/') return Error::invalid(concat("config.json: $.process.cwd: ", quoted(plan.cwd), " is not absolute"));
    if (profile_.environment.deny)
        for (const std::string& variable : plan.env) {
            const std::string_view name = std::string_view(variable).substr(0, variable.find('='));
            for (const std::string& pattern : *profile_.environment.deny)
                if (policy::matches_pattern(pattern, name))
                    return Error::with_code(EPERM, concat("variable ", quoted(name), ": refused by '", pattern, "' of environment.deny"))
                        .hint("mount secrets as files, or waive environment.deny");
        }
    plan.umask = process.user.umask;
    // Not an engine's own, which may be 0: 022 where it says nothing, as runc and crun have it.
    if (!plan.umask && !request_.launch) plan.umask = 0022;
    if (profile_.process.umask) plan.umask = plan.umask.value_or(0) | *profile_.process.umask;
    plan.oom_score_adj = process.oom_score_adj;
    if (profile_.process.oom_score_adj) plan.oom_score_adj = std::max(plan.oom_score_adj.value_or(-1000), *profile_.process.oom_score_adj);
    // Without privilege the value can only be raised, from the caller's own.
    if (request_.launch && !facts_.root() && plan.oom_score_adj && *plan.oom_score_adj < facts_.oom_score_adj) plan.oom_score_adj = facts_.oom_score_adj;
    // `launch` holds the id range, the relay and the record: an app that outlived it would lose them (decision 0009).
    // An exec'ed process ends with the container's init; its caller may go, as runc's may. A hook is what its caller waits for.
    plan.parent_death_signal = request_.exec ? !request_.executable.empty() : request_.launch || profile_.process.die_with_parent.value_or(false);
    plan.own_init = request_.launch && profile_.process.init.value_or(false);
    if (plan.own_init && !plan_.namespaces_.owns("pid")) plan.own_init = false, note("process.init is off: there is no own pid namespace to be PID 1 of");
    plan.preserved_fds = request_.preserved_fds;
    plan.inherited_fds = request_.inherited_fds + request_.preserved_fds;
    if (const unsigned sockets = request_.inherited_fds + request_.listen_fds; sockets > 0) {
        // sd_listen_fds(3). The app is pid 2 under the init of ours (the stub corrects it), else pid 1; a pid namespace is a must for that.
        if (!plan_.namespaces_.owns("pid")) return Error::invalid("inherited sockets need an own pid namespace");
        for (const std::string_view name : {"LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES="})
            std::erase_if(plan.env, [&](const std::string& variable) { return variable.starts_with(name); });
        plan.env.push_back(concat("LISTEN_FDS=", sockets));
        plan.env.push_back(concat("LISTEN_PID=", plan.own_init ? 2 : 1));
    }
    plan.mdwe = profile_.memory.deny_write_execute.value_or(false) && facts_.mdwe;
    if (profile_.memory.deny_write_execute.value_or(false) && !facts_.mdwe)
        note("PR_SET_MDWE is not on this kernel (6.3): write+execute is denied by the seccomp filter");
    if (!request_.stop_signal.empty()) {
        const auto number = oci::parse_signal(request_.stop_signal);
        if (!number) return Error::invalid(concat("the image's stop signal: ", quoted(request_.stop_signal), " is not a signal"));
        plan.stop_signal = *number;
    }
    if (profile_.process.stop_signal) {
        const auto number = oci::parse_signal(*profile_.process.stop_signal);
        if (!number) return Error::invalid(concat("process.stopSignal: ", quoted(*profile_.process.stop_signal), " is not a signal"));
        plan.stop_signal = *number;
    }
    if (profile_.process.stop_timeout_ms) plan.stop_timeout_ms = *profile_.process.stop_timeout_ms;
    if (!request_.exec) plan.runtime_max_ms = profile_.limits.runtime_max_ms;
    TRY(affinity());
    return {};
}

}  // namespace casemate::plan

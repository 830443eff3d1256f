// The filter: the profile's layers under `launch`, config.json's rules under the OCI verbs; both where both speak.
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"
#include "seccomp/oci.h"

namespace casemate::plan {
namespace {

constexpr uint32_t wait_killable = 1 << 5;  // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV [5.19]

Result<uint32_t> filter_flags(const std::vector<std::string>& names) {
    uint32_t flags = 0;
    for (const std::string& name : names) {
        // TSYNC says nothing in a process of one thread.
        if (name == "SECCOMP_FILTER_FLAG_LOG") flags |= SECCOMP_FILTER_FLAG_LOG;
        else if (name == "SECCOMP_FILTER_FLAG_SPEC_ALLOW") flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
        else if (name == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") flags |= wait_killable;
        else if (name != "SECCOMP_FILTER_FLAG_TSYNC")
            return Error::with_code(ENOTSUP, concat("config.json: $.linux.seccomp.flags: unknown flag ", quoted(name)));
    }
    return flags;
}

// Does any rule hand the decision to a listener? Such a rule on write, or by default, would leave the launcher waiting
// for an answer before the listener has the descriptor: refused, as runc does.
Result<bool> notifies(const oci::Seccomp& rules) {
    constexpr std::string_view notify = "SCMP_ACT_NOTIFY";
    if (rules.default_action == notify) return Error::invalid("defaultAction: SCMP_ACT_NOTIFY cannot be the default");
    bool any = false;
    for (const oci::SeccompRule& rule : rules.syscalls) {
        if (rule.action != notify) continue;
        any = true;
        if (std::ranges::find(rule.names, "write") != rule.names.end()) return Error::invalid("syscalls: SCMP_ACT_NOTIFY cannot be used for write");
    }
    if (any && rules.listener_path.empty()) return Error::invalid("listenerPath: missing, and a rule says SCMP_ACT_NOTIFY");
    return any;
}

bool allows_capset(const std::vector<sock_filter>& program) {
    seccomp_data call{};
    call.nr = SYS_capset;
    call.arch = seccomp::audit_arch(seccomp::native_arch());
    const uint32_t action = seccomp::run(program, call) & SECCOMP_RET_ACTION_FULL;
    return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

}  // namespace

Result<void> Compiler::make_filter() {
    const policy::FilterNeeds needs{
        .mdwe_by_filter = profile_.memory.deny_write_execute.value_or(false) && !facts_.mdwe,
        .listening = request_.inherited_fds > 0,
        .own_init = plan_.process_.own_init,
    };
    seccomp::Policy policy = policy::seccomp_policy(profile_, needs);
    if (config_.linux_.seccomp && !request_.launch) {
        plan_.seccomp_.flags = TRY(filter_flags(config_.linux_.seccomp->flags));
        TRY_IN("config.json: $.linux.seccomp", add_oci_rules(*config_.linux_.seccomp, policy));
        // Without such a rule there is nothing to listen to, and WAIT_KILLABLE_RECV is EINVAL.
        if (TRY_IN("config.json: $.linux.seccomp", notifies(*config_.linux_.seccomp))) {
            plan_.seccomp_.listener_path = config_.linux_.seccomp->listener_path;
            plan_.seccomp_.listener_metadata = config_.linux_.seccomp->listener_metadata;
            plan_.seccomp_.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
        } else {
            plan_.seccomp_.flags &= ~wait_killable;
        }
    }
    if (!policy.empty()) plan_.seccomp_.program = TRY_IN("seccomp", seccomp::compile(policy));
    return {};
}

Result<void> Compiler::seccomp() {
    if (request_.filter) plan_.seccomp_ = *request_.filter;
    else TRY(make_filter());
    if (plan_.seccomp_.program.empty()) return {};
    // Without no_new_privs the filter is loaded by privilege, and the last capset comes after it (RECIPES I17).
    if (!plan_.capabilities_.no_new_privs && !allows_capset(plan_.seccomp_.program))
        return Error::with_code(EPERM, "seccomp: the filter denies capset, which the launcher needs after it while noNewPrivileges is false")
            .hint("set noNewPrivileges, or allow capset");
    return {};
}

}  // namespace casemate::plan

// The filter: the profile's layers under `launch`, config.json's rules under the OCI verbs; both where both speak.
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "plan/compiler.h"
#include "seccomp/oci.h"

namespace casemate::plan {
namespace {

Result<uint32_t> filter_flags(const std::vector<std::string>& names) {
    uint32_t flags = 0;
    for (const std::string& name : names) {
        // TSYNC says nothing in a process of one thread.
        if (name == "SECCOMP_FILTER_FLAG_LOG") flags |= SECCOMP_FILTER_FLAG_LOG;
        else if (name == "SECCOMP_FILTER_FLAG_SPEC_ALLOW") flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
        else if (name != "SECCOMP_FILTER_FLAG_TSYNC")
            return Error::with_code(ENOTSUP, concat("config.json: $.linux.seccomp.flags: ", quoted(name), ": not applied by this version of casemate"));
    }
    return flags;
}

bool allows_capset(const std::vector<sock_filter>& program) {
    seccomp_data call{};
    call.nr = SYS_capset;
    call.arch = seccomp::audit_arch(seccomp::native_arch());
    const uint32_t action = seccomp::run(program, call) & SECCOMP_RET_ACTION_FULL;
    return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

}  // namespace

Result<void> Compiler::seccomp() {
    const policy::FilterNeeds needs{
        .mdwe_by_filter = profile_.memory.deny_write_execute.value_or(false) && !facts_.mdwe,
        .listening = request_.inherited_fds > 0 || request_.listens,
        .own_init = plan_.process_.own_init,
    };
    seccomp::Policy policy = policy::seccomp_policy(profile_, needs);
    if (config_.linux_.seccomp && !request_.launch) {
        plan_.seccomp_.flags = TRY(filter_flags(config_.linux_.seccomp->flags));
        TRY_IN("config.json: $.linux.seccomp", add_oci_rules(*config_.linux_.seccomp, policy));
    }
    if (policy.empty()) return {};
    plan_.seccomp_.program = TRY_IN("seccomp", seccomp::compile(policy));
    // Without no_new_privs the filter is loaded by privilege, and the last capset comes after it (RECIPES I17).
    if (!plan_.capabilities_.no_new_privs && !allows_capset(plan_.seccomp_.program))
        return Error::with_code(EPERM, "seccomp: the filter denies capset, which the launcher needs after it while noNewPrivileges is false")
            .hint("set noNewPrivileges, or allow capset");
    return {};
}

}  // namespace casemate::plan

// linux.seccomp of config.json as plain values for the compiler, which knows no config.json.
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "plan/compiler.h"
#include "seccomp/oci.h"

namespace casemate::plan {

namespace {

bool allows(const seccomp::Policy& policy, seccomp::Arch arch) {
    return arch == seccomp::native_arch() || std::ranges::find(policy.architectures, arch) != policy.architectures.end();
}

}  // namespace

Result<void> add_oci_rules(const oci::Seccomp& rules, seccomp::Policy& policy) {
    seccomp::OciFilter filter{rules.default_action, rules.default_errno_ret, {}, {}};
    for (const std::string& name : rules.architectures) filter.architectures.push_back(name);
    for (const oci::SeccompRule& rule : rules.syscalls) {
        seccomp::OciSyscall& out = filter.syscalls.emplace_back();
        out.names.assign(rule.names.begin(), rule.names.end());
        out.action = rule.action;
        out.errno_ret = rule.errno_ret;
        for (const oci::SeccompArg& arg : rule.args) out.args.push_back({arg.index, arg.value, arg.value_two, arg.op});
    }
    const bool restricted = !policy.empty();
    seccomp::OciIgnored ignored;
    seccomp::Policy parsed = TRY(seccomp::from_oci(filter, ignored));
    for (const std::string& name : ignored.names) log(LogLevel::debug, concat("seccomp: ignoring unknown system call ", quoted(name)));
    for (seccomp::OciRules& entry : parsed.oci) policy.oci.push_back(std::move(entry));
    // Both speak: an architecture is allowed where both allow it, and the native one always is.
    if (restricted) std::erase_if(parsed.architectures, [&](seccomp::Arch arch) { return !allows(policy, arch); });
    policy.architectures = std::move(parsed.architectures);
    return {};
}

}  // namespace casemate::plan

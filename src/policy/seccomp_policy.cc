// The profile's layers and guards as a seccomp::Policy. Guards form a layer of their own that allows everything and
// denies by argument: the maximum of the layers is what PROFILE 5.2 says of guards, that they act as denies.
#include <algorithm>

#include "policy/profile.h"
#include "seccomp/guards.h"

namespace casemate::policy {
namespace {

using seccomp::Action;
using seccomp::Layer;
using seccomp::Rule;
using seccomp::Verdict;

constexpr Verdict unknown_number{Action::errno_, ENOSYS, true};

bool names(const std::vector<Rule>& rules, const seccomp::Syscall* call) {
    return std::ranges::find(rules, call, &Rule::syscall) != rules.end();
}

// The layer as the kernel gets it: the launcher's own calls pass, and clone3 is never EPERM, which would break glibc's
// fallback to clone.
Layer with_own_calls(Layer layer, std::span<const seccomp::Syscall* const> own) {
    const auto is_own = [&](const Rule& rule) {
        return rule.conditions.empty() && std::ranges::find(own, rule.syscall) != own.end();
    };
    std::erase_if(layer.deny, is_own);
    if (layer.allow)
        for (const seccomp::Syscall* call : own) layer.allow->push_back({call, {}, {}});
    const Rule clone3 = seccomp::clone3_unknown().front();
    const bool restricts_by_default = layer.default_verdict.action >= Action::errno_;
    const bool allowed = !layer.allow || !restricts_by_default || names(*layer.allow, clone3.syscall);
    if (!allowed || names(layer.deny, clone3.syscall)) layer.deny.push_back(clone3);
    return layer;
}

template <typename NumberOf>
std::vector<uint32_t> numbers(const Strings& names, NumberOf number_of) {
    std::vector<uint32_t> out;
    for (const std::string& name : names)
        if (const auto number = number_of(name)) out.push_back(*number);
    return out;
}

void add(std::vector<Rule>& all, std::vector<Rule> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::vector<Rule> guards_of(const Profile& profile, const FilterNeeds& needs) {
    const Seccomp& s = profile.seccomp;
    std::vector<Rule> rules;
    if (s.socket_families)
        add(rules, seccomp::only_socket_families(numbers(*s.socket_families, seccomp::socket_family_by_name)));
    if (s.netlink_protocols)
        add(rules, seccomp::only_netlink_protocols(numbers(*s.netlink_protocols, seccomp::netlink_protocol_by_name)));
    if (s.lock_personality.value_or(false)) add(rules, seccomp::lock_personality());
    if (s.restrict_realtime.value_or(false)) add(rules, seccomp::restrict_realtime());
    if (s.restrict_suid_sgid.value_or(false)) add(rules, seccomp::restrict_suid_sgid());
    if (s.deny_terminal_injection.value_or(false)) add(rules, seccomp::deny_terminal_injection());
    if (profile.namespaces.restrict_namespaces.value_or(false)) add(rules, seccomp::restrict_namespaces());
    if (profile.memory.memfd == Memfd::deny) add(rules, seccomp::deny_memfd());
    if (profile.memory.deny_write_execute.value_or(false))
        add(rules, needs.mdwe_by_filter ? seccomp::deny_write_execute() : seccomp::deny_shmat_exec());
    if (profile.network.mode.value_or(NetworkMode::host) != NetworkMode::host) add(rules, seccomp::deny_fastopen());
    if (needs.listening) add(rules, seccomp::deny_connect());
    return rules;
}

}  // namespace

std::vector<std::string_view> launcher_calls(const FilterNeeds& needs) {
    std::vector<std::string_view> calls{"execveat", "execve", "fcntl", "read", "write", "exit_group", "close"};
    if (needs.own_init) calls.insert(calls.end(), {"clone", "wait4", "rt_sigprocmask", "rt_sigtimedwait", "kill"});
    return calls;
}

seccomp::Policy seccomp_policy(const Profile& profile, const FilterNeeds& needs) {
    std::vector<const seccomp::Syscall*> own;
    for (const std::string_view name : launcher_calls(needs)) own.push_back(seccomp::find_syscall(name));

    seccomp::Policy policy;
    for (const Layer& layer : profile.seccomp.layers) policy.layers.push_back(with_own_calls(layer, own));
    const bool native_only = profile.seccomp.native_only.value_or(false);
    std::vector<Rule> guards = guards_of(profile, needs);
    // An own layer even without guards: nativeOnly alone is a filter too.
    if (!guards.empty() || native_only) policy.layers.push_back({{}, unknown_number, std::nullopt, std::move(guards)});
    if (policy.empty() || native_only) return policy;
    if (seccomp::native_arch() == seccomp::Arch::x86_64)
        policy.architectures = {seccomp::Arch::x86_64, seccomp::Arch::x86, seccomp::Arch::x32};
    else if (seccomp::native_arch() == seccomp::Arch::aarch64)
        policy.architectures = {seccomp::Arch::aarch64, seccomp::Arch::arm};
    return policy;
}

}  // namespace casemate::policy

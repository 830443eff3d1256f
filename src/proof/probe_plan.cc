// The list as a whole, its way to the probe and back, and the judgement.
#include "proof/probe_plan.h"

#include <linux/capability.h>

#include <algorithm>

#include "base/text.h"
#include "proof/check_list.h"

namespace casemate::proof {

namespace {

constexpr uint32_t secbit_noroot = 1;

std::string hexadecimal(uint64_t value) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    do {
        out.insert(out.begin(), digits[value & 15]);
        value >>= 4;
    } while (value != 0);
    return out;
}

bool is_errno(std::string_view seen) {
    const auto part_of_name = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
    return seen.size() > 1 && seen[0] == 'E' && std::all_of(seen.begin(), seen.end(), part_of_name);
}

bool meets(std::string_view wanted, std::string_view seen) {
    if (wanted == "any") return true;
    if (wanted == "denied") return is_errno(seen) || seen == "SIGSYS";
    if (wanted == "absolute") return seen.starts_with('/');
    // `syscall` of a profile's expect: not refused, whatever the bad arguments led to.
    if (wanted == "not refused") return seen != "EPERM" && seen != "EACCES" && seen != "ENOSYS" && seen != "SIGSYS";
    return wanted == seen;
}

}  // namespace

std::string call_text(std::string_view call, const CallArguments& arguments) {
    const seccomp::Syscall* known = seccomp::find_syscall(call);
    const int number = known ? known->number[static_cast<size_t>(seccomp::native_arch())] : -1;
    if (number < 0) return {};
    std::string text = hexadecimal(static_cast<uint64_t>(number));
    char separator = ':';
    for (const uint64_t argument : arguments) {
        text += concat(separator, hexadecimal(argument));
        separator = ',';
    }
    return text;
}

std::string CheckList::filtered(int number, const CallArguments& arguments) const {
    if (!filtering()) return {};
    seccomp_data call{};
    call.nr = number;
    call.arch = seccomp::audit_arch(seccomp::native_arch());
    for (size_t i = 0; i < arguments.size(); ++i) call.args[i] = arguments[i];
    const auto verdict = seccomp::evaluate(plan.seccomp().program, call);
    if (!verdict) return "a program that can be evaluated";  // nothing equals this: a surprise, never a pass
    switch (verdict.value() & SECCOMP_RET_ACTION_FULL) {
        case SECCOMP_RET_ALLOW:
        case SECCOMP_RET_LOG: return {};
        case SECCOMP_RET_ERRNO: return errno_name(static_cast<int>(verdict.value() & SECCOMP_RET_DATA));
        default: return "SIGSYS";
    }
}

std::string CheckList::filtered(std::string_view call, const CallArguments& arguments) const {
    const seccomp::Syscall* known = seccomp::find_syscall(call);
    const int number = known ? known->number[static_cast<size_t>(seccomp::native_arch())] : -1;
    return number < 0 ? std::string() : filtered(number, arguments);
}

bool CheckList::has_capability(int capability) const {
    const plan::CapabilitiesPlan& sets = plan.capabilities();
    const bool as_root = plan.ids().uid == 0 && !(sets.securebits & secbit_noroot);
    return ((as_root ? sets.bounding | sets.inheritable : sets.ambient) >> capability & 1) != 0;
}

std::vector<ProbeCheck> probe_checks(const plan::Plan& plan, const policy::Profile& profile,
                                     const ProbeContext& context) {
    CheckList list(plan, profile, context);
    add_call_checks(list);
    add_socket_checks(list);
    add_path_checks(list);
    add_memory_checks(list);
    add_network_checks(list);
    add_process_checks(list);
    add_expectations(list);
    return std::move(list.checks);
}

std::vector<std::string> probe_arguments(const std::vector<ProbeCheck>& checks) {
    std::vector<std::string> arguments = {"casemate-probe"};
    for (const ProbeCheck& check : checks) {
        arguments.push_back(check.kind);
        arguments.push_back(check.object);
    }
    return arguments;
}

ProbeStatus judge(const std::string& expected, const std::string& seen) {
    if (seen.starts_with("skip")) return ProbeStatus::skipped;
    if (expected == "any") return ProbeStatus::recorded;
    for (const std::string_view wanted : split(expected, '|')) {
        if (meets(wanted, seen)) return ProbeStatus::passed;
    }
    return ProbeStatus::surprise;
}

std::vector<ProbeResult> judge_probe(const std::vector<ProbeCheck>& checks, std::string_view output) {
    std::vector<ProbeResult> results;
    const std::vector<std::string_view> lines = split(output, '\n');
    for (size_t i = 0; i < checks.size(); ++i) {
        ProbeResult result{checks[i], "no answer", ProbeStatus::surprise};
        const std::string prefix = concat(i, ' ');
        if (i < lines.size() && lines[i].starts_with(prefix)) {
            result.seen = lines[i].substr(prefix.size());
            result.status = judge(result.check.expected, result.seen);
        }
        results.push_back(std::move(result));
    }
    return results;
}

}  // namespace casemate::proof

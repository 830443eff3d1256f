// RUN-01 to RUN-16, 34 to 38: who the process is, and what the kernel lets it do.
#include <algorithm>
#include <set>

#include "audit/bundle_rules.h"
#include "audit/listed.h"
#include "audit/secrets.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

using oci::Config;

void not_root(const Config& config, const Report& report) {
    if (!config.process) return report("$.process", "is missing: what will run is not known");
    if (config.process->user.uid == 0) report("$.process.user.uid", "0");
}

void not_root_group(const Config& config, const Report& report) {
    if (!config.process) return;
    if (config.process->user.gid == 0) report("$.process.user.gid", "0");
    if (std::ranges::count(config.process->user.additional_gids, 0u) > 0)
        report("$.process.user.additionalGids", "lists 0");
}

void bounding_empty(const Config& config, const Report& report) {
    if (!config.process) return;
    const auto& sets = config.process->capabilities;
    // runtime-spec: without the object no set is changed.
    if (!sets || !sets->bounding)
        return report("$.process.capabilities", "the bounding set is not given: the runtime's own");
    if (!sets->bounding->empty()) report("$.process.capabilities.bounding", join(*sets->bounding, " "));
}

// The four sets that give rights at once, with their keys.
std::vector<std::pair<const char*, std::vector<std::string>>> active_sets(const Config& config) {
    std::vector<std::pair<const char*, std::vector<std::string>>> sets;
    if (!config.process || !config.process->capabilities) return sets;
    const oci::Capabilities& all = *config.process->capabilities;
    sets.emplace_back("effective", all.effective.value_or(std::vector<std::string>{}));
    sets.emplace_back("permitted", all.permitted.value_or(std::vector<std::string>{}));
    sets.emplace_back("inheritable", all.inheritable.value_or(std::vector<std::string>{}));
    sets.emplace_back("ambient", all.ambient.value_or(std::vector<std::string>{}));
    return sets;
}

void others_empty(const Config& config, const Report& report) {
    for (const auto& [key, names] : active_sets(config))
        if (!names.empty()) report(concat("$.process.capabilities.", key), join(names, " "));
}

std::set<std::string> all_capabilities(const Config& config) {
    std::set<std::string> all;
    for (const auto& [key, names] : active_sets(config)) all.insert(names.begin(), names.end());
    if (config.process && config.process->capabilities && config.process->capabilities->bounding)
        all.insert(config.process->capabilities->bounding->begin(), config.process->capabilities->bounding->end());
    return all;
}

void no_capability(const Config& config, const Report& report, std::span<const std::string_view> names) {
    for (const std::string& name : all_capabilities(config))
        if (listed(names, name)) report("$.process.capabilities", name);
}

void nothing_like_root(const Config& config, const Report& report) {
    static constexpr std::string_view names[] = {
        "CAP_SYS_ADMIN",       "CAP_SYS_PTRACE", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_NET_ADMIN",
        "CAP_DAC_READ_SEARCH", "CAP_BPF",        "CAP_PERFMON",    "CAP_SYS_BOOT",  "CAP_MAC_ADMIN"};
    no_capability(config, report, names);
}
void no_raw(const Config& config, const Report& report) {
    static constexpr std::string_view names[] = {"CAP_NET_RAW", "CAP_MKNOD"};
    no_capability(config, report, names);
}

void no_new_privileges(const Config& config, const Report& report) {
    if (config.process && !config.process->no_new_privileges) report("$.process.noNewPrivileges", "false or not given");
}

void seccomp_on(const Config& config, const Report& report) {
    if (!config.linux_.seccomp) report("$.linux.seccomp", "not given");
}

bool allows(std::string_view action) { return action == "SCMP_ACT_ALLOW" || action == "SCMP_ACT_LOG"; }

void seccomp_default(const Config& config, const Report& report) {
    if (config.linux_.seccomp && allows(config.linux_.seccomp->default_action))
        report("$.linux.seccomp.defaultAction", config.linux_.seccomp->default_action);
}

// By name, arguments not looked at: a rule that allows a call for some arguments is asked about too.
void dangerous_calls(const Config& config, const Report& report) {
    static constexpr std::string_view dangerous[] = {"keyctl",
                                                     "add_key",
                                                     "request_key",
                                                     "bpf",
                                                     "userfaultfd",
                                                     "io_uring_setup",
                                                     "io_uring_enter",
                                                     "io_uring_register",
                                                     "unshare",
                                                     "setns",
                                                     "mount",
                                                     "umount2",
                                                     "move_mount",
                                                     "open_tree",
                                                     "fsopen",
                                                     "fsmount",
                                                     "mount_setattr",
                                                     "pivot_root",
                                                     "ptrace",
                                                     "process_vm_writev",
                                                     "kexec_load",
                                                     "kexec_file_load",
                                                     "init_module",
                                                     "finit_module",
                                                     "delete_module",
                                                     "perf_event_open",
                                                     "open_by_handle_at",
                                                     "reboot",
                                                     "swapon",
                                                     "swapoff",
                                                     "iopl",
                                                     "ioperm"};
    if (!config.linux_.seccomp) return;
    const oci::Seccomp& filter = *config.linux_.seccomp;
    std::vector<std::string> open;
    for (const std::string_view call : dangerous) {
        bool allowed = allows(filter.default_action);
        for (const oci::SeccompRule& rule : filter.syscalls)
            if (listed(rule.names, call)) allowed = allows(rule.action) || (allowed && !rule.args.empty());
        if (allowed) open.emplace_back(call);
    }
    if (!open.empty()) report("$.linux.seccomp", concat("allows ", join(open, " ")));
}

void native_only(const Config& config, const Report& report) {
    if (!config.linux_.seccomp) return;
    for (const char* name : {"SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_ARM"})
        if (listed(config.linux_.seccomp->architectures, name) && config.linux_.seccomp->architectures.size() > 1)
            report("$.linux.seccomp.architectures", name);
}

void own_namespace(const Config& config, const Report& report, std::string_view type) {
    const oci::Namespace* const found = config.find_namespace(type);
    if (!found) report("$.linux.namespaces", concat("no ", type, " namespace: the caller's is used"));
}
void own_pid(const Config& config, const Report& report) { own_namespace(config, report, "pid"); }
void own_network(const Config& config, const Report& report) { own_namespace(config, report, "network"); }
void own_others(const Config& config, const Report& report) {
    for (const char* type : {"ipc", "uts", "mount", "cgroup"}) own_namespace(config, report, type);
}
void own_user(const Config& config, const Report& report) {
    if (!config.find_namespace("user")) return own_namespace(config, report, "user");
    for (const oci::IdMap& map : config.linux_.uid_mappings)
        if (map.host_id == 0) report("$.linux.uidMappings", "maps to the host's root");
}

void tight_umask(const Config& config, const Report& report) {
    if (!config.process) return;
    const auto& umask = config.process->user.umask;
    if (!umask || (*umask & 027) != 027) report("$.process.user.umask", umask ? "looser than 027" : "not given");
}

void no_terminal(const Config& config, const Report& report) {
    if (config.process && config.process->terminal) report("$.process.terminal", "true");
}

void security_module(const Config& config, const Report& report) {
    if (!config.process) return;
    const bool apparmor = !config.process->apparmor_profile.empty() && config.process->apparmor_profile != "unconfined";
    if (!apparmor && config.process->selinux_label.empty())
        report("$.process", "neither apparmorProfile nor selinuxLabel");
}

void clean_environment(const Config& config, const Report& report) {
    if (!config.process) return;
    for (const std::string& variable : config.process->env) {
        const size_t equals = variable.find('=');
        const std::string name = variable.substr(0, equals);
        const std::string where = concat("$.process.env ", printable(name));
        if (name.starts_with("LD_") || name == "GCONV_PATH" || name == "BASH_ENV" || name == "PYTHONSTARTUP")
            report(where, "is read as code by what starts");
        const std::string value = equals == std::string::npos ? "" : variable.substr(equals + 1);
        if (const std::string_view reason = secret_reason(name, value); !reason.empty())
            report(where, concat("looks like a credential by ", reason));
    }
}

constexpr Check<Config> checks[] = {
    {"RUN-01", not_root},          {"RUN-02", not_root_group},  {"RUN-03", bounding_empty},    {"RUN-04", others_empty},
    {"RUN-05", nothing_like_root}, {"RUN-06", no_raw},          {"RUN-07", no_new_privileges}, {"RUN-09", seccomp_on},
    {"RUN-10", seccomp_default},   {"RUN-11", dangerous_calls}, {"RUN-12", native_only},       {"RUN-13", own_pid},
    {"RUN-14", own_network},       {"RUN-15", own_others},      {"RUN-16", own_user},          {"RUN-34", tight_umask},
    {"RUN-35", no_terminal},       {"RUN-36", security_module}, {"RUN-38", clean_environment}};

}  // namespace

std::span<const Check<Config>> privilege_checks() { return checks; }

}  // namespace casemate::audit

// RUN on a running process: the same questions as of a config.json, asked of the kernel.
#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "audit/listed.h"
#include "audit/process_facts.h"
#include "audit/secrets.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

void not_root(const ProcessFacts& facts, const Report& report) {
    if (listed(facts.uids, 0u)) report("status Uid", "0 in the host's view");
    if (facts.inside_uid == 0u) report("uid_map", "0 in its own view");
}

void not_root_group(const ProcessFacts& facts, const Report& report) {
    if (listed(facts.gids, 0u)) report("status Gid", "0");
    if (listed(facts.groups, 0u)) report("status Groups", "lists 0");
}

std::string hexadecimal(uint64_t set) {
    char text[32];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(set));
    return text;
}

void bounding_empty(const ProcessFacts& facts, const Report& report) {
    if (facts.bounding != 0) report("status CapBnd", hexadecimal(facts.bounding));
}

void others_empty(const ProcessFacts& facts, const Report& report) {
    const std::pair<const char*, uint64_t> sets[] = {{"CapEff", facts.effective},
                                                     {"CapPrm", facts.permitted},
                                                     {"CapInh", facts.inheritable},
                                                     {"CapAmb", facts.ambient}};
    for (const auto& [name, set] : sets)
        if (set != 0) report(concat("status ", name), hexadecimal(set));
}

using Capability = std::pair<int, const char*>;
void no_capability(const ProcessFacts& facts, const Report& report, std::span<const Capability> capabilities) {
    const uint64_t any = facts.bounding | facts.effective | facts.permitted | facts.inheritable | facts.ambient;
    for (const auto& [number, name] : capabilities)
        if ((any >> number & 1) != 0) report("status Cap*", name);
}

void nothing_like_root(const ProcessFacts& facts, const Report& report) {
    static constexpr Capability names[] = {{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
                                           {CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
                                           {CAP_SYS_MODULE, "CAP_SYS_MODULE"},
                                           {CAP_SYS_RAWIO, "CAP_SYS_RAWIO"},
                                           {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
                                           {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"},
                                           {CAP_BPF, "CAP_BPF"},
                                           {CAP_PERFMON, "CAP_PERFMON"},
                                           {CAP_SYS_BOOT, "CAP_SYS_BOOT"}};
    no_capability(facts, report, names);
}
void no_raw(const ProcessFacts& facts, const Report& report) {
    static constexpr Capability names[] = {{CAP_NET_RAW, "CAP_NET_RAW"}, {CAP_MKNOD, "CAP_MKNOD"}};
    no_capability(facts, report, names);
}

void no_new_privileges(const ProcessFacts& facts, const Report& report) {
    if (!facts.no_new_privs) report("status NoNewPrivs", "0");
}

void seccomp_on(const ProcessFacts& facts, const Report& report) {
    if (facts.seccomp_mode == 0) report("status Seccomp", "0");
}

bool is_read_only(const ProcessMount& mount) { return listed(mount.flags, "ro") || listed(mount.super_options, "ro"); }

// The mount that is seen at `point`: of several the last.
const ProcessMount* topmost(const ProcessFacts& facts, std::string_view point) {
    const ProcessMount* found = nullptr;
    for (const ProcessMount& mount : facts.mounts)
        if (mount.point == point) found = &mount;
    return found;
}

void root_read_only(const ProcessFacts& facts, const Report& report) {
    const ProcessMount* const root = topmost(facts, "/");
    if (!root || !is_read_only(*root)) report("mountinfo /", root ? "is writable" : "is not there");
}

void own_namespace(const ProcessFacts& facts, const Report& report, const char* kind) {
    if (facts.shared_namespaces.contains(kind)) report(concat("ns/", kind), "is the auditor's");
}
void own_pid(const ProcessFacts& facts, const Report& report) { own_namespace(facts, report, "pid"); }
void own_network(const ProcessFacts& facts, const Report& report) { own_namespace(facts, report, "net"); }
void own_others(const ProcessFacts& facts, const Report& report) {
    for (const char* kind : {"ipc", "uts", "mnt", "cgroup"}) own_namespace(facts, report, kind);
}
void own_user(const ProcessFacts& facts, const Report& report) { own_namespace(facts, report, "user"); }

void settings_read_only(const ProcessFacts& facts, const Report& report) {
    const ProcessMount* const proc = topmost(facts, "/proc");
    if (!proc || is_read_only(*proc)) return;
    for (const char* path : {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"}) {
        const ProcessMount* const mount = topmost(facts, path);
        const bool masked = mount && mount->type != "proc";  // something else lies over it
        if (!masked && (!mount || !is_read_only(*mount))) report(concat("mountinfo ", path), "is writable for who may");
    }
}

void private_proc(const ProcessFacts& facts, const Report& report) {
    for (const ProcessMount& mount : facts.mounts) {
        if (mount.type != "proc" || mount.point != "/proc") continue;
        const bool hidden = std::ranges::any_of(mount.super_options, [](const std::string& option) {
            return option == "subset=pid" ||
                   (option.starts_with("hidepid=") && option != "hidepid=0" && option != "hidepid=off");
        });
        if (!hidden) report(concat("mountinfo ", mount.point), "neither hidepid nor subset=pid");
    }
}

void kernel_trees_read_only(const ProcessFacts& facts, const Report& report) {
    for (const ProcessMount& mount : facts.mounts)
        if (listed(std::array<std::string_view, 3>{"sysfs", "cgroup", "cgroup2"}, mount.type) && !is_read_only(mount))
            report(concat("mountinfo ", printable(mount.point)), concat(mount.type, " is writable"));
}

void restricted_options(const ProcessFacts& facts, const Report& report) {
    for (const ProcessMount& mount : facts.mounts) {
        const bool kernel = listed(std::array<std::string_view, 4>{"proc", "devpts", "sysfs", "cgroup2"}, mount.type);
        const bool device = mount.point.starts_with("/dev/") && mount.type == "devtmpfs";
        if (mount.point == "/" || kernel || device || is_read_only(mount)) continue;  // "/" is RUN-08's
        std::vector<std::string> missing;
        for (const char* flag : {"noexec", "nosuid", "nodev"})
            if (!listed(mount.flags, flag) && !(mount.point == "/dev" && std::string_view(flag) == "nodev"))
                missing.emplace_back(flag);
        if (!missing.empty())
            report(concat("mountinfo ", printable(mount.point)), concat("lacks ", join(missing, " ")));
    }
}

void tmpfs_limited(const ProcessFacts& facts, const Report& report) {
    for (const ProcessMount& mount : facts.mounts) {
        const bool limited =
            std::ranges::any_of(mount.super_options, [](const std::string& one) { return one.starts_with("size="); });
        if (mount.type == "tmpfs" && !limited && !is_read_only(mount))
            report(concat("mountinfo ", printable(mount.point)), "no size=");
    }
}

void no_control_sockets(const ProcessFacts& facts, const Report& report) {
    static constexpr std::string_view names[] = {"docker.sock", "containerd.sock", "podman.sock", "crio.sock",
                                                 "system_bus_socket"};
    for (const ProcessMount& mount : facts.mounts)
        for (const std::string_view name : names)
            if (mount.point.ends_with(name))
                report(concat("mountinfo ", printable(mount.point)), "is a control socket");
}

void private_propagation(const ProcessFacts& facts, const Report& report) {
    if (facts.shared_namespaces.contains("mnt")) return;  // RUN-15's
    for (const ProcessMount& mount : facts.mounts)
        for (const std::string& group : mount.peer_groups)
            if (facts.host_peer_groups.contains(group))
                report(concat("mountinfo ", printable(mount.point)),
                       concat("shared:", group, " is the auditor's peer group too"));
}

// A cgroup file that is absent or says "max" limits nothing.
bool is_limited(const ProcessFacts& facts, const char* file) {
    const auto found = facts.cgroup.find(file);
    return found != facts.cgroup.end() && !found->second.starts_with("max");
}
void pids_limited(const ProcessFacts& facts, const Report& report) {
    if (!is_limited(facts, "pids.max")) report("cgroup pids.max", "no limit");
}
void memory_limited(const ProcessFacts& facts, const Report& report) {
    if (!is_limited(facts, "memory.max")) return report("cgroup memory.max", "no limit");
    if (facts.cgroup.contains("memory.swap.max") && !is_limited(facts, "memory.swap.max"))
        report("cgroup memory.swap.max", "no limit");
}
void cpu_limited(const ProcessFacts& facts, const Report& report) {
    const auto weight = facts.cgroup.find("cpu.weight");
    const bool weighted = weight != facts.cgroup.end() && weight->second != "100";  // the kernel's default
    if (!is_limited(facts, "cpu.max") && !weighted) report("cgroup cpu.max", "no limit");
}

void rlimits_set(const ProcessFacts& facts, const Report& report) {
    const auto hard = [&](const char* name) {
        const auto found = facts.limits.find(name);
        return found == facts.limits.end() ? UINT64_MAX : found->second.second;
    };
    if (hard("RLIMIT_CORE") != 0) report("limits", "RLIMIT_CORE is not 0");
    for (const char* name : {"RLIMIT_NOFILE", "RLIMIT_NPROC"})
        if (hard(name) == UINT64_MAX) report("limits", concat(name, " is unlimited"));
}

void tight_umask(const ProcessFacts& facts, const Report& report) {
    if ((facts.umask & 027) != 027) report("status Umask", "looser than 027");
}

void no_terminal(const ProcessFacts& facts, const Report& report) {
    if (facts.terminal) report("stat tty_nr", "has a controlling terminal");
}

void security_module(const ProcessFacts& facts, const Report& report) {
    if (facts.security_label.empty() || facts.security_label == "unconfined") report("attr/current", "unconfined");
}

void clean_environment(const ProcessFacts& facts, const Report& report) {
    for (const std::string& variable : facts.environment) {
        const size_t equals = std::min(variable.find('='), variable.size());
        const std::string name = variable.substr(0, equals);
        const std::string where = concat("environ ", printable(name));
        if (name.starts_with("LD_")) report(where, "is read as code by what starts");
        const std::string_view value = std::string_view(variable).substr(std::min(equals + 1, variable.size()));
        if (const std::string_view reason = secret_reason(name, value); !reason.empty())
            report(where, concat("looks like a credential by ", reason));
    }
}

void no_outside_descriptors(const ProcessFacts& facts, const Report& report) {
    if (facts.shared_namespaces.contains("mnt")) return;  // nothing is outside then
    for (const ProcessDescriptor& descriptor : facts.descriptors)
        if (descriptor.outside)
            report(concat("fd/", descriptor.number), concat(quoted(descriptor.target), " is outside of its mounts"));
}

void oom_order(const ProcessFacts& facts, const Report& report) {
    if (facts.oom_score_adj < 0) report("oom_score_adj", std::to_string(facts.oom_score_adj));
}

constexpr Check<ProcessFacts> checks[] = {{"RUN-01", not_root},
                                          {"RUN-02", not_root_group},
                                          {"RUN-03", bounding_empty},
                                          {"RUN-04", others_empty},
                                          {"RUN-05", nothing_like_root},
                                          {"RUN-06", no_raw},
                                          {"RUN-07", no_new_privileges},
                                          {"RUN-08", root_read_only},
                                          {"RUN-09", seccomp_on},
                                          {"RUN-13", own_pid},
                                          {"RUN-14", own_network},
                                          {"RUN-15", own_others},
                                          {"RUN-16", own_user},
                                          {"RUN-19", settings_read_only},
                                          {"RUN-20", private_proc},
                                          {"RUN-21", kernel_trees_read_only},
                                          {"RUN-22", restricted_options},
                                          {"RUN-23", tmpfs_limited},
                                          {"RUN-25", no_control_sockets},
                                          {"RUN-27", private_propagation},
                                          {"RUN-29", pids_limited},
                                          {"RUN-30", memory_limited},
                                          {"RUN-31", cpu_limited},
                                          {"RUN-33", rlimits_set},
                                          {"RUN-34", tight_umask},
                                          {"RUN-35", no_terminal},
                                          {"RUN-36", security_module},
                                          {"RUN-38", clean_environment},
                                          {"RUN-39", no_outside_descriptors},
                                          {"RUN-51", oom_order}};

}  // namespace

std::span<const Check<ProcessFacts>> process_checks() { return checks; }

}  // namespace casemate::audit

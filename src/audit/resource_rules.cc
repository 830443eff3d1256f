// RUN-28 to 33, 40 to 52: what the container may use up, and what it may do to the host besides.
#include <algorithm>
#include <array>

#include "audit/bundle_rules.h"
#include "audit/listed.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

using oci::Config;

void devices_denied(const Config& config, const Report& report) {
    static constexpr std::string_view standard[] = {"/dev/null",    "/dev/zero", "/dev/full",    "/dev/random",
                                                    "/dev/urandom", "/dev/tty",  "/dev/console", "/dev/ptmx"};
    const auto& resources = config.linux_.resources;
    const bool denies = resources && !resources->devices.empty() && !resources->devices[0].allow &&
                        (resources->devices[0].type.empty() || resources->devices[0].type == "a") &&
                        !resources->devices[0].major;
    if (!denies) report("$.linux.resources.devices", "no first rule that denies all");
    if (resources)
        for (const oci::DeviceRule& rule : resources->devices)
            if (rule.allow && (rule.type.empty() || rule.type == "a" || rule.type == "b" || !rule.major) &&
                rule.access != "m")
                report("$.linux.resources.devices", "allows a block device, or whole classes of devices");
    for (const oci::Device& device : config.linux_.devices)
        if (!listed(standard, device.path)) report("$.linux.devices", printable(device.path));
}

void pids_limited(const Config& config, const Report& report) {
    const auto& resources = config.linux_.resources;
    if (!resources || !resources->pids_limit || *resources->pids_limit <= 0)
        report("$.linux.resources.pids.limit", "not given");
}

void memory_limited(const Config& config, const Report& report) {
    const auto& resources = config.linux_.resources;
    const bool limited = resources && resources->memory && resources->memory->limit && *resources->memory->limit > 0;
    if (!limited) return report("$.linux.resources.memory.limit", "not given");
    if (!resources->memory->swap || *resources->memory->swap < 0)
        report("$.linux.resources.memory.swap", "not given: swap is not limited");
    if (resources->memory->disable_oom_killer.value_or(false))
        report("$.linux.resources.memory.disableOOMKiller", "true");
}

void cpu_limited(const Config& config, const Report& report) {
    const auto& resources = config.linux_.resources;
    const bool limited = resources && resources->cpu &&
                         (resources->cpu->quota.value_or(0) > 0 || resources->cpu->shares.value_or(0) > 0 ||
                          !resources->cpu->cpus.empty());
    const bool unified =
        resources && (resources->unified.contains("cpu.max") || resources->unified.contains("cpu.weight"));
    if (!limited && !unified) report("$.linux.resources.cpu", "neither quota nor shares");
}

const oci::Rlimit* find_limit(const Config& config, std::string_view type) {
    if (!config.process) return nullptr;
    const auto found = std::ranges::find(config.process->rlimits, type, &oci::Rlimit::type);
    return found == config.process->rlimits.end() ? nullptr : &*found;
}

void rlimits_set(const Config& config, const Report& report) {
    if (!config.process) return;
    const oci::Rlimit* const core = find_limit(config, "RLIMIT_CORE");
    if (!core || core->hard != 0) report("$.process.rlimits", core ? "RLIMIT_CORE is not 0" : "no RLIMIT_CORE");
    for (const char* type : {"RLIMIT_NOFILE", "RLIMIT_NPROC"})
        if (!find_limit(config, type)) report("$.process.rlimits", concat("no ", type));
}

// Those that belong to the IPC, network or UTS namespace; net.* needs its own network namespace.
void own_sysctls(const Config& config, const Report& report) {
    static constexpr std::string_view ipc[] = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                               "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                               "kernel.shmmni", "kernel.shm_rmid_forced"};
    for (const auto& [name, value] : config.linux_.sysctl) {
        const bool ipc_own = (listed(ipc, name) || name.starts_with("fs.mqueue.")) && config.find_namespace("ipc");
        const bool net_own = name.starts_with("net.") && config.find_namespace("network");
        const bool uts_own = (name == "kernel.domainname" || name == "kernel.hostname") && config.find_namespace("uts");
        if (!ipc_own && !net_own && !uts_own) report("$.linux.sysctl", printable(name));
    }
}

void no_hooks(const Config& config, const Report& report) {
    const oci::Hooks& hooks = config.hooks;
    const std::pair<const char*, const std::vector<oci::Hook>*> lists[] = {{"prestart", &hooks.prestart},
                                                                           {"createRuntime", &hooks.create_runtime},
                                                                           {"createContainer", &hooks.create_container},
                                                                           {"startContainer", &hooks.start_container},
                                                                           {"poststart", &hooks.poststart},
                                                                           {"poststop", &hooks.poststop}};
    for (const auto& [key, list] : lists)
        for (const oci::Hook& hook : *list) report(concat("$.hooks.", key), printable(hook.path));
}

void oom_order(const Config& config, const Report& report) {
    if (config.process && config.process->oom_score_adj.value_or(0) < 0)
        report("$.process.oomScoreAdj", std::to_string(*config.process->oom_score_adj));
}

void no_realtime(const Config& config, const Report& report) {
    if (!config.process) return;
    static constexpr std::string_view realtime[] = {"SCHED_FIFO", "SCHED_RR", "SCHED_DEADLINE"};
    const auto& scheduler = config.process->scheduler;
    if (scheduler && listed(realtime, scheduler->policy)) report("$.process.scheduler.policy", scheduler->policy);
    if (scheduler && scheduler->nice.value_or(0) < 0)
        report("$.process.scheduler.nice", std::to_string(*scheduler->nice));
    for (const char* type : {"RLIMIT_RTPRIO", "RLIMIT_NICE"})
        if (const oci::Rlimit* const limit = find_limit(config, type); limit && limit->hard > 0)
            report("$.process.rlimits", type);
    const auto& resources = config.linux_.resources;
    if (resources && resources->cpu && resources->cpu->realtime_runtime.value_or(0) > 0)
        report("$.linux.resources.cpu.realtimeRuntime", std::to_string(*resources->cpu->realtime_runtime));
}

constexpr Check<Config> checks[] = {{"RUN-28", devices_denied}, {"RUN-29", pids_limited}, {"RUN-30", memory_limited},
                                    {"RUN-31", cpu_limited},    {"RUN-33", rlimits_set},  {"RUN-40", own_sysctls},
                                    {"RUN-48", no_hooks},       {"RUN-51", oom_order},    {"RUN-52", no_realtime}};

}  // namespace

std::span<const Check<Config>> resource_checks() { return checks; }

}  // namespace casemate::audit

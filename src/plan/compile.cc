// compile(): config.json, profile and host facts become a Plan. Validators and concerns run in a fixed order, nothing is
// touched, and what config.json asks for and is not applied yet is refused by its JSON path (never ignored).
#include "base/text.h"
#include "oci/unsupported.h"
#include "plan/compiler.h"

namespace casemate::plan {
namespace {

// The fields that some step applies. Whatever else is present in config.json ends the launch.
constexpr std::string_view applied[] = {
    "$.ociVersion", "$.root.path", "$.root.readonly", "$.hostname", "$.domainname", "$.annotations",
    "$.mounts[].destination", "$.mounts[].type", "$.mounts[].source", "$.mounts[].options",
    "$.process.user.uid", "$.process.user.gid", "$.process.user.umask", "$.process.user.additionalGids",
    "$.process.args", "$.process.env", "$.process.cwd", "$.process.noNewPrivileges", "$.process.oomScoreAdj",
    "$.process.execCPUAffinity.initial", "$.process.execCPUAffinity.final",
    "$.process.capabilities", "$.process.capabilities.bounding", "$.process.capabilities.effective",
    "$.process.capabilities.permitted", "$.process.capabilities.inheritable", "$.process.capabilities.ambient",
    "$.process.terminal", "$.process.consoleSize.height", "$.process.consoleSize.width",
    "$.process.rlimits[].type", "$.process.rlimits[].soft", "$.process.rlimits[].hard",
    "$.linux.namespaces[].type", "$.linux.namespaces[].path", "$.linux.uidMappings[].containerID", "$.linux.uidMappings[].hostID",
    "$.linux.uidMappings[].size", "$.linux.gidMappings[].containerID", "$.linux.gidMappings[].hostID",
    "$.linux.gidMappings[].size", "$.linux.sysctl", "$.linux.rootfsPropagation", "$.linux.maskedPaths",
    "$.linux.readonlyPaths", "$.linux.timeOffsets.*.secs", "$.linux.timeOffsets.*.nanosecs",
    "$.linux.devices[].path", "$.linux.devices[].type", "$.linux.devices[].major", "$.linux.devices[].minor",
    "$.linux.devices[].fileMode", "$.linux.devices[].uid", "$.linux.devices[].gid",
    "$.linux.seccomp.defaultAction", "$.linux.seccomp.defaultErrnoRet", "$.linux.seccomp.architectures",
    "$.linux.seccomp.flags", "$.linux.seccomp.syscalls[].names", "$.linux.seccomp.syscalls[].action",
    "$.linux.seccomp.syscalls[].errnoRet", "$.linux.seccomp.syscalls[].args[].index",
    "$.linux.seccomp.syscalls[].args[].value", "$.linux.seccomp.syscalls[].args[].valueTwo",
    "$.hooks.prestart[].path", "$.hooks.prestart[].args", "$.hooks.prestart[].env", "$.hooks.prestart[].timeout",
    "$.hooks.createRuntime[].path", "$.hooks.createRuntime[].args", "$.hooks.createRuntime[].env", "$.hooks.createRuntime[].timeout",
    "$.hooks.createContainer[].path", "$.hooks.createContainer[].args", "$.hooks.createContainer[].env", "$.hooks.createContainer[].timeout",
    "$.hooks.startContainer[].path", "$.hooks.startContainer[].args", "$.hooks.startContainer[].env", "$.hooks.startContainer[].timeout",
    "$.hooks.poststart[].path", "$.hooks.poststart[].args", "$.hooks.poststart[].env", "$.hooks.poststart[].timeout",
    "$.hooks.poststop[].path", "$.hooks.poststop[].args", "$.hooks.poststop[].env", "$.hooks.poststop[].timeout",
    "$.linux.seccomp.syscalls[].args[].op", "$.linux.seccomp", "$.linux.seccomp.listenerPath", "$.linux.seccomp.listenerMetadata",
    "$.mounts[].uidMappings[].containerID", "$.mounts[].uidMappings[].hostID", "$.mounts[].uidMappings[].size",
    "$.mounts[].gidMappings[].containerID", "$.mounts[].gidMappings[].hostID", "$.mounts[].gidMappings[].size",
    "$.process.scheduler.policy", "$.process.scheduler.nice", "$.process.scheduler.priority", "$.process.scheduler.flags",
    "$.process.scheduler.runtime", "$.process.scheduler.deadline", "$.process.scheduler.period", "$.process.ioPriority.class",
    "$.process.ioPriority.priority", "$.process.execCPUAffinity",
    "$.process.apparmorProfile", "$.process.selinuxLabel", "$.linux.mountLabel", "$.linux.personality.domain", "$.linux.personality.flags",
    "$.linux.memoryPolicy.mode", "$.linux.memoryPolicy.nodes", "$.linux.memoryPolicy.flags", "$.linux.netDevices.*.name",
    // Refused by value, with the reason (scheduling.cc).
    "$.linux.intelRdt", "$.linux.intelRdt.closID", "$.linux.intelRdt.schemata", "$.linux.intelRdt.l3CacheSchema",
    "$.linux.intelRdt.memBwSchema", "$.linux.intelRdt.enableMonitoring",
    "$.linux.cgroupsPath", "$.linux.resources.devices[].allow", "$.linux.resources.devices[].type",
    "$.linux.resources.devices[].major", "$.linux.resources.devices[].minor", "$.linux.resources.devices[].access",
    "$.linux.resources.memory.limit", "$.linux.resources.memory.reservation", "$.linux.resources.memory.swap",
    "$.linux.resources.memory.kernel", "$.linux.resources.memory.kernelTCP", "$.linux.resources.memory.swappiness",
    "$.linux.resources.memory.disableOOMKiller", "$.linux.resources.memory.useHierarchy",
    "$.linux.resources.memory.checkBeforeUpdate", "$.linux.resources.cpu.shares", "$.linux.resources.cpu.quota",
    "$.linux.resources.cpu.burst", "$.linux.resources.cpu.period", "$.linux.resources.cpu.realtimeRuntime",
    "$.linux.resources.cpu.realtimePeriod", "$.linux.resources.cpu.cpus", "$.linux.resources.cpu.mems",
    "$.linux.resources.cpu.idle", "$.linux.resources.pids.limit", "$.linux.resources.blockIO.weight",
    "$.linux.resources.blockIO.leafWeight", "$.linux.resources.blockIO.weightDevice[].major",
    "$.linux.resources.blockIO.weightDevice[].minor", "$.linux.resources.blockIO.weightDevice[].weight",
    "$.linux.resources.blockIO.weightDevice[].leafWeight", "$.linux.resources.blockIO.throttleReadBpsDevice[].major",
    "$.linux.resources.blockIO.throttleReadBpsDevice[].minor", "$.linux.resources.blockIO.throttleReadBpsDevice[].rate",
    "$.linux.resources.blockIO.throttleWriteBpsDevice[].major", "$.linux.resources.blockIO.throttleWriteBpsDevice[].minor",
    "$.linux.resources.blockIO.throttleWriteBpsDevice[].rate", "$.linux.resources.blockIO.throttleReadIOPSDevice[].major",
    "$.linux.resources.blockIO.throttleReadIOPSDevice[].minor", "$.linux.resources.blockIO.throttleReadIOPSDevice[].rate",
    "$.linux.resources.blockIO.throttleWriteIOPSDevice[].major", "$.linux.resources.blockIO.throttleWriteIOPSDevice[].minor",
    "$.linux.resources.blockIO.throttleWriteIOPSDevice[].rate", "$.linux.resources.hugepageLimits[].pageSize",
    "$.linux.resources.hugepageLimits[].limit", "$.linux.resources.network.classID",
    "$.linux.resources.network.priorities[].name", "$.linux.resources.network.priorities[].priority",
    "$.linux.resources.rdma.*.hcaHandles", "$.linux.resources.rdma.*.hcaObjects", "$.linux.resources.unified",
    // Present and empty: they ask for nothing.
    "$.linux.resources", "$.linux.resources.memory", "$.linux.resources.cpu", "$.linux.resources.blockIO", "$.linux.resources.network",
    "$.linux.resources.rdma.*",
};

}  // namespace

std::span<const std::string_view> applied_fields() { return applied; }

std::string_view mode_name(Mode mode) {
    constexpr std::string_view names[] = {"root", "root with a user namespace", "rootless"};
    return names[static_cast<size_t>(mode)];
}

std::string_view mount_kind_name(MountKind kind) {
    constexpr std::string_view names[] = {"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup2", "bind", "devices", "file system", "remount"};
    return names[static_cast<size_t>(kind)];
}

bool NamespacesPlan::owns(std::string_view type) const {
    for (const std::string& own : own_types)
        if (own == type) return true;
    return false;
}

bool NamespacesPlan::joins(std::string_view type) const {
    for (const NamespaceFact& fact : joined)
        if (fact.type == type) return true;
    return false;
}

void Compiler::note(std::string text) { plan_.notes_.push_back(std::move(text)); }

Result<void> Compiler::refuse_unsupported() {
    const std::vector<std::string> places = oci::unsupported(config_, applied);
    if (places.empty()) return {};
    return Error::with_code(ENOTSUP, concat("config.json: ", places.front(), ": not applied by this version of casemate"))
        .hint("remove the field, or use a runtime that applies it; casemate never ignores a restriction");
}

Result<Plan> Compiler::run() && {
    plan_.exec_ = request_.exec;
    plan_.profile_name_ = profile_.name;
    plan_.waivers_ = profile_.waivers;
    if (config_.process->args.empty() && !request_.may_lack_process)
        return Error::invalid("config.json: $.process.args: nothing to run").hint(request_.launch ? "name a command after '--'" : "a process has at least one argument: its program");
    TRY(refuse_unsupported());
    TRY(ids());
    TRY(namespaces());
    TRY(cgroup());
    TRY(root());
    TRY(mounts());
    TRY(devices());
    TRY(paths());
    TRY(sysctl());
    TRY(process());
    TRY(terminal());
    TRY(hooks());
    TRY(scheduling());
    TRY(labels());
    TRY(rlimits());
    TRY(capabilities());
    TRY(network());
    TRY(seccomp());
    TRY(landlock());
    return std::move(plan_);
}

Result<Plan> compile(const oci::Config& config, const policy::Profile& profile, const HostFacts& facts, const Request& request) {
    if (config.process) return Compiler(config, profile, facts, request).run();
    oci::Config empty = config;
    empty.process.emplace();
    return Compiler(empty, profile, facts, request).run();
}

}  // namespace casemate::plan

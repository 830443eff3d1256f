// Every key of config.json 1.3 for Linux, once: which member it fills, and what its value must be (config.md,
// config-linux.md of the runtime specification). Reader, writer and presence list walk these functions.
// `group` opens an object whose keys fill members of the same struct.
#pragma once

#include "oci/config.h"
#include "oci/config_words.h"
#include "oci/field.h"

namespace casemate::oci {

inline constexpr uint64_t max_config_id = 0xfffffffe;  // 2^32-1 means "no change" to the kernel

template <typename V, Of<IdMap> S>
void fields(V& v, S& map) {
    v("containerID", map.container_id, {.required = true, .max = max_config_id});
    v("hostID", map.host_id, {.required = true, .max = max_config_id});
    v("size", map.size, {.required = true, .min = 1});
}

template <typename V, Of<Mount> S>
void fields(V& v, S& mount) {
    v("destination", mount.destination, {.required = true, .form = Form::not_empty});
    v("type", mount.type);
    v("source", mount.source);
    v("options", mount.options);
    v("uidMappings", mount.uid_mappings);
    v("gidMappings", mount.gid_mappings);
}

template <typename V, Of<Rlimit> S>
void fields(V& v, S& limit) {
    v("type", limit.type, {.required = true, .words = words::rlimits});
    v("soft", limit.soft, {.required = true});
    v("hard", limit.hard, {.required = true});
}

template <typename V, Of<User> S>
void fields(V& v, S& user) {
    v("uid", user.uid, {.required = true, .max = max_config_id});
    v("gid", user.gid, {.required = true, .max = max_config_id});
    v("umask", user.umask, {.max = 0777});
    v("additionalGids", user.additional_gids, {.max = max_config_id});
}

template <typename V, Of<Capabilities> S>
void fields(V& v, S& sets) {
    v("bounding", sets.bounding);
    v("effective", sets.effective);
    v("inheritable", sets.inheritable);
    v("permitted", sets.permitted);
    v("ambient", sets.ambient);
}

template <typename V, Of<Scheduler> S>
void fields(V& v, S& scheduler) {
    v("policy", scheduler.policy, {.required = true, .words = words::schedulers});
    v("nice", scheduler.nice, {.min = -20, .max = 19});
    v("priority", scheduler.priority, {.min = 0, .max = 99});
    v("flags", scheduler.flags, {.words = words::scheduler_flags});
    v("runtime", scheduler.runtime);
    v("deadline", scheduler.deadline);
    v("period", scheduler.period);
}

template <typename V, Of<IoPriority> S>
void fields(V& v, S& io) {
    v("class", io.io_class, {.required = true, .words = words::io_classes});
    v("priority", io.priority, {.min = 0, .max = 7});
}

template <typename V, Of<CpuAffinity> S>
void fields(V& v, S& affinity) {
    v("initial", affinity.initial);
    v("final", affinity.final);
}

// consoleSize
template <typename V, Of<std::pair<uint32_t, uint32_t>> S>
void fields(V& v, S& size) {
    v("height", size.first, {.required = true, .max = 65535});
    v("width", size.second, {.required = true, .max = 65535});
}

template <typename V, Of<Process> S>
void fields(V& v, S& process) {
    v("terminal", process.terminal);
    v("consoleSize", process.console_size);
    v("user", process.user, {.required = true});
    v("args", process.args);
    v("env", process.env);
    v("cwd", process.cwd, {.required = true, .form = Form::absolute});
    v("capabilities", process.capabilities);
    v("rlimits", process.rlimits);
    v("noNewPrivileges", process.no_new_privileges);
    v("oomScoreAdj", process.oom_score_adj, {.min = -1000, .max = 1000});
    v("apparmorProfile", process.apparmor_profile);
    v("selinuxLabel", process.selinux_label);
    v("scheduler", process.scheduler);
    v("ioPriority", process.io_priority);
    v("execCPUAffinity", process.exec_cpu_affinity);
}

template <typename V, Of<Hook> S>
void fields(V& v, S& hook) {
    v("path", hook.path, {.required = true, .form = Form::absolute});
    v("args", hook.args);
    v("env", hook.env);
    v("timeout", hook.timeout, {.min = 1});
}

template <typename V, Of<Hooks> S>
void fields(V& v, S& hooks) {
    v("prestart", hooks.prestart);
    v("createRuntime", hooks.create_runtime);
    v("createContainer", hooks.create_container);
    v("startContainer", hooks.start_container);
    v("poststart", hooks.poststart);
    v("poststop", hooks.poststop);
}

template <typename V, Of<Namespace> S>
void fields(V& v, S& ns) {
    v("type", ns.type, {.required = true, .words = words::namespaces});
    v("path", ns.path, {.form = Form::absolute});
}

template <typename V, Of<Device> S>
void fields(V& v, S& device) {
    v("path", device.path, {.required = true, .form = Form::absolute});
    v("type", device.type, {.required = true, .words = words::devices});
    v("major", device.major, {.min = 0, .max = 0xfff});
    v("minor", device.minor, {.min = 0, .max = 0xfffff});
    v("fileMode", device.file_mode, {.max = 0177777});
    v("uid", device.uid, {.max = max_config_id});
    v("gid", device.gid, {.max = max_config_id});
}

template <typename V, Of<DeviceRule> S>
void fields(V& v, S& rule) {
    v("allow", rule.allow, {.required = true});
    v("type", rule.type, {.words = words::device_rules});
    v("major", rule.major, {.min = -1, .max = 0xfff});
    v("minor", rule.minor, {.min = -1, .max = 0xfffff});
    v("access", rule.access);
}

template <typename V, Of<TimeOffset> S>
void fields(V& v, S& offset) {
    v("secs", offset.secs);
    v("nanosecs", offset.nanosecs, {.max = 999'999'999});
}

template <typename V, Of<ThrottleDevice> S>
void fields(V& v, S& device) {
    v("major", device.major, {.required = true, .min = 0, .max = 0xfff});
    v("minor", device.minor, {.required = true, .min = 0, .max = 0xfffff});
    v("rate", device.rate, {.required = true});
}

template <typename V, Of<WeightDevice> S>
void fields(V& v, S& device) {
    v("major", device.major, {.required = true, .min = 0, .max = 0xfff});
    v("minor", device.minor, {.required = true, .min = 0, .max = 0xfffff});
    v("weight", device.weight);
    v("leafWeight", device.leaf_weight);
}

template <typename V, Of<Resources::Memory> S>
void fields(V& v, S& memory) {
    v("limit", memory.limit, {.min = -1});
    v("reservation", memory.reservation, {.min = -1});
    v("swap", memory.swap, {.min = -1});
    v("kernel", memory.kernel, {.min = -1});
    v("kernelTCP", memory.kernel_tcp, {.min = -1});
    v("swappiness", memory.swappiness);
    v("disableOOMKiller", memory.disable_oom_killer);
    v("useHierarchy", memory.use_hierarchy);
    v("checkBeforeUpdate", memory.check_before_update);
}

template <typename V, Of<Resources::Cpu> S>
void fields(V& v, S& cpu) {
    v("shares", cpu.shares);
    v("quota", cpu.quota, {.min = -1});
    v("burst", cpu.burst);
    v("period", cpu.period);
    v("realtimeRuntime", cpu.realtime_runtime, {.min = -1});
    v("realtimePeriod", cpu.realtime_period);
    v("cpus", cpu.cpus);
    v("mems", cpu.mems);
    v("idle", cpu.idle, {.min = 0, .max = 1});
}

template <typename V, Of<Resources::BlockIo> S>
void fields(V& v, S& io) {
    v("weight", io.weight);
    v("leafWeight", io.leaf_weight);
    v("weightDevice", io.weight_device);
    v("throttleReadBpsDevice", io.read_bps);
    v("throttleWriteBpsDevice", io.write_bps);
    v("throttleReadIOPSDevice", io.read_iops);
    v("throttleWriteIOPSDevice", io.write_iops);
}

template <typename V, Of<Resources::HugepageLimit> S>
void fields(V& v, S& page) {
    v("pageSize", page.page_size, {.required = true, .form = Form::file_name});
    v("limit", page.limit, {.required = true});
}

// network.priorities
template <typename V, Of<std::pair<std::string, uint32_t>> S>
void fields(V& v, S& priority) {
    v("name", priority.first, {.required = true, .form = Form::file_name});
    v("priority", priority.second, {.required = true});
}

template <typename V, Of<Resources::Network> S>
void fields(V& v, S& network) {
    v("classID", network.class_id);
    v("priorities", network.priorities);
}

template <typename V, Of<Resources::Rdma> S>
void fields(V& v, S& rdma) {
    v("hcaHandles", rdma.hca_handles);
    v("hcaObjects", rdma.hca_objects);
}

template <typename V, Of<Resources> S>
void fields(V& v, S& resources) {
    v("devices", resources.devices);
    v("memory", resources.memory);
    v("cpu", resources.cpu);
    v.group("pids", [&](auto& pids) { pids("limit", resources.pids_limit, {.min = -1}); });
    v("blockIO", resources.block_io);
    v("hugepageLimits", resources.hugepage_limits);
    v("network", resources.network);
    v("rdma", resources.rdma, {.keys = Form::file_name});
    v("unified", resources.unified, {.keys = Form::file_name});
}

template <typename V, Of<SeccompArg> S>
void fields(V& v, S& arg) {
    v("index", arg.index, {.required = true, .max = 5});
    v("value", arg.value, {.required = true});
    v("valueTwo", arg.value_two);
    v("op", arg.op, {.required = true, .words = words::operators});
}

template <typename V, Of<SeccompRule> S>
void fields(V& v, S& rule) {
    v("names", rule.names, {.required = true, .form = Form::not_empty});
    v("action", rule.action, {.required = true, .words = words::actions});
    v("errnoRet", rule.errno_ret, {.max = 65535});
    v("args", rule.args);
}

template <typename V, Of<Seccomp> S>
void fields(V& v, S& seccomp) {
    v("defaultAction", seccomp.default_action, {.required = true, .words = words::actions});
    v("defaultErrnoRet", seccomp.default_errno_ret, {.max = 65535});
    v("architectures", seccomp.architectures, {.words = words::architectures});
    v("flags", seccomp.flags, {.words = words::filter_flags});
    v("listenerPath", seccomp.listener_path, {.form = Form::absolute});
    v("listenerMetadata", seccomp.listener_metadata);
    v("syscalls", seccomp.syscalls);
}

template <typename V, Of<IntelRdt> S>
void fields(V& v, S& rdt) {
    v("closID", rdt.clos_id, {.form = Form::file_name});
    v("schemata", rdt.schemata);
    v("l3CacheSchema", rdt.l3_cache_schema);
    v("memBwSchema", rdt.mem_bw_schema);
    v("enableMonitoring", rdt.enable_monitoring);
}

template <typename V, Of<MemoryPolicy> S>
void fields(V& v, S& policy) {
    v("mode", policy.mode, {.required = true, .words = words::memory_modes});
    v("nodes", policy.nodes);
    v("flags", policy.flags, {.words = words::memory_flags});
}

template <typename V, Of<Personality> S>
void fields(V& v, S& personality) {
    v("domain", personality.domain, {.required = true, .words = words::domains});
    v("flags", personality.flags);
}

template <typename V, Of<NetDevice> S>
void fields(V& v, S& device) {
    v("name", device.name, {.form = Form::file_name});
}

template <typename V, Of<Linux> S>
void fields(V& v, S& linux_part) {
    v("uidMappings", linux_part.uid_mappings);
    v("gidMappings", linux_part.gid_mappings);
    v("sysctl", linux_part.sysctl);
    v("resources", linux_part.resources);
    v("cgroupsPath", linux_part.cgroups_path);
    v("namespaces", linux_part.namespaces);
    v("devices", linux_part.devices);
    v("netDevices", linux_part.net_devices, {.keys = Form::file_name});
    v("seccomp", linux_part.seccomp);
    v("rootfsPropagation", linux_part.rootfs_propagation, {.words = words::propagation});
    v("maskedPaths", linux_part.masked_paths, {.form = Form::absolute});
    v("readonlyPaths", linux_part.readonly_paths, {.form = Form::absolute});
    v("mountLabel", linux_part.mount_label);
    v("intelRdt", linux_part.intel_rdt);
    v("memoryPolicy", linux_part.memory_policy);
    v("personality", linux_part.personality);
    v("timeOffsets", linux_part.time_offsets);
}

template <typename V, Of<Config> S>
void fields(V& v, S& config) {
    v("ociVersion", config.oci_version, {.required = true});
    v.group("root",
            [&](auto& root) {
                root("path", config.root_path, {.required = true, .form = Form::not_empty});
                root("readonly", config.root_readonly);
            },
            {.required = true});
    v("mounts", config.mounts);
    v("process", config.process);
    v("hostname", config.hostname);
    v("domainname", config.domainname);
    v("hooks", config.hooks);
    v("annotations", config.annotations);
    v("linux", config.linux_);
}

}  // namespace casemate::oci

// config.json of the OCI runtime specification 1.3, Linux only, as typed values. Pure: no system call.
//
// parse() keeps the document's own words (strings for capabilities, signals and mount options): the planner gives them
// meaning. Absent stays absent (std::optional), because "absent" and "empty" differ all over the specification.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace casemate::oci {

struct IdMap {
    uint32_t container_id = 0;
    uint32_t host_id = 0;
    uint32_t size = 0;
    bool operator==(const IdMap&) const = default;
};

struct Mount {
    std::string destination, type, source;
    std::vector<std::string> options;
    std::vector<IdMap> uid_mappings, gid_mappings;
    bool operator==(const Mount&) const = default;
};

struct Rlimit {
    std::string type;  // "RLIMIT_NOFILE"
    uint64_t soft = 0, hard = 0;
    bool operator==(const Rlimit&) const = default;
};

struct User {
    uint32_t uid = 0, gid = 0;
    std::optional<uint32_t> umask;
    std::vector<uint32_t> additional_gids;
    bool operator==(const User&) const = default;
};

struct Capabilities {
    std::optional<std::vector<std::string>> bounding, effective, inheritable, permitted, ambient;
    bool operator==(const Capabilities&) const = default;
};

struct Scheduler {
    std::string policy;
    std::optional<int32_t> nice, priority;
    std::vector<std::string> flags;
    std::optional<uint64_t> runtime, deadline, period;
    bool operator==(const Scheduler&) const = default;
};

struct IoPriority {
    std::string io_class;
    int32_t priority = 0;
    bool operator==(const IoPriority&) const = default;
};

struct CpuAffinity {
    std::string initial, final;
    bool operator==(const CpuAffinity&) const = default;
};

struct Process {
    bool terminal = false;
    std::optional<std::pair<uint32_t, uint32_t>> console_size;  // height, width
    User user;
    std::vector<std::string> args;
    std::vector<std::string> env;
    std::string cwd = "/";
    std::optional<Capabilities> capabilities;
    std::vector<Rlimit> rlimits;
    bool no_new_privileges = false;
    std::optional<int32_t> oom_score_adj;
    std::string apparmor_profile, selinux_label;
    std::optional<Scheduler> scheduler;
    std::optional<IoPriority> io_priority;
    std::optional<CpuAffinity> exec_cpu_affinity;
    bool operator==(const Process&) const = default;
};

struct Hook {
    std::string path;
    std::vector<std::string> args, env;
    std::optional<int32_t> timeout;  // seconds
    bool operator==(const Hook&) const = default;
};

struct Hooks {
    std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
    bool empty() const {
        return prestart.empty() && create_runtime.empty() && create_container.empty() && start_container.empty() &&
               poststart.empty() && poststop.empty();
    }
    bool operator==(const Hooks&) const = default;
};

struct Namespace {
    std::string type;  // pid network mount ipc uts user cgroup time
    std::string path;  // empty: a new one
    bool operator==(const Namespace&) const = default;
};

struct Device {
    std::string path, type;  // type: c u b p
    std::optional<int64_t> major, minor;
    std::optional<uint32_t> file_mode, uid, gid;
    bool operator==(const Device&) const = default;
};

struct DeviceRule {
    bool allow = false;
    std::string type;  // a c b, or empty
    std::optional<int64_t> major, minor;
    std::string access;  // of r w m
    bool operator==(const DeviceRule&) const = default;
};

struct TimeOffset {
    int64_t secs = 0;
    uint32_t nanosecs = 0;
    bool operator==(const TimeOffset&) const = default;
};

struct ThrottleDevice {
    int64_t major = 0, minor = 0;
    uint64_t rate = 0;
    bool operator==(const ThrottleDevice&) const = default;
};

struct WeightDevice {
    int64_t major = 0, minor = 0;
    std::optional<uint16_t> weight, leaf_weight;
    bool operator==(const WeightDevice&) const = default;
};

struct Resources {
    std::vector<DeviceRule> devices;
    struct Memory {
        std::optional<int64_t> limit, reservation, swap, kernel, kernel_tcp;
        std::optional<uint64_t> swappiness;
        std::optional<bool> disable_oom_killer, use_hierarchy, check_before_update;
        bool operator==(const Memory&) const = default;
    };
    std::optional<Memory> memory;
    struct Cpu {
        std::optional<uint64_t> shares, burst, period, realtime_period;
        std::optional<int64_t> quota, realtime_runtime, idle;
        std::string cpus, mems;
        bool operator==(const Cpu&) const = default;
    };
    std::optional<Cpu> cpu;
    std::optional<int64_t> pids_limit;
    struct BlockIo {
        std::optional<uint16_t> weight, leaf_weight;
        std::vector<WeightDevice> weight_device;
        std::vector<ThrottleDevice> read_bps, write_bps, read_iops, write_iops;
        bool operator==(const BlockIo&) const = default;
    };
    std::optional<BlockIo> block_io;
    struct HugepageLimit {
        std::string page_size;
        uint64_t limit = 0;
        bool operator==(const HugepageLimit&) const = default;
    };
    std::vector<HugepageLimit> hugepage_limits;
    struct Network {
        std::optional<uint32_t> class_id;
        std::vector<std::pair<std::string, uint32_t>> priorities;
        bool operator==(const Network&) const = default;
    };
    std::optional<Network> network;
    struct Rdma {
        std::optional<uint32_t> hca_handles, hca_objects;
        bool operator==(const Rdma&) const = default;
    };
    std::map<std::string, Rdma> rdma;
    std::map<std::string, std::string> unified;
    // Does it ask for nothing at all? Empty objects inside ask for nothing.
    bool empty() const;
    bool operator==(const Resources&) const = default;
};

struct SeccompArg {
    uint32_t index = 0;
    uint64_t value = 0, value_two = 0;
    std::string op;  // SCMP_CMP_*
    bool operator==(const SeccompArg&) const = default;
};

struct SeccompRule {
    std::vector<std::string> names;
    std::string action;  // SCMP_ACT_*
    std::optional<uint32_t> errno_ret;
    std::vector<SeccompArg> args;
    bool operator==(const SeccompRule&) const = default;
};

struct Seccomp {
    std::string default_action;
    std::optional<uint32_t> default_errno_ret;
    std::vector<std::string> architectures, flags;
    std::string listener_path, listener_metadata;
    std::vector<SeccompRule> syscalls;
    bool operator==(const Seccomp&) const = default;
};

struct IntelRdt {
    std::string clos_id, l3_cache_schema, mem_bw_schema;
    std::vector<std::string> schemata;
    std::optional<bool> enable_monitoring;
    bool operator==(const IntelRdt&) const = default;
};

struct MemoryPolicy {
    std::string mode, nodes;
    std::vector<std::string> flags;
    bool operator==(const MemoryPolicy&) const = default;
};

struct Personality {
    std::string domain;
    std::vector<std::string> flags;
    bool operator==(const Personality&) const = default;
};

struct NetDevice {
    std::string name;  // inside; empty: as on the host
    bool operator==(const NetDevice&) const = default;
};

struct Linux {
    std::vector<IdMap> uid_mappings, gid_mappings;
    std::map<std::string, std::string> sysctl;
    std::optional<Resources> resources;
    std::string cgroups_path;
    std::vector<Namespace> namespaces;
    std::vector<Device> devices;
    std::map<std::string, NetDevice> net_devices;  // by the name on the host
    std::optional<Seccomp> seccomp;
    std::string rootfs_propagation;
    std::vector<std::string> masked_paths, readonly_paths;
    std::string mount_label;
    std::optional<IntelRdt> intel_rdt;
    std::optional<MemoryPolicy> memory_policy;
    std::optional<Personality> personality;
    std::map<std::string, TimeOffset> time_offsets;  // "monotonic", "boottime"
    bool operator==(const Linux&) const = default;
};

struct Config {
    std::string oci_version;
    std::string root_path;  // relative to the bundle, or absolute
    bool root_readonly = false;
    std::vector<Mount> mounts;
    std::optional<Process> process;  // absent: the container can be created, never started
    std::string hostname, domainname;
    Hooks hooks;
    std::map<std::string, std::string> annotations;
    Linux linux_;
    // Keys that the specification does not know, for a message: "$.process.capabilites; did you mean 'capabilities'?".
    // Logged, or refused under --strict. At most 100 are listed.
    std::vector<std::string> unknown_keys;

    const Namespace* find_namespace(std::string_view type) const {
        for (const Namespace& ns : linux_.namespaces)
            if (ns.type == type) return &ns;
        return nullptr;
    }
    bool operator==(const Config&) const = default;
};

// Parses config.json. Errors name the JSON path: "config.json: $.process.user.uid: expected a whole number, got a
// string". Wrong types, words and numbers that the specification does not have, duplicate keys, namespaces and rlimits
// are errors; keys that it does not know are collected (it demands that they are ignored: config.md, Extensibility).
// null is taken as absent, which is what Go's encoders write for it. A relative mount destination is put below "/"
// (config.md, Mounts).
Result<Config> parse_config(std::string_view text);
// The `process` object alone: exec --process.
Result<Process> parse_process(std::string_view text);
// The `linux.resources` object alone: update --resources.
Result<Resources> parse_resources(std::string_view text);

// The document again, pretty-printed, fields at their default left out: parse_config(to_json(c)) is c but for unknown
// keys.
std::string to_json(const Config& config);
std::string to_json(const Process& process);
std::string to_json(const Resources& resources);

}  // namespace casemate::oci

// What a group is asked to bound, as plain values in the kernel's units.
//
// Why of its own and not config.json's structure: the room knows neither OCI nor profiles; whoever asks converts. What
// the kernel no longer has (kernel memory [gone in 5.16], leaf weights [gone in 5.0]) has no field: the asker refuses
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace casemate::cgroup {

constexpr int64_t unlimited = -1;

struct MemoryLimits {
    std::optional<int64_t> limit;        // bytes, or unlimited
    std::optional<int64_t> swap;         // bytes of swap alone, or unlimited
    std::optional<int64_t> reservation;  // bytes that reclaim spares (v2: memory.low; v1: soft limit)
    std::optional<int64_t> kernel_tcp;   // bytes of TCP's buffers, or unlimited. v1 only, as v2 counts them in `limit`
    std::optional<uint64_t> swappiness;  // v1 only
    bool disable_oom_killer = false;     // v1 only
    bool oom_group = false;              // v2 only: one killed, all killed
    bool check_before_update = false;    // refuse a limit below the present usage
    bool operator==(const MemoryLimits&) const = default;
};

// config.json's `swap` is memory and swap together (config-linux.md, memory). Gives swap alone. EINVAL when there is no
// memory limit to subtract, or a greater one.
Result<int64_t> swap_alone(std::optional<int64_t> memory, int64_t memory_and_swap);

// Does a limit on a part of what `memory` counts (kernel memory; on v2 TCP's buffers) ask for nothing beyond it?
bool is_implied(int64_t part, std::optional<int64_t> memory);

struct CpuLimits {
    std::optional<uint64_t> shares;           // 2..262144; 0 is nothing asked for
    std::optional<int64_t> quota;             // us a period, or unlimited
    std::optional<uint64_t> period, burst;    // us
    std::optional<int64_t> idle;              // 0, 1
    std::optional<int64_t> realtime_runtime;  // us; v1 only
    std::optional<uint64_t> realtime_period;
    std::string cpus, mems;  // lists as "0-3,7"; empty: as the parent
    bool operator==(const CpuLimits&) const = default;
};

struct DeviceNumber {
    uint32_t major = 0, minor = 0;
    bool operator==(const DeviceNumber&) const = default;
};

struct IoLimits {
    std::optional<uint16_t> weight;  // 10..1000
    std::vector<std::pair<DeviceNumber, uint16_t>> weight_devices;
    using Rates = std::vector<std::pair<DeviceNumber, uint64_t>>;  // bytes or operations a second
    Rates read_bps, write_bps, read_iops, write_iops;
    bool operator==(const IoLimits&) const = default;
};

struct RdmaLimit {
    std::string device;
    std::optional<uint32_t> handles, objects;
    bool operator==(const RdmaLimit&) const = default;
};

// The bits are the kernel's (BPF_DEVCG_ACC_*).
namespace access {
constexpr uint8_t mknod = 1, read = 2, write = 4, all = 7;
}

// One rule on device nodes. For each access the last rule that names it decides; what no rule names is denied.
struct DeviceRule {
    bool allow = false;
    char type = 'a';                           // a (both), b, c
    std::optional<uint32_t> major{}, minor{};  // nothing: every
    uint8_t access = access::all;
    bool operator==(const DeviceRule&) const = default;
};

// "c 1:3 rwm", "b 8:* r": as the v1 controller takes it.
std::string device_rule_text(const DeviceRule& rule);

// What every container may use (config-linux.md, default devices): null zero full random urandom tty console ptmx and
// ptys; and to make any node with mknod(2), which gives no access to it.
const std::vector<DeviceRule>& default_device_rules();

struct Limits {
    MemoryLimits memory;
    CpuLimits cpu;
    IoLimits io;
    std::optional<int64_t> pids;                            // negative: unlimited; 0 is a limit
    std::vector<std::pair<std::string, uint64_t>> hugetlb;  // page size as "2MB", bytes
    std::vector<RdmaLimit> rdma;
    std::optional<uint32_t> net_class;                             // net_cls.classid, v1 only
    std::vector<std::pair<std::string, uint32_t>> net_priorities;  // interface, priority; v1 only
    std::vector<std::pair<std::string, std::string>> unified;      // v2 files, written as they are
    std::optional<std::vector<DeviceRule>> devices;                // nothing: no policy on devices is asked for

    bool empty() const { return *this == Limits{}; }
    bool operator==(const Limits&) const = default;
};

}  // namespace casemate::cgroup

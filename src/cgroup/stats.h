// Figures of a group, in one form for v1 and v2: what `events --stats` prints. A figure whose controller or file the
// host lacks is absent, never 0.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/group.h"

namespace casemate::cgroup {

using Figure = std::optional<uint64_t>;
using Figures = std::map<std::string, uint64_t>;

struct CpuStats {
    Figure usage_ns, user_ns, system_ns;
    std::vector<uint64_t> per_cpu_ns;  // v1 only
    Figure periods, throttled_periods, throttled_ns;
    bool operator==(const CpuStats&) const = default;
};

struct MemoryStats {
    Figure usage, peak, limit, failures;  // bytes; no limit: absent
    Figure swap_usage, swap_limit;        // swap alone; v1 counts it with memory: then with it
    bool swap_includes_memory = false;
    Figure oom_kills;
    Figures details;  // memory.stat as it is
    bool operator==(const MemoryStats&) const = default;
};

struct IoEntry {
    DeviceNumber device;
    std::string operation;  // Read, Write, Discard
    uint64_t bytes = 0, operations = 0;
    bool operator==(const IoEntry&) const = default;
};

struct HugetlbStats {
    std::string page_size;
    Figure usage, peak, failures;
    bool operator==(const HugetlbStats&) const = default;
};

struct Stats {
    std::optional<CpuStats> cpu;
    std::optional<MemoryStats> memory;
    Figure pids, pids_limit;
    std::vector<IoEntry> io;
    std::vector<HugetlbStats> hugetlb;
};

Result<Stats> read_stats(const Group& group);

// Lines of "key number"; others are left out. At most 4096.
Figures parse_figures(std::string_view text);
// io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6".
std::vector<IoEntry> parse_io_stat(std::string_view text);
// blkio.throttle.io_service_bytes and io_serviced: "8:0 Read 1", and a "Total".
std::vector<IoEntry> parse_blkio(std::string_view bytes, std::string_view operations);

}  // namespace casemate::cgroup

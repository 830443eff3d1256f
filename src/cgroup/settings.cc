#include "cgroup/settings.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "cgroup/names.h"

namespace casemate::cgroup {
namespace {

std::string bytes(int64_t value, Version version) {
    return value >= 0 ? std::to_string(value) : version == Version::v2 ? "max" : "-1";
}
std::string device(const DeviceNumber& number) { return concat(number.major, ":", number.minor); }

class Collector {
public:
    explicit Collector(const Layout& layout) : layout_(layout) {}

    Result<void> memory(const MemoryLimits& limits);
    Result<void> cpu(const CpuLimits& limits);
    Result<void> cpuset(const CpuLimits& limits);
    Result<void> io(const IoLimits& limits);
    Result<void> pids(int64_t limit);
    Result<void> hugetlb(const std::string& size, uint64_t limit);
    Result<void> rdma(const RdmaLimit& limit);
    Result<void> network(const Limits& limits);
    Result<void> unified(const std::string& file, const std::string& value);
    std::vector<Setting> take() && { return std::move(settings_); }

private:
    Result<Version> where(std::string_view controller, std::string_view limit) const {
        const auto version = layout_.version_of(controller);
        if (!version)
            return Error::with_code(
                ENOENT, concat("cgroup controller '", controller, "' is not available, but ", limit, " is asked for"));
        return *version;
    }
    // For what only one version has.
    Result<void> only(Version version, std::string_view controller, std::string_view limit) const {
        if (TRY(where(controller, limit)) != version)
            return Error::with_code(EOPNOTSUPP,
                                    concat(limit, " is not offered by cgroup ", version == Version::v1 ? "v2" : "v1"));
        return {};
    }
    void add(std::string_view controller, std::string file, std::string value, Missing missing = Missing::is_error) {
        settings_.push_back({std::string(controller), std::move(file), std::move(value), missing, {}, {}});
    }
    void add_either(std::string_view controller, std::string file, std::string value, std::string other,
                    std::string other_value) {
        settings_.push_back({std::string(controller), std::move(file), std::move(value), Missing::is_alternative,
                             std::move(other), std::move(other_value)});
    }

    const Layout& layout_;
    std::vector<Setting> settings_;
};

Result<void> Collector::memory(const MemoryLimits& limits) {
    const Version version = TRY(where("memory", "a memory limit"));
    if (limits.swappiness) TRY(only(Version::v1, "memory", "swappiness"));
    if (limits.disable_oom_killer) TRY(only(Version::v1, "memory", "disabling the OOM killer"));
    if (limits.oom_group) TRY(only(Version::v2, "memory", "an OOM kill of the whole group"));
    const bool v2 = version == Version::v2;
    if (limits.limit) add("memory", v2 ? "memory.max" : "memory.limit_in_bytes", bytes(*limits.limit, version));
    if (limits.swap && v2) add("memory", "memory.swap.max", bytes(*limits.swap, version), Missing::is_no_swap);
    if (limits.swap && !v2) {
        const int64_t memory = limits.limit.value_or(unlimited);
        if (memory < 0 && *limits.swap >= 0)
            return Error::invalid("a limit on swap alone takes one on memory under cgroup v1");
        int64_t both = unlimited;
        if (*limits.swap >= 0 && __builtin_add_overflow(memory, *limits.swap, &both))
            return Error::invalid("memory and swap together exceed 63 bits");
        add("memory", "memory.memsw.limit_in_bytes", bytes(both, version), Missing::is_no_swap);
    }
    if (limits.reservation)
        add("memory", v2 ? "memory.low" : "memory.soft_limit_in_bytes", bytes(*limits.reservation, version));
    if (limits.kernel_tcp && !v2) add("memory", "memory.kmem.tcp.limit_in_bytes", bytes(*limits.kernel_tcp, version));
    if (limits.kernel_tcp && v2 && !is_implied(*limits.kernel_tcp, limits.limit))
        TRY(only(Version::v1, "memory", "a limit on TCP's memory that is tighter than the memory limit"));
    if (limits.swappiness) {
        if (*limits.swappiness > 100) return Error::invalid("swappiness above 100");
        add("memory", "memory.swappiness", std::to_string(*limits.swappiness));
    }
    if (limits.disable_oom_killer) add("memory", "memory.oom_control", "1");
    if (limits.oom_group) add("memory", "memory.oom.group", "1");
    return {};
}

Result<void> Collector::cpu(const CpuLimits& limits) {
    const bool v2 = TRY(where("cpu", "a limit of cpu time")) == Version::v2;
    if (limits.realtime_period || limits.realtime_runtime) TRY(only(Version::v1, "cpu", "realtime time"));
    if (limits.quota && *limits.quota == 0) return Error::invalid("a cpu quota of 0");
    const std::string quota = limits.quota ? bytes(*limits.quota, v2 ? Version::v2 : Version::v1) : "";
    if (limits.idle) add("cpu", "cpu.idle", std::to_string(*limits.idle));
    // An idle group has no weight: the kernel refuses one.
    if (limits.shares.value_or(0) != 0 && limits.idle.value_or(0) != 1)
        add("cpu", v2 ? "cpu.weight" : "cpu.shares",
            std::to_string(v2 ? weight_of_shares(*limits.shares) : *limits.shares));
    if (v2) {
        if (limits.quota || limits.period) {
            std::string value = limits.quota ? quota : "max";
            if (limits.period) value += concat(" ", *limits.period);
            add("cpu", "cpu.max", std::move(value));
        }
        if (limits.burst) add("cpu", "cpu.max.burst", std::to_string(*limits.burst));
        return {};
    }
    if (limits.period) add("cpu", "cpu.cfs_period_us", std::to_string(*limits.period));
    if (limits.quota) add("cpu", "cpu.cfs_quota_us", quota);
    if (limits.burst) add("cpu", "cpu.cfs_burst_us", std::to_string(*limits.burst));
    if (limits.realtime_period) add("cpu", "cpu.rt_period_us", std::to_string(*limits.realtime_period));
    if (limits.realtime_runtime) add("cpu", "cpu.rt_runtime_us", std::to_string(*limits.realtime_runtime));
    return {};
}

Result<void> Collector::cpuset(const CpuLimits& limits) {
    TRY(where("cpuset", "a list of cpus or memory nodes"));
    if (!limits.cpus.empty()) {
        TRY_IN("cpus", check_number_list(limits.cpus));
        add("cpuset", "cpuset.cpus", limits.cpus);
    }
    if (!limits.mems.empty()) {
        TRY_IN("mems", check_number_list(limits.mems));
        add("cpuset", "cpuset.mems", limits.mems);
    }
    return {};
}

Result<void> Collector::io(const IoLimits& limits) {
    const bool v2 = layout_.version_of("io").has_value();
    const std::string_view controller = v2 ? "io" : "blkio";
    TRY(where(controller, "a limit of block I/O"));
    const auto in_range = [](uint16_t weight) { return weight >= 10 && weight <= 1000; };
    if (limits.weight) {
        if (!in_range(*limits.weight)) return Error::invalid("an I/O weight not within 10 and 1000");
        const std::string plain = std::to_string(*limits.weight),
                          scaled = std::to_string(weight_of_blkio(*limits.weight));
        if (v2)
            add_either(controller, "io.bfq.weight", plain, "io.weight", scaled);
        else
            add_either(controller, "blkio.bfq.weight", plain, "blkio.weight", plain);
    }
    for (const auto& [number, weight] : limits.weight_devices) {
        if (!in_range(weight)) return Error::invalid("an I/O weight not within 10 and 1000");
        const std::string plain = concat(device(number), " ", weight);
        if (v2)
            add_either(controller, "io.bfq.weight", plain, "io.weight",
                       concat(device(number), " ", weight_of_blkio(weight)));
        else
            add_either(controller, "blkio.bfq.weight_device", plain, "blkio.weight_device", plain);
    }
    struct Throttle {
        const IoLimits::Rates& rates;
        const char *key, *file;
    };
    for (const Throttle& throttle : {Throttle{limits.read_bps, "rbps", "blkio.throttle.read_bps_device"},
                                     Throttle{limits.write_bps, "wbps", "blkio.throttle.write_bps_device"},
                                     Throttle{limits.read_iops, "riops", "blkio.throttle.read_iops_device"},
                                     Throttle{limits.write_iops, "wiops", "blkio.throttle.write_iops_device"}}) {
        for (const auto& [number, rate] : throttle.rates) {
            if (v2)
                add(controller, "io.max",
                    concat(device(number), " ", throttle.key, "=", rate ? std::to_string(rate) : "max"));
            else
                add(controller, throttle.file, concat(device(number), " ", rate));
        }
    }
    return {};
}

Result<void> Collector::pids(int64_t limit) {
    TRY(where("pids", "a limit of processes"));
    add("pids", "pids.max", limit < 0 ? "max" : std::to_string(limit));
    return {};
}

Result<void> Collector::hugetlb(const std::string& size, uint64_t limit) {
    const bool v2 = TRY(where("hugetlb", "a limit of huge pages")) == Version::v2;
    const size_t digits = size.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string::npos ||
        (size.substr(digits) != "KB" && size.substr(digits) != "MB" && size.substr(digits) != "GB"))
        return Error::invalid(concat("page size ", quoted(size), ": not as '2MB', '1GB'"));
    const std::string bound = std::to_string(limit);
    add("hugetlb", concat("hugetlb.", size, v2 ? ".max" : ".limit_in_bytes"), bound);
    // Reservations too [5.7]: without it mmap succeeds and the first touch is a SIGBUS.
    add("hugetlb", concat("hugetlb.", size, v2 ? ".rsvd.max" : ".rsvd.limit_in_bytes"), bound, Missing::is_fine);
    return {};
}

Result<void> Collector::rdma(const RdmaLimit& limit) {
    TRY(where("rdma", "a limit of RDMA"));
    if (limit.device.empty() || limit.device.find_first_of(" \n") != std::string::npos)
        return Error::invalid(concat("RDMA device ", quoted(limit.device), ": not a name"));
    std::string line = limit.device;
    if (limit.handles) line += concat(" hca_handle=", *limit.handles);
    if (limit.objects) line += concat(" hca_object=", *limit.objects);
    add("rdma", "rdma.max", line);
    return {};
}

Result<void> Collector::network(const Limits& limits) {
    if (limits.net_class) {
        TRY(where("net_cls", "a network class"));
        add("net_cls", "net_cls.classid", std::to_string(*limits.net_class));
    }
    for (const auto& [interface, priority] : limits.net_priorities) {
        TRY(where("net_prio", "a network priority"));
        if (interface.empty() || interface.size() > 15 || interface.find_first_of(" \n/") != std::string::npos)
            return Error::invalid(concat("network interface ", quoted(interface), ": not a name"));
        add("net_prio", "net_prio.ifpriomap", concat(interface, " ", priority));
    }
    return {};
}

Result<void> Collector::unified(const std::string& file, const std::string& value) {
    TRY(check_unified_file(file));
    const std::string_view controller = controller_of(file);
    if (controller.empty()) {
        if (layout_.kind() != Kind::v2)
            return Error::with_code(EOPNOTSUPP, concat("unified ", quoted(file), " takes cgroup v2"));
    } else {
        TRY(only(Version::v2, controller, concat("unified ", quoted(file))));
    }
    add(controller, file, value);
    return {};
}

}  // namespace

uint64_t weight_of_shares(uint64_t shares) {
    if (shares <= 2) return 1;
    if (shares >= 262144) return 10000;
    const double log = std::log2(static_cast<double>(shares));
    // A parabola through (2, 1), (1024, 100) and (262144, 10000) in logarithms.
    return static_cast<uint64_t>(std::ceil(std::pow(10.0, (log * log + 125.0 * log - 126.0) / 612.0)));
}

uint64_t weight_of_blkio(uint16_t weight) { return 1 + (uint64_t{weight} - 10) * 9999 / 990; }

bool is_implied(int64_t part, std::optional<int64_t> memory) {
    return part < 0 || (memory.value_or(unlimited) > 0 && part >= *memory);
}

Result<std::vector<Setting>> settings_for(const Limits& limits, const Layout& layout) {
    Collector collector(layout);
    MemoryLimits memory = limits.memory;
    memory.check_before_update = false;  // no file of its own
    CpuLimits time = limits.cpu;
    time.cpus.clear(), time.mems.clear();
    if (memory != MemoryLimits{}) TRY(collector.memory(memory));
    if (time != CpuLimits{}) TRY(collector.cpu(time));
    if (!limits.cpu.cpus.empty() || !limits.cpu.mems.empty()) TRY(collector.cpuset(limits.cpu));
    if (limits.io != IoLimits{}) TRY(collector.io(limits.io));
    if (limits.pids) TRY(collector.pids(*limits.pids));
    for (const auto& [size, limit] : limits.hugetlb) TRY(collector.hugetlb(size, limit));
    for (const RdmaLimit& limit : limits.rdma) TRY(collector.rdma(limit));
    TRY(collector.network(limits));
    for (const auto& [file, value] : limits.unified) TRY(collector.unified(file, value));
    return std::move(collector).take();
}

}  // namespace casemate::cgroup

// The control group: config.json's linux.resources, tightened by the profile's limits, as limits for this host.
#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {
namespace {

constexpr std::string_view place = "config.json: $.linux.resources";
constexpr uint64_t default_period_us = 100000;

Error gone(std::string_view field, std::string_view why) {
    return Error::with_code(ENOTSUP, concat(place, field, ": refused: ", why)).hint("remove the field: no kernel that casemate runs on has it");
}

// As runc and crun take it: 0 asks for nothing.
template <typename T>
std::optional<T> unless_zero(const std::optional<T>& value) {
    return value && *value == 0 ? std::nullopt : value;
}

Result<uint32_t> device_part(int64_t number, std::string_view field) {
    if (number < 0 || number > UINT32_MAX) return Error::invalid(concat(place, field, ": ", number, " is no device number"));
    return static_cast<uint32_t>(number);
}

Result<cgroup::DeviceNumber> number_of(int64_t major, int64_t minor, std::string_view field) {
    cgroup::DeviceNumber number;
    number.major = TRY(device_part(major, field));
    number.minor = TRY(device_part(minor, field));
    return number;
}

Result<cgroup::MemoryLimits> memory_of(const oci::Resources::Memory& memory) {
    if (memory.kernel.value_or(0) > 0 && !cgroup::is_implied(*memory.kernel, memory.limit))
        return gone(".memory.kernel", "limits on kernel memory alone are gone since Linux 5.16");
    if (memory.use_hierarchy == false) return gone(".memory.useHierarchy", "memory is always counted by hierarchy since Linux 5.11");
    cgroup::MemoryLimits limits;
    limits.limit = unless_zero(memory.limit);
    if (const auto both = unless_zero(memory.swap)) limits.swap = TRY_IN(concat(place, ".memory.swap"), cgroup::swap_alone(limits.limit, *both));
    limits.reservation = unless_zero(memory.reservation);
    limits.kernel_tcp = unless_zero(memory.kernel_tcp);
    limits.swappiness = memory.swappiness;
    limits.disable_oom_killer = memory.disable_oom_killer.value_or(false);
    limits.check_before_update = memory.check_before_update.value_or(false);
    return limits;
}

cgroup::CpuLimits cpu_of(const oci::Resources::Cpu& cpu) {
    cgroup::CpuLimits limits;
    limits.shares = unless_zero(cpu.shares);
    limits.quota = unless_zero(cpu.quota);
    limits.period = unless_zero(cpu.period);
    limits.burst = cpu.burst;
    limits.idle = cpu.idle;
    limits.realtime_runtime = unless_zero(cpu.realtime_runtime);
    limits.realtime_period = unless_zero(cpu.realtime_period);
    limits.cpus = cpu.cpus;
    limits.mems = cpu.mems;
    return limits;
}

Result<void> add_rates(const std::vector<oci::ThrottleDevice>& devices, std::string_view field, cgroup::IoLimits::Rates& rates) {
    for (const oci::ThrottleDevice& device : devices) {
        const cgroup::DeviceNumber number = TRY(number_of(device.major, device.minor, field));
        rates.emplace_back(number, device.rate);
    }
    return {};
}

Result<cgroup::IoLimits> io_of(const oci::Resources::BlockIo& io) {
    constexpr std::string_view leaf = "leaf weights are gone since Linux 5.0";
    if (io.leaf_weight.value_or(0) != 0) return gone(".blockIO.leafWeight", leaf);
    cgroup::IoLimits limits;
    limits.weight = unless_zero(io.weight);
    for (const oci::WeightDevice& device : io.weight_device) {
        if (device.leaf_weight.value_or(0) != 0) return gone(".blockIO.weightDevice[].leafWeight", leaf);
        const cgroup::DeviceNumber number = TRY(number_of(device.major, device.minor, ".blockIO.weightDevice"));
        if (device.weight.value_or(0) != 0) limits.weight_devices.emplace_back(number, *device.weight);
    }
    TRY(add_rates(io.read_bps, ".blockIO.throttleReadBpsDevice", limits.read_bps));
    TRY(add_rates(io.write_bps, ".blockIO.throttleWriteBpsDevice", limits.write_bps));
    TRY(add_rates(io.read_iops, ".blockIO.throttleReadIOPSDevice", limits.read_iops));
    TRY(add_rates(io.write_iops, ".blockIO.throttleWriteIOPSDevice", limits.write_iops));
    return limits;
}

void at_most(std::optional<int64_t>& value, uint64_t bound) {
    const int64_t most = bound > INT64_MAX ? INT64_MAX : static_cast<int64_t>(bound);
    if (!value || *value < 0 || *value > most) value = most;
}

// The stricter of the two (PROFILE 2.8). A share of cpu time is quota by period; the profile keeps a period it finds.
void tighten(cgroup::Limits& limits, const policy::Limits& profile) {
    if (profile.memory) at_most(limits.memory.limit, *profile.memory);
    if (profile.swap) at_most(limits.memory.swap, *profile.swap);
    if (profile.pids) at_most(limits.pids, *profile.pids);
    if (profile.cpu_milli) {
        const uint64_t period = limits.cpu.period.value_or(default_period_us);
        limits.cpu.period = period;
        at_most(limits.cpu.quota, *profile.cpu_milli * period / 1000);
    }
}

Result<uint8_t> access_of(std::string_view letters, std::string_view where) {
    uint8_t bits = 0;
    for (const char letter : letters) {
        const uint8_t bit = letter == 'r' ? cgroup::access::read : letter == 'w' ? cgroup::access::write : letter == 'm' ? cgroup::access::mknod : 0;
        if (bit == 0) return Error::invalid(concat(where, ".access: ", quoted(letters), " is not of r, w, m"));
        bits |= bit;
    }
    return letters.empty() ? cgroup::access::all : bits;
}

// What the container itself is given must be usable: its nodes, and the standard ones (config-linux.md). A node that a
// rule of config.json names keeps to that rule: with --device /dev/x:/dev/x:r an engine gives both, and means reading.
Result<void> add_own_devices(const std::vector<oci::Device>& nodes, std::vector<cgroup::DeviceRule>& rules) {
    const std::vector<cgroup::DeviceRule> asked = rules;
    for (const oci::Device& node : nodes) {
        if (node.type == "p" || !node.major || !node.minor) continue;
        const cgroup::DeviceNumber number = TRY(number_of(*node.major, *node.minor, ".devices"));
        const char type = node.type == "b" ? 'b' : 'c';
        const bool named = std::ranges::any_of(asked, [&](const cgroup::DeviceRule& rule) {
            return rule.type == type && rule.major == number.major && (!rule.minor || rule.minor == number.minor);
        });
        if (!named) rules.push_back({true, type, number.major, number.minor, cgroup::access::all});
    }
    const auto& standard = cgroup::default_device_rules();
    rules.insert(rules.end(), standard.begin(), standard.end());
    return {};
}

}  // namespace

Result<cgroup::Limits> limits_of(const oci::Resources& resources) {
    cgroup::Limits limits;
    if (resources.memory) limits.memory = TRY(memory_of(*resources.memory));
    if (resources.cpu) limits.cpu = cpu_of(*resources.cpu);
    if (resources.block_io) limits.io = TRY(io_of(*resources.block_io));
    limits.pids = resources.pids_limit;
    for (const oci::Resources::HugepageLimit& page : resources.hugepage_limits) limits.hugetlb.emplace_back(page.page_size, page.limit);
    for (const auto& [device, rdma] : resources.rdma) limits.rdma.push_back({device, rdma.hca_handles, rdma.hca_objects});
    if (resources.network) {
        limits.net_class = unless_zero(resources.network->class_id);
        limits.net_priorities = resources.network->priorities;
    }
    for (const auto& [file, value] : resources.unified) limits.unified.emplace_back(file, value);
    return limits;
}

Result<std::vector<cgroup::DeviceRule>> device_rules_of(const oci::Resources& resources) {
    std::vector<cgroup::DeviceRule> rules;
    for (size_t i = 0; i < resources.devices.size(); ++i) {
        const oci::DeviceRule& device = resources.devices[i];
        const std::string where = concat(place, ".devices[", i, "]");
        cgroup::DeviceRule rule{device.allow, device.type.empty() ? 'a' : device.type.front(), {}, {}, cgroup::access::all};
        rule.access = TRY(access_of(device.access, where));
        // -1 is how engines write "every".
        if (device.major.value_or(-1) >= 0) rule.major = TRY(device_part(*device.major, concat(".devices[", i, "].major")));
        if (device.minor.value_or(-1) >= 0) rule.minor = TRY(device_part(*device.minor, concat(".devices[", i, "].minor")));
        rules.push_back(rule);
    }
    return rules;
}

// Until runtime-spec 1.3 a limit of no processes could not be told from none given: engines write 0 for "unlimited".
bool zero_processes_is_a_limit(std::string_view oci_version) {
    const auto parts = split(oci_version, '.');
    const auto minor = parts.size() > 1 ? parse_decimal(parts[1], UINT32_MAX) : std::nullopt;
    return minor && *minor >= 3;
}

Result<void> Compiler::scope(cgroup::Request& request) const {
    if (!request_.systemd_cgroup) return {};
    if (!facts_.systemd)
        return Error::with_code(ENOTSUP, "the systemd cgroup driver is asked for, and systemd is not PID 1 of this host")
            .hint("leave --systemd-cgroup out; podman: --cgroup-manager=cgroupfs; containerd: SystemdCgroup = false");
    const cgroup::Manager manager = facts_.root() ? cgroup::Manager::system : cgroup::Manager::user;
    request.scope = TRY(cgroup::parse_scope(config_.linux_.cgroups_path, request_.id, manager));
    request.path = request.scope->path(facts_.host_uid);
    request.systemd_program = request_.systemd_program;
    request.properties = TRY(cgroup::properties_of(config_.annotations));
    return {};
}

Result<void> Compiler::cgroup() {
    if (request_.exec) return {};  // the container's own is joined
    CgroupPlan& plan = plan_.cgroup_;
    const oci::Resources& asked = config_.linux_.resources ? *config_.linux_.resources : oci::Resources();
    cgroup::Request request{request_.id, config_.linux_.cgroups_path, cgroup::IfNone::fail_if_limited, {}};
    request.limits = TRY(limits_of(asked));
    if (request.limits.pids == 0 && !zero_processes_is_a_limit(config_.oci_version)) request.limits.pids.reset();
    std::vector<cgroup::DeviceRule> rules = TRY(device_rules_of(asked));
    const policy::Limits& profile = profile_.limits;
    const bool asked_here = !request.limits.empty() || (facts_.root() && !rules.empty());
    tighten(request.limits, profile);
    if (request_.no_cgroup && (!request.limits.empty() || profile.cgroup == policy::CgroupNeed::required)) return Error::with_code(EINVAL, "limits are asked for, and cgroups are disabled");
    TRY(scope(request));
    if (request_.no_cgroup) return {};
    if (profile.oom_group.value_or(false)) {
        const bool kernel = facts_.cgroups.version_of("memory") == cgroup::Version::v2;
        request.limits.memory.oom_group = kernel;
        // Only `launch` is there when it happens: under an engine nobody would be.
        plan.kill_on_oom = !kernel && request_.launch && facts_.cgroups.holding("memory");
        if (!kernel && !plan.kill_on_oom && facts_.cgroups.holding("memory")) note("limits.oomGroup: this host's memory controller is of cgroup v1, which ends single processes only");
    }
    if (profile.cgroup == policy::CgroupNeed::required) request.if_none = cgroup::IfNone::fail;
    else if (!asked_here) request.if_none = cgroup::IfNone::accept;
    const bool limited = !request.limits.empty();
    // Elsewhere nodes cannot be made, and the host's own permissions guard those that are there.
    const bool can_hold_devices = facts_.cgroups.kind() != cgroup::Kind::v1 || facts_.cgroups.holding("devices");
    if (facts_.root() && (can_hold_devices || !rules.empty())) {
        TRY(add_own_devices(config_.linux_.devices, rules));
        request.limits.devices = std::move(rules);
    }
    // v1 is root's alone: nobody delegates it. A path that was named may be the caller's own all the same.
    const bool hopeless = !facts_.root() && facts_.cgroups.kind() != cgroup::Kind::v2 && request.path.empty();
    plan.draft = TRY(cgroup::prepare(std::move(request), hopeless ? cgroup::Layout() : facts_.cgroups));
    plan.none = plan.draft.layout.hierarchies.empty();
    if (plan.none) note(limited ? "this host gives this caller no cgroup: limits.memory, swap, cpu, pids and oomGroup are not applied" : "this host gives this caller no cgroup");
    return {};
}

}  // namespace casemate::plan

#include "cgroup/stats.h"

#include "base/text.h"
#include "cgroup/directories.h"
#include "cgroup/events.h"
#include "sys/call.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <memory>

namespace casemate::cgroup {
namespace {

constexpr size_t file_max = size_t{1} << 20, lines_max = 4096;
constexpr uint64_t v1_unlimited = uint64_t{1} << 62;

// The text, or nothing where the kernel has no such file.
Result<std::optional<std::string>> text_of(const Group::Member& member, const std::string& file) {
    auto text = sys::read_file(member.fd, file.c_str(), file_max);
    if (text) return std::optional(std::move(text.value()));
    const int code = text.error().code();
    if (code == ENOENT || code == EOPNOTSUPP) return std::optional<std::string>();
    return std::move(text).take_error().within(concat("cgroup ", quoted(member.directory), ": ", file));
}

// A file of one number; "max" and v1's huge number are no limit.
Result<Figure> figure(const Group::Member& member, const std::string& file) {
    const auto text = TRY(text_of(member, file));
    if (!text) return Figure();
    const Figure value = parse_decimal(trimmed(*text));
    return value && *value < v1_unlimited ? value : Figure();
}

Result<CpuStats> cpu_v2(const Group::Member& member) {
    const Figures figures = parse_figures(TRY(text_of(member, "cpu.stat")).value_or(""));
    const auto take = [&](const char* key, uint64_t scale) {
        const auto found = figures.find(key);
        return found == figures.end() ? Figure() : Figure(found->second * scale);
    };
    return CpuStats{take("usage_usec", 1000), take("user_usec", 1000), take("system_usec", 1000),   {},
                    take("nr_periods", 1),    take("nr_throttled", 1), take("throttled_usec", 1000)};
}

Result<CpuStats> cpu_v1(const Group& group) {
    CpuStats stats;
    if (const Group::Member* account = group.holding("cpuacct")) {
        stats.usage_ns = TRY(figure(*account, "cpuacct.usage"));
        stats.user_ns = TRY(figure(*account, "cpuacct.usage_user"));
        stats.system_ns = TRY(figure(*account, "cpuacct.usage_sys"));
        const std::string per_cpu = TRY(text_of(*account, "cpuacct.usage_percpu")).value_or("");
        for (const std::string& word : words(per_cpu))
            if (const auto value = parse_decimal(word)) stats.per_cpu_ns.push_back(*value);
    }
    if (const Group::Member* cpu = group.holding("cpu")) {
        const std::string text = TRY(text_of(*cpu, "cpu.stat")).value_or("");
        stats.periods = keyed_value(text, "nr_periods");
        stats.throttled_periods = keyed_value(text, "nr_throttled");
        stats.throttled_ns = keyed_value(text, "throttled_time");
    }
    return stats;
}

Result<MemoryStats> memory(const Group& group, const Group::Member& member) {
    const bool v2 = member.version == Version::v2;
    MemoryStats stats;
    stats.usage = TRY(figure(member, v2 ? "memory.current" : "memory.usage_in_bytes"));
    stats.peak = TRY(figure(member, v2 ? "memory.peak" : "memory.max_usage_in_bytes"));
    stats.limit = TRY(figure(member, v2 ? "memory.max" : "memory.limit_in_bytes"));
    stats.swap_usage = TRY(figure(member, v2 ? "memory.swap.current" : "memory.memsw.usage_in_bytes"));
    stats.swap_limit = TRY(figure(member, v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes"));
    stats.swap_includes_memory = !v2;
    if (v2) {
        const std::string events = TRY(text_of(member, "memory.events")).value_or("");
        stats.failures = keyed_value(events, "max");
    } else {
        stats.failures = TRY(figure(member, "memory.failcnt"));
    }
    stats.oom_kills = TRY(oom_kills(group));
    stats.details = parse_figures(TRY(text_of(member, "memory.stat")).value_or(""));
    return stats;
}

Result<std::vector<IoEntry>> io(const Group& group) {
    if (const Group::Member* member = group.holding("io")) {
        const std::string text = TRY(text_of(*member, "io.stat")).value_or("");
        return parse_io_stat(text);
    }
    const Group::Member* member = group.holding("blkio");
    if (!member) return std::vector<IoEntry>();
    const std::string bytes = TRY(text_of(*member, "blkio.throttle.io_service_bytes_recursive")).value_or("");
    const std::string operations = TRY(text_of(*member, "blkio.throttle.io_serviced_recursive")).value_or("");
    return parse_blkio(bytes, operations);
}

// Page sizes are those that the group has files for.
Result<std::vector<std::string>> page_sizes(const Group::Member& member) {
    const std::string_view ending = member.version == Version::v2 ? ".current" : ".usage_in_bytes";
    Fd listing = TRY(sys::openat2(member.fd, ".", O_RDONLY | O_DIRECTORY, 0));
    std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(listing.get()), ::closedir);
    if (!stream) return Error::sys("fdopendir");
    listing.release();
    std::vector<std::string> sizes;
    while (const dirent* entry = ::readdir(stream.get())) {
        std::string_view name = entry->d_name;
        if (!name.starts_with("hugetlb.") || !name.ends_with(ending)) continue;
        name.remove_prefix(8), name.remove_suffix(ending.size());
        if (name.find('.') == std::string_view::npos) sizes.emplace_back(name);
    }
    std::sort(sizes.begin(), sizes.end());
    return sizes;
}

Result<std::vector<HugetlbStats>> hugetlb(const Group::Member& member) {
    const bool v2 = member.version == Version::v2;
    std::vector<HugetlbStats> all;
    const std::vector<std::string> sizes = TRY(page_sizes(member));
    for (const std::string& size : sizes) {
        const std::string prefix = concat("hugetlb.", size);
        HugetlbStats stats{size, {}, {}, {}};
        stats.usage = TRY(figure(member, prefix + (v2 ? ".current" : ".usage_in_bytes")));
        if (!v2) stats.peak = TRY(figure(member, prefix + ".max_usage_in_bytes"));
        if (v2)
            stats.failures = keyed_value(TRY(text_of(member, prefix + ".events")).value_or(""), "max");
        else
            stats.failures = TRY(figure(member, prefix + ".failcnt"));
        all.push_back(std::move(stats));
    }
    return all;
}

}  // namespace

Figures parse_figures(std::string_view text) {
    Figures figures;
    size_t lines = 0;
    for (const std::string_view line : split(text, '\n')) {
        if (++lines > lines_max) break;
        const size_t blank = line.find(' ');
        if (blank == std::string_view::npos) continue;
        if (const auto value = parse_decimal(trimmed(line.substr(blank + 1))))
            figures.emplace(line.substr(0, blank), *value);
    }
    return figures;
}

namespace {

std::optional<DeviceNumber> parse_device(std::string_view text) {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto major = parse_decimal(text.substr(0, colon), UINT32_MAX),
               minor = parse_decimal(text.substr(colon + 1), UINT32_MAX);
    if (!major || !minor) return std::nullopt;
    return DeviceNumber{static_cast<uint32_t>(*major), static_cast<uint32_t>(*minor)};
}

IoEntry& entry_of(std::vector<IoEntry>& entries, const DeviceNumber& device, std::string_view operation) {
    for (IoEntry& entry : entries)
        if (entry.device == device && entry.operation == operation) return entry;
    return entries.emplace_back(IoEntry{device, std::string(operation), 0, 0});
}

}  // namespace

std::vector<IoEntry> parse_io_stat(std::string_view text) {
    struct Key {
        std::string_view name;
        const char* operation;
        uint64_t IoEntry::*value;
    };
    static constexpr Key keys[] = {{"rbytes", "Read", &IoEntry::bytes},     {"wbytes", "Write", &IoEntry::bytes},
                                   {"dbytes", "Discard", &IoEntry::bytes},  {"rios", "Read", &IoEntry::operations},
                                   {"wios", "Write", &IoEntry::operations}, {"dios", "Discard", &IoEntry::operations}};
    std::vector<IoEntry> entries;
    for (const std::string_view line : split(text, '\n')) {
        const std::vector<std::string> parts = words(line);
        if (parts.empty() || entries.size() > lines_max) continue;
        const auto device = parse_device(parts.front());
        if (!device) continue;
        for (const std::string& part : parts) {
            const size_t equals = part.find('=');
            if (equals == std::string::npos) continue;
            const auto value = parse_decimal(std::string_view(part).substr(equals + 1));
            for (const Key& key : keys)
                if (value && part.substr(0, equals) == key.name)
                    entry_of(entries, *device, key.operation).*key.value = *value;
        }
    }
    return entries;
}

std::vector<IoEntry> parse_blkio(std::string_view bytes, std::string_view operations) {
    std::vector<IoEntry> entries;
    const auto take = [&](std::string_view text, uint64_t IoEntry::*value) {
        for (const std::string_view line : split(text, '\n')) {
            const std::vector<std::string> parts = words(line);
            if (parts.size() != 3 || entries.size() > lines_max) continue;
            const auto device = parse_device(parts[0]);
            const auto number = parse_decimal(parts[2]);
            const bool known = parts[1] == "Read" || parts[1] == "Write" ||
                               parts[1] == "Discard";  // Sync, Async, Total: sums of these
            if (device && number && known) entry_of(entries, *device, parts[1]).*value = *number;
        }
    };
    take(bytes, &IoEntry::bytes);
    take(operations, &IoEntry::operations);
    return entries;
}

Result<Stats> read_stats(const Group& group) {
    Stats stats;
    const Group::Member* cpu = group.holding("cpu");
    if (cpu && cpu->version == Version::v2)
        stats.cpu = TRY(cpu_v2(*cpu));
    else if (cpu || group.holding("cpuacct"))
        stats.cpu = TRY(cpu_v1(group));
    else if (group.unified())
        stats.cpu = TRY(cpu_v2(*group.unified()));  // cpu.stat needs no controller
    if (const Group::Member* member = group.holding("memory")) stats.memory = TRY(memory(group, *member));
    if (const Group::Member* member = group.holding("pids")) {
        stats.pids = TRY(figure(*member, "pids.current"));
        stats.pids_limit = TRY(figure(*member, "pids.max"));
    }
    stats.io = TRY(io(group));
    if (const Group::Member* member = group.holding("hugetlb")) stats.hugetlb = TRY(hugetlb(*member));
    return stats;
}

}  // namespace casemate::cgroup

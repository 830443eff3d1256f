// `casemate events`: the figures of a container's cgroup as runc prints them (types/events.go), and its OOM kills.
#include "base/text.h"
#include "cgroup/events.h"
#include "cgroup/stats.h"
#include "json/writer.h"
#include "runtime/containers.h"

namespace casemate::runtime {
namespace {

void field(json::Writer& out, std::string_view name, const cgroup::Figure& figure) {
    if (figure) out.field(name, *figure);
}

void write_cpu(json::Writer& out, const cgroup::CpuStats& cpu) {
    out.key("cpu").begin_object().key("usage").begin_object();
    field(out, "total", cpu.usage_ns);
    if (!cpu.per_cpu_ns.empty()) {
        out.key("percpu").begin_array();
        for (const uint64_t one : cpu.per_cpu_ns) out.value(one);
        out.end_array();
    }
    out.field("kernel", cpu.system_ns.value_or(0)).field("user", cpu.user_ns.value_or(0)).end_object();
    out.key("throttling").begin_object();
    field(out, "periods", cpu.periods);
    field(out, "throttledPeriods", cpu.throttled_periods);
    field(out, "throttledTime", cpu.throttled_ns);
    out.end_object().end_object();
}

void write_memory(json::Writer& out, const cgroup::MemoryStats& memory) {
    const auto detail = [&](const char* v1, const char* v2) {
        const auto found = memory.details.find(memory.details.contains(v1) ? v1 : v2);
        return found == memory.details.end() ? cgroup::Figure() : cgroup::Figure(found->second);
    };
    out.key("memory").begin_object();
    field(out, "cache", detail("cache", "file"));
    out.key("usage").begin_object().field("limit", memory.limit.value_or(UINT64_MAX));
    field(out, "usage", memory.usage);
    field(out, "max", memory.peak);
    out.field("failcnt", memory.failures.value_or(0)).end_object();
    out.key("swap").begin_object().field("limit", memory.swap_limit.value_or(UINT64_MAX));
    field(out, "usage", memory.swap_usage);
    out.field("failcnt", 0).end_object();
    out.key("raw").begin_object();
    for (const auto& [name, value] : memory.details) out.field(name, value);
    out.end_object().end_object();
}

void write_io(json::Writer& out, const std::vector<cgroup::IoEntry>& entries) {
    const auto list = [&](const char* name, uint64_t cgroup::IoEntry::*value) {
        if (entries.empty()) return;
        out.key(name).begin_array();
        for (const cgroup::IoEntry& entry : entries)
            out.begin_object().field("major", entry.device.major).field("minor", entry.device.minor).field("op", entry.operation).field("value", entry.*value).end_object();
        out.end_array();
    };
    out.key("blkio").begin_object();
    list("ioServiceBytesRecursive", &cgroup::IoEntry::bytes);
    list("ioServicedRecursive", &cgroup::IoEntry::operations);
    out.end_object();
}

std::string line_of(const std::string& id, const cgroup::Stats& stats) {
    json::Writer out;
    out.begin_object().field("type", "stats").field("id", id).key("data").begin_object();
    write_cpu(out, stats.cpu.value_or(cgroup::CpuStats()));
    out.key("cpuset").begin_object().end_object();
    write_memory(out, stats.memory.value_or(cgroup::MemoryStats()));
    out.key("pids").begin_object();
    field(out, "current", stats.pids);
    field(out, "limit", stats.pids_limit);
    out.end_object();
    write_io(out, stats.io);
    out.key("hugetlb").begin_object();
    for (const cgroup::HugetlbStats& page : stats.hugetlb) {
        out.key(page.page_size).begin_object();
        field(out, "usage", page.usage);
        field(out, "max", page.peak);
        out.field("failcnt", page.failures.value_or(0)).end_object();
    }
    out.end_object().key("intel_rdt").begin_object().end_object().key("network_interfaces").null();
    out.end_object().end_object();
    return out.take() + "\n";
}

std::string oom_line(const std::string& id) {
    json::Writer out;
    out.begin_object().field("type", "oom").field("id", id).end_object();
    return out.take() + "\n";
}

Result<Record> running(const Settings& settings, const std::string& id) {
    const RecordFile file = TRY(file_of(settings, id));
    Record record = TRY(file.read());
    if (TRY(state_of(file, record)).status == oci::Status::stopped) return Error::with_code(ESRCH, "container not running");
    return record;
}

}  // namespace

Result<std::string> stats_line(const Settings& settings, const std::string& id) {
    const Record record = TRY(running(settings, id));
    const cgroup::Group group = TRY(group_of(record));
    const cgroup::Stats stats = TRY(cgroup::read_stats(group));
    return line_of(id, stats);
}

Result<void> watch_events(const Settings& settings, const std::string& id, int interval_ms, const std::function<Result<void>(const std::string&)>& print) {
    const Record record = TRY(running(settings, id));
    const cgroup::Group group = TRY(group_of(record));
    cgroup::OomWatch watch = TRY(cgroup::OomWatch::make(group));
    cgroup::Deadline next(interval_ms);
    while (TRY(is_alive(record.pid, record.start_time))) {
        switch (TRY(watch.wait(next.left_ms()))) {
            case cgroup::OomWatch::News::ended: return {};
            case cgroup::OomWatch::News::oom: TRY(print(oom_line(id))); break;
            case cgroup::OomWatch::News::nothing: {
                if (!TRY(is_alive(record.pid, record.start_time))) return {};
                const cgroup::Stats stats = TRY(cgroup::read_stats(group));
                TRY(print(line_of(id, stats)));
                next = cgroup::Deadline(interval_ms);
            }
        }
    }
    return {};
}

}  // namespace casemate::runtime

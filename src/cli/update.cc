// `casemate update`: a document of limits, or one option a limit; the options win.
#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli {
namespace {

// Bytes as runc takes them: digits and k, m, g or t, with or without "b" or "ib"; -1 is no limit.
std::optional<int64_t> parse_bytes(std::string_view text) {
    if (text == "-1") return -1;
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_decimal(text.substr(0, digits), INT64_MAX);
    std::string unit;
    for (const char letter : text.substr(digits)) unit += static_cast<char>(letter | 0x20);
    if (unit.size() > 1 && unit.ends_with("ib")) unit.resize(unit.size() - 2);
    else if (unit.size() > 1 && unit.ends_with("b")) unit.resize(unit.size() - 1);
    constexpr std::string_view units = "bkmgt";
    const size_t power = unit.empty() ? 0 : unit.size() == 1 ? units.find(unit) : std::string_view::npos;
    if (!number || power == std::string_view::npos || *number > uint64_t{INT64_MAX} >> (10 * power)) return std::nullopt;
    return static_cast<int64_t>(*number << (10 * power));
}

std::optional<int64_t> parse_signed(std::string_view text) {
    const bool negative = text.starts_with('-');
    const auto number = parse_decimal(text.substr(negative ? 1 : 0), INT64_MAX);
    if (!number) return std::nullopt;
    return negative ? -static_cast<int64_t>(*number) : static_cast<int64_t>(*number);
}

class Reader {
public:
    explicit Reader(const Arguments& arguments) : arguments_(arguments) {}

    Result<void> bytes(Opt id, std::optional<int64_t>& into) { return read(id, into, parse_bytes); }
    Result<void> number(Opt id, std::optional<int64_t>& into) { return read(id, into, parse_signed); }
    Result<void> number(Opt id, std::optional<uint64_t>& into) {
        return read(id, into, [](std::string_view text) { return parse_decimal(text); });
    }
    void text(Opt id, std::string& into) {
        if (arguments_.has(id)) into = arguments_.value(id);
    }

private:
    template <typename T, typename Parse>
    Result<void> read(Opt id, std::optional<T>& into, Parse parse) {
        if (!arguments_.has(id)) return {};
        const auto value = parse(arguments_.value(id));
        if (!value) return Error::invalid(concat("update: '--", option(id).name, "': ", quoted(arguments_.value(id)), " is no number"));
        into = static_cast<T>(*value);
        return {};
    }
    const Arguments& arguments_;
};

Result<void> read_options(const Arguments& arguments, oci::Resources& resources) {
    Reader reader(arguments);
    oci::Resources::Memory memory = resources.memory.value_or(oci::Resources::Memory());
    TRY(reader.bytes(Opt::update_memory, memory.limit));
    TRY(reader.bytes(Opt::memory_reservation, memory.reservation));
    TRY(reader.bytes(Opt::memory_swap, memory.swap));
    if (memory != oci::Resources::Memory()) resources.memory = memory;
    oci::Resources::Cpu cpu = resources.cpu.value_or(oci::Resources::Cpu());
    TRY(reader.number(Opt::cpu_shares, cpu.shares));
    TRY(reader.number(Opt::cpu_quota, cpu.quota));
    TRY(reader.number(Opt::cpu_period, cpu.period));
    TRY(reader.number(Opt::cpu_burst, cpu.burst));
    TRY(reader.number(Opt::cpu_rt_runtime, cpu.realtime_runtime));
    TRY(reader.number(Opt::cpu_rt_period, cpu.realtime_period));
    TRY(reader.number(Opt::cpu_idle, cpu.idle));
    reader.text(Opt::cpuset_cpus, cpu.cpus);
    reader.text(Opt::cpuset_mems, cpu.mems);
    if (cpu != oci::Resources::Cpu()) resources.cpu = cpu;
    TRY(reader.number(Opt::pids_limit, resources.pids_limit));
    std::optional<uint64_t> weight;
    TRY(reader.number(Opt::blkio_weight, weight));
    if (weight && *weight > 1000) return Error::invalid("update: '--blkio-weight': not within 10 and 1000");
    if (weight) resources.block_io.emplace().weight = static_cast<uint16_t>(*weight);
    return {};
}

}  // namespace

Result<int> verbs::update(const Call& call) {
    const Arguments& arguments = call.arguments;
    for (const Opt id : {Opt::l3_cache_schema, Opt::mem_bw_schema})
        if (arguments.has(id)) return Error::with_code(ENOTSUP, concat("update: option '--", option(id).name, "' is not supported"));
    oci::Resources resources = TRY(runtime::read_resources(arguments.value(Opt::resources)));
    TRY(read_options(arguments, resources));
    TRY(runtime::update(call.settings, std::string(arguments.operands[0]), std::move(resources)));
    return 0;
}

}  // namespace casemate::cli

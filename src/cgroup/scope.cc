#include "cgroup/scope.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "cgroup/settings.h"

namespace casemate::cgroup {
namespace {

constexpr size_t unit_name_max = 255;  // UNIT_NAME_MAX is 256 with its end
constexpr std::string_view slice_suffix = ".slice", scope_suffix = ".scope";
constexpr std::string_view annotation_prefix = "org.systemd.property.";
constexpr uint64_t infinity = UINT64_MAX;  // systemd's word for "no limit"
constexpr uint64_t second_us = 1000000, default_period_us = 100000;

bool is_unit_byte(char byte) {
    const auto in = [&](char first, char last) { return byte >= first && byte <= last; };
    return in('a', 'z') || in('A', 'Z') || in('0', '9') || std::string_view(":-_.").find(byte) != std::string_view::npos;
}

std::string escaped(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const char byte : text) {
        if (is_unit_byte(byte)) {
            out += byte;
            continue;
        }
        const auto number = static_cast<unsigned char>(byte);
        out += concat("\\x", digits[number >> 4], digits[number & 15]);
    }
    return out;
}

Result<void> check_part(std::string_view part, std::string_view what) {
    for (const char byte : part)
        if (byte == '/' || static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f)
            return Error::invalid(concat("systemd cgroup: ", what, " ", quoted(part.substr(0, unit_name_max)), ": holds '/' or a control character"));
    return {};
}

// unit_name_is_valid() and slice_name_is_valid() of systemd: dashes separate levels, so none is empty.
Result<void> check_slice(std::string_view slice) {
    const auto refused = [&](std::string_view why) {
        return Error::invalid(concat("systemd cgroup: slice ", quoted(slice.substr(0, unit_name_max)), ": ", why));
    };
    if (slice.size() > unit_name_max) return refused("longer than 255 bytes");
    if (!slice.ends_with(slice_suffix)) return refused("does not end with .slice");
    if (slice == "-.slice") return {};
    const std::string_view name = slice.substr(0, slice.size() - slice_suffix.size());
    for (const std::string_view level : split(name, '-'))
        if (level.empty()) return refused("a level of the hierarchy has no name");
    for (const char byte : name)
        if (!is_unit_byte(byte) && byte != '\\') return refused("a character that no slice may have");
    return {};
}

// "/a.slice/a-b.slice" of "a-b.slice"; nothing of "-.slice".
std::string expanded(std::string_view slice) {
    std::string path;
    if (slice == "-.slice") return path;
    const std::string_view name = slice.substr(0, slice.size() - slice_suffix.size());
    for (size_t end = name.find('-'); end != std::string_view::npos; end = name.find('-', end + 1))
        path += concat("/", name.substr(0, end), slice_suffix);
    return path + concat("/", slice);
}

uint64_t or_infinity(int64_t value) { return value < 0 ? infinity : static_cast<uint64_t>(value); }

// A value as `busctl set-property` and g_variant_print write it: "uint64 5", "5", "'text'", "\"text\"".
std::string_view unwrapped(std::string_view value, std::string_view type) {
    value = trimmed(value);
    if (value.starts_with(type) && value.substr(type.size()).starts_with(' ')) value = trimmed(value.substr(type.size()));
    const bool is_quoted = value.size() >= 2 && (value.front() == '\'' || value.front() == '"') && value.back() == value.front();
    return is_quoted ? value.substr(1, value.size() - 2) : value;
}

Result<UnitProperty> property_of(std::string_view name, std::string_view value) {
    const auto bad = [&](std::string_view what) {
        return Error::invalid(concat("annotation ", annotation_prefix, name, ": ", quoted(value.substr(0, 64)), " is not ", what));
    };
    if (name == "KillSignal") {
        const auto number = parse_decimal(unwrapped(value, "int32"), 64);
        if (!number || *number == 0) return bad("the number of a signal");
        return UnitProperty{"KillSignal", 'i', std::to_string(*number)};
    }
    if (name == "TimeoutStopUSec" || name == "TimeoutStopSec") {
        const uint64_t unit = name == "TimeoutStopSec" ? second_us : 1;
        const auto number = parse_decimal(unwrapped(value, "uint64"), infinity / unit);
        if (!number) return bad("a time");
        return UnitProperty{"TimeoutStopUSec", 't', std::to_string(*number * unit)};
    }
    if (name == "CollectMode") {
        const std::string_view mode = unwrapped(value, "string");
        if (mode != "inactive" && mode != "inactive-or-failed") return bad("'inactive' or 'inactive-or-failed'");
        return UnitProperty{"CollectMode", 's', std::string(mode)};
    }
    return Error::with_code(EPERM, concat("annotation ", annotation_prefix, printable(name.substr(0, 64)), ": not taken from a configuration"))
        .hint("KillSignal, TimeoutStopUSec, TimeoutStopSec and CollectMode are; limits belong into linux.resources");
}

}  // namespace

std::string Scope::path(uint32_t uid) const {
    const std::string below = concat(expanded(slice), "/", unit);
    if (manager == Manager::system) return below;
    return concat("/user.slice/user-", uid, ".slice/user@", uid, ".service", below);
}

Result<Scope> parse_scope(std::string_view cgroups_path, std::string_view id, Manager manager) {
    const std::string_view default_slice = manager == Manager::system ? "system.slice" : "user.slice";
    std::vector<std::string_view> parts = {default_slice, "casemate", id};
    if (!cgroups_path.empty()) parts = split(cgroups_path, ':');
    if (parts.size() != 3)
        return Error::invalid(concat("expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got ",
                                     quoted(cgroups_path.substr(0, unit_name_max)), " instead"));
    const std::string_view slice = parts[0].empty() ? default_slice : parts[0];
    TRY(check_slice(slice));
    TRY(check_part(parts[1], "prefix"));
    TRY(check_part(parts[2], "name"));
    if (parts[2].empty()) return Error::invalid(concat("systemd cgroup: ", quoted(cgroups_path.substr(0, unit_name_max)), ": the scope has no name"));
    if (parts[2].ends_with(slice_suffix))
        return Error::invalid(concat("systemd cgroup: ", quoted(parts[2]), ": a container is a scope, not a slice"));
    std::string unit = escaped(parts[1]);
    if (!unit.empty()) unit += '-';
    unit += escaped(parts[2]);
    unit += scope_suffix;
    if (unit.size() > unit_name_max) return Error::invalid(concat("systemd cgroup: the scope's name is longer than 255 bytes: ", unit.substr(0, 64), "..."));
    return Scope{manager, std::string(slice), std::move(unit)};
}

std::string UnitProperty::text() const { return concat(name, "=", type, ":", value); }

Result<UnitProperty> UnitProperty::parse(std::string_view text) {
    const auto refused = [&](std::string_view why) { return Error::invalid(concat("property ", quoted(text.substr(0, 64)), ": ", why)); };
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) return refused("not NAME=TYPE:VALUE");
    const std::string_view name = text.substr(0, equals), rest = text.substr(equals + 1);
    if (!std::all_of(name.begin(), name.end(), [](char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); }))
        return refused("the name is not of letters");
    if (rest.size() < 2 || rest[1] != ':') return refused("not NAME=TYPE:VALUE");
    const char type = rest[0];
    const std::string_view value = rest.substr(2);
    if (type != 's' && type != 't' && type != 'i') return refused("the type is not s, t or i");
    const uint64_t most = type == 't' ? infinity : uint64_t{std::numeric_limits<int32_t>::max()};
    if (type != 's' && !parse_decimal(value, most)) return refused("not a number of this type");
    return UnitProperty{std::string(name), type, std::string(value)};
}

std::vector<UnitProperty> properties_of(const Limits& limits, Version memory) {
    std::vector<UnitProperty> properties;
    const auto add = [&](const char* name, uint64_t value) { properties.push_back({name, 't', std::to_string(value)}); };
    const bool v2 = memory == Version::v2;
    if (limits.memory.limit) add(v2 ? "MemoryMax" : "MemoryLimit", or_infinity(*limits.memory.limit));
    if (v2 && limits.memory.swap) add("MemorySwapMax", or_infinity(*limits.memory.swap));
    if (v2 && limits.memory.reservation) add("MemoryLow", or_infinity(*limits.memory.reservation));
    if (limits.cpu.shares.value_or(0) != 0) {
        if (v2) add("CPUWeight", weight_of_shares(*limits.cpu.shares));
        else add("CPUShares", *limits.cpu.shares);
    }
    if (limits.cpu.quota || limits.cpu.period) {
        const uint64_t period = limits.cpu.period.value_or(default_period_us);
        const int64_t quota = limits.cpu.quota.value_or(unlimited);
        const bool bounded = quota > 0 && period != 0 && period <= second_us;  // the kernel takes no longer period
        // A second's share, in the steps of 10 ms in which systemd keeps it; never less than was asked for.
        constexpr uint64_t step_us = 10000;
        const auto share = [&](uint64_t used) { return used / period * second_us + used % period * second_us / period; };
        add("CPUQuotaPerSecUSec", bounded ? (share(static_cast<uint64_t>(quota)) + step_us - 1) / step_us * step_us : infinity);
        if (limits.cpu.period) add("CPUQuotaPeriodUSec", period);
    }
    if (limits.pids) add("TasksMax", or_infinity(*limits.pids));
    if (v2 && limits.io.weight) add("IOWeight", weight_of_blkio(*limits.io.weight));
    // A file that is written as it is, and a property all the same.
    constexpr std::pair<std::string_view, const char*> files[] = {
        {"memory.high", "MemoryHigh"}, {"memory.low", "MemoryLow"}, {"memory.max", "MemoryMax"}, {"memory.min", "MemoryMin"},
        {"memory.swap.max", "MemorySwapMax"}, {"pids.max", "TasksMax"}, {"cpu.weight", "CPUWeight"}};
    for (const auto& [file, value] : limits.unified)
        for (const auto& [known, property] : files) {
            if (file != known) continue;
            const auto number = trimmed(value) == "max" ? std::optional<uint64_t>(infinity) : parse_decimal(trimmed(value));
            if (number) add(property, *number);
        }
    return properties;
}

Result<std::vector<UnitProperty>> properties_of(const std::map<std::string, std::string>& annotations) {
    std::vector<UnitProperty> properties;
    for (const auto& [key, value] : annotations)
        if (key.starts_with(annotation_prefix)) properties.push_back(TRY(property_of(std::string_view(key).substr(annotation_prefix.size()), value)));
    return properties;
}

}  // namespace casemate::cgroup

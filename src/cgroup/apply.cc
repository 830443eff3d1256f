// Limits on a group that exists: files written, device rules put in force, and what `update` must know of the old
// values.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/openat2.h>

#include "base/text.h"
#include "cgroup/device_rules.h"
#include "cgroup/group.h"
#include "sys/bpf.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::cgroup {
namespace {

constexpr size_t file_max = size_t{1} << 16;

Result<bool> host_has_swap() {
    const auto procfs = TRY(sys::Procfs::host());
    const std::string table = TRY(procfs.read("swaps"));
    return split(trimmed(table), '\n').size() > 1;  // the first line is a heading
}

// Files of one line a device take one line a write.
Result<void> write_lines(FdView directory, const std::string& file, const std::string& value) {
    if (value.empty()) return Error::invalid(concat(file, ": an empty value"));
    std::optional<Fd> opened;
    for (const std::string_view line : split(value, '\n')) {
        if (line.empty()) continue;
        const auto write = [&]() -> Result<void> {
            if (!opened) opened = TRY(sys::openat2(directory, file.c_str(), O_WRONLY | O_NOFOLLOW, RESOLVE_BENEATH));
            return sys::write_all(*opened, line);
        };
        TRY_IN(concat("cannot set ", file, " to ", quoted(line.substr(0, 100))), write());
    }
    return {};
}

Result<void> write_setting(FdView directory, const Setting& setting) {
    auto written = write_lines(directory, setting.file, setting.value);
    if (written || written.error().code() != ENOENT) return written;
    switch (setting.missing) {
        case Missing::is_error: break;
        case Missing::is_alternative: return write_lines(directory, setting.alternative, setting.alternative_value);
        case Missing::is_fine: return {};
        case Missing::is_no_swap:
            if (!TRY(host_has_swap())) return {};
            return std::move(written).take_error().hint(
                "this kernel does not account swap, and the host has some: boot with swapaccount=1");
    }
    return written;
}

}  // namespace

// Files that bound each other (memory and memory+swap, period and quota and burst) can be written in one order only,
// which depends on the values in force. So what is refused is tried again once others were written, as long as that
// helps.
Result<void> Group::set(const std::vector<Setting>& settings) const {
    std::vector<const Setting*> pending;
    for (const Setting& setting : settings) pending.push_back(&setting);
    while (!pending.empty()) {
        std::vector<const Setting*> refused;
        std::optional<Error> first;
        for (const Setting* setting : pending) {
            const Member* member = setting->controller.empty() ? unified() : holding(setting->controller);
            if (!member)
                return Error::with_code(ENOENT, concat("cgroup controller '", setting->controller,
                                                       "' is not available, but ", setting->file, " is to be set"));
            auto written = write_setting(member->fd, *setting);
            if (written) continue;
            const int code = written.error().code();
            Error error = std::move(written).take_error().within(
                concat("cgroup ", quoted(member->directory), ": ", setting->controller));
            if (code != EINVAL && code != EBUSY) return error;
            refused.push_back(setting);
            if (!first) first = std::move(error);
        }
        if (refused.size() == pending.size()) return *std::move(first);
        pending = std::move(refused);
    }
    return {};
}

Result<void> Group::set_devices(const std::vector<DeviceRule>& rules) const {
    if (const Member* member = holding("devices"); member && member->version == Version::v1) {
        const std::vector<DeviceLine> lines = TRY(device_lines(rules));
        std::string exceptions;  // all of one kind: the other than the default
        for (size_t i = 1; i < lines.size(); ++i) exceptions += concat(lines[i].text, "\n");
        const char* file[] = {"devices.deny", "devices.allow"};
        const bool allowed = lines.front().allow;
        const std::string where = concat("cgroup ", quoted(member->directory), ": devices");
        TRY_IN(where, write_lines(member->fd, file[allowed], lines.front().text));
        if (!exceptions.empty()) TRY_IN(where, write_lines(member->fd, file[!allowed], exceptions));
        return {};
    }
    const Member* member = unified();
    if (!member)
        return Error::with_code(ENOENT,
                                "cgroup controller 'devices' is not available, but a device policy is asked for");
    const auto put = [&]() -> Result<void> {
        const std::vector<bpf_insn> code = TRY(device_program(rules));
        const Fd directory = TRY(sys::openat2(member->fd, ".", O_RDONLY | O_DIRECTORY, 0));
        const Fd program = TRY(sys::bpf_load_device_program(code));
        const std::vector<uint32_t> old = TRY(sys::bpf_device_programs(directory));
        // The new one first: for a moment both must allow, which is stricter, never weaker.
        TRY(sys::bpf_attach_device(directory, program));
        for (const uint32_t id : old) {
            const Fd replaced = TRY(sys::bpf_program_by_id(id));
            TRY(sys::bpf_detach_device(directory, replaced));
        }
        return {};
    };
    TRY_IN(concat("cgroup ", quoted(member->directory), ": device policy"), put());
    return {};
}

// What a file joins together must be written together: the part that is not asked for keeps its value.
Result<Limits> Group::completed(Limits limits) const {
    const Member* cpu = holding("cpu");
    if (cpu && cpu->version == Version::v2 && limits.cpu.period && !limits.cpu.quota) {
        const std::string text = TRY(sys::read_file(cpu->fd, "cpu.max", file_max));
        const auto quota = parse_decimal(split(trimmed(text), ' ').front(), INT64_MAX);
        limits.cpu.quota = quota ? static_cast<int64_t>(*quota) : unlimited;
    }
    const Member* memory = holding("memory");
    if (memory && memory->version == Version::v1 && limits.memory.swap && !limits.memory.limit) {
        const std::string text = TRY(sys::read_file(memory->fd, "memory.limit_in_bytes", file_max));
        constexpr uint64_t v1_unlimited = uint64_t{1} << 62;  // PAGE_COUNTER_MAX in bytes is near 2^63
        const auto limit = parse_decimal(trimmed(text), v1_unlimited);
        limits.memory.limit = limit ? static_cast<int64_t>(*limit) : unlimited;
    }
    if (memory && limits.memory.check_before_update && limits.memory.limit.value_or(unlimited) >= 0) {
        const char* file = memory->version == Version::v2 ? "memory.current" : "memory.usage_in_bytes";
        const std::string text = TRY(sys::read_file(memory->fd, file, file_max));
        const uint64_t used = parse_decimal(trimmed(text)).value_or(0);
        if (used > static_cast<uint64_t>(*limits.memory.limit))
            return Error::invalid(
                concat("memory limit ", *limits.memory.limit, " is below the present usage of ", used));
    }
    return limits;
}

// The present values, to go back to. Files of a line a device have none: a throttle is not undone.
std::vector<Setting> Group::values_of(const std::vector<Setting>& settings) const {
    std::vector<Setting> values;
    for (const Setting& setting : settings) {
        const Member* member = setting.controller.empty() ? unified() : holding(setting.controller);
        auto text = member ? sys::read_file(member->fd, setting.file.c_str(), file_max)
                           : Result<std::string>(Error::invalid(""));
        if (!text) continue;
        const std::string value(trimmed(text.value()));
        if (!value.empty() && value.find_first_of("\n:") == std::string::npos)
            values.push_back({setting.controller, setting.file, value, Missing::is_error, {}, {}});
    }
    return values;
}

Result<void> Group::update(const Limits& limits) const {
    if (members_.empty() && !limits.empty())
        return Error::with_code(ENOENT, "the container has no cgroup to set limits on");
    const Limits whole = TRY(completed(limits));
    const std::vector<Setting> settings = TRY(settings_for(whole, layout()));
    const std::vector<Setting> old = values_of(settings);
    auto changed = set(settings);
    if (changed && limits.devices) changed = set_devices(*limits.devices);
    if (changed) return {};
    Error error = std::move(changed).take_error();
    if (const auto restored = set(old); !restored)
        return std::move(error).within(concat("only in part undone (", restored.error().text(), ")"));
    return error;
}

}  // namespace casemate::cgroup

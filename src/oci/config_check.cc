#include "oci/config_check.h"

#include <algorithm>

#include "base/text.h"
#include "json/value.h"
#include "oci/config_words.h"

namespace casemate::oci {
namespace {

Error broken(std::string_view path, std::string_view rule) { return Error::invalid(concat(path, ": ", rule)); }

std::string at(std::string_view path, std::string_view list, size_t index) {
    return json::child_path(json::child_path(path, list), index);
}

// "1.0.2-dev": semver 2.0 of major version 1; a later major version may mean other things by the same keys.
Result<void> check_version(const Config& config) {
    const std::string_view text = config.oci_version;
    const std::vector<std::string_view> parts = split(text.substr(0, text.find_first_of("-+")), '.');
    const bool numeric = parts.size() == 3 && std::ranges::all_of(parts, [](std::string_view part) {
                             return parse_decimal(part).has_value() && (part == "0" || part.front() != '0');
                         });
    if (!numeric) return broken("$.ociVersion", concat("expected a semantic version, got ", quoted(text)));
    if (parts[0] != "1") return broken("$.ociVersion", concat("expected a version 1.x, got ", quoted(text)));
    return {};
}

// The kernel refuses overlaps and more than 340 entries (user_namespaces(7)).
Result<void> check_maps(const std::vector<IdMap>& maps, std::string_view path) {
    constexpr size_t kernel_entries = 340;
    if (maps.size() > kernel_entries) return broken(path, concat("more than ", kernel_entries, " entries"));
    const auto overlap = [](uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
        return a < b + b_size && b < a + a_size;
    };
    for (size_t i = 0; i < maps.size(); ++i) {
        const IdMap& map = maps[i];
        constexpr uint64_t end = 0xffffffff;  // 2^32-1 is no id
        if (uint64_t{map.container_id} + map.size > end || uint64_t{map.host_id} + map.size > end)
            return broken(json::child_path(path, i), "reaches beyond the highest id");
        for (size_t j = 0; j < i; ++j)
            if (overlap(map.container_id, map.size, maps[j].container_id, maps[j].size) ||
                overlap(map.host_id, map.size, maps[j].host_id, maps[j].size))
                return broken(json::child_path(path, i), concat("overlaps entry ", j));
    }
    return {};
}

Result<void> check_mounts(const Config& config) {
    for (size_t i = 0; i < config.mounts.size(); ++i) {
        const std::string path = at("$", "mounts", i);
        const Mount& mount = config.mounts[i];
        TRY(check_maps(mount.uid_mappings, json::child_path(path, "uidMappings")));
        TRY(check_maps(mount.gid_mappings, json::child_path(path, "gidMappings")));
        if (mount.uid_mappings.empty() != mount.gid_mappings.empty())
            return broken(path, "uidMappings and gidMappings go together");
    }
    return {};
}

Result<void> check_names(const Config& config) {
    constexpr size_t kernel_bytes = 64;  // __NEW_UTS_LEN
    if (config.hostname.size() > kernel_bytes) return broken("$.hostname", "longer than 64 bytes");
    if (config.domainname.size() > kernel_bytes) return broken("$.domainname", "longer than 64 bytes");
    return {};
}

Result<void> check_namespaces(const Config& config) {
    const std::vector<Namespace>& all = config.linux_.namespaces;
    for (size_t i = 0; i < all.size(); ++i)
        for (size_t j = 0; j < i; ++j)
            if (all[i].type == all[j].type)
                return broken(at("$.linux", "namespaces", i),
                              concat("namespace ", quoted(all[i].type), " given twice"));
    return {};
}

Result<void> check_devices(const Config& config) {
    for (size_t i = 0; i < config.linux_.devices.size(); ++i) {
        const Device& device = config.linux_.devices[i];
        const std::string path = at("$.linux", "devices", i);
        if (device.type != "p" && (!device.major || !device.minor))
            return broken(path, "a device needs major and minor");
        // Docker writes the file type along with the permissions; it must be the device's own.
        const uint32_t file_type = device.file_mode.value_or(0) & 0170000;
        const uint32_t own_type = device.type == "b" ? 0060000 : device.type == "p" ? 0010000 : 0020000;
        if (file_type && file_type != own_type)
            return broken(json::child_path(path, "fileMode"), "is the mode of another kind of file");
    }
    return {};
}

Result<void> check_time_offsets(const Config& config) {
    for (const auto& [clock, offset] : config.linux_.time_offsets)
        if (std::ranges::find(words::clocks, clock) == std::end(words::clocks))
            return broken(json::child_path("$.linux.timeOffsets", clock),
                          concat("unknown clock", did_you_mean(clock, words::clocks)));
    return {};
}

Result<void> check_net_devices(const Config& config) {
    constexpr size_t kernel_bytes = 15;  // IFNAMSIZ - 1
    const auto bad = [](std::string_view name) {
        return name.size() > kernel_bytes ||
               std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == ':'; });
    };
    for (const auto& [name, device] : config.linux_.net_devices) {
        const std::string path = json::child_path("$.linux.netDevices", name);
        if (bad(name)) return broken(path, "not a name of a network device");
        if (bad(device.name))
            return broken(path + ".name", concat("not a name of a network device: ", quoted(device.name)));
    }
    return {};
}

// Only these two return a number to the caller or tracer (config-linux.md, Seccomp).
Result<void> check_errno(std::string_view action, const std::optional<uint32_t>& number, std::string_view path) {
    if (!number) return {};
    if (action != "SCMP_ACT_ERRNO" && action != "SCMP_ACT_TRACE")
        return broken(path, concat("the action ", action, " has no errno"));
    if (action == "SCMP_ACT_ERRNO" && *number > 4095) return broken(path, "above the highest errno, 4095");
    return {};
}

Result<void> check_seccomp(const Config& config) {
    if (!config.linux_.seccomp) return {};
    const Seccomp& seccomp = *config.linux_.seccomp;
    const std::string_view path = "$.linux.seccomp";
    TRY(check_errno(seccomp.default_action, seccomp.default_errno_ret, "$.linux.seccomp.defaultErrnoRet"));
    if (!seccomp.listener_metadata.empty() && seccomp.listener_path.empty())
        return broken("$.linux.seccomp.listenerMetadata", "needs a listenerPath");
    for (size_t i = 0; i < seccomp.syscalls.size(); ++i) {
        const std::string rule = at(path, "syscalls", i);
        if (seccomp.syscalls[i].names.empty()) return broken(rule + ".names", "must name a system call");
        TRY(check_errno(seccomp.syscalls[i].action, seccomp.syscalls[i].errno_ret, rule + ".errnoRet"));
    }
    return {};
}

Result<void> check_annotations(const Config& config) {
    if (config.annotations.contains("")) return broken("$.annotations", "a key must not be empty");
    return {};
}

Result<void> check_process(const Config& config) {
    if (config.process) TRY(check(*config.process, "$.process"));
    return {};
}

Result<void> check_linux(const Config& config) {
    TRY(check_maps(config.linux_.uid_mappings, "$.linux.uidMappings"));
    TRY(check_maps(config.linux_.gid_mappings, "$.linux.gidMappings"));
    if (config.linux_.resources) TRY(check(*config.linux_.resources, "$.linux.resources"));
    return {};
}

}  // namespace

Result<void> check(const Process& process, std::string_view path) {
    for (size_t i = 0; i < process.env.size(); ++i) {
        const size_t equals = process.env[i].find('=');
        if (equals == std::string::npos || equals == 0)
            return broken(at(path, "env", i), concat("expected NAME=value, got ", quoted(process.env[i])));
    }
    for (size_t i = 0; i < process.rlimits.size(); ++i) {
        const Rlimit& limit = process.rlimits[i];
        if (limit.soft > limit.hard) return broken(at(path, "rlimits", i), "soft is above hard");
        for (size_t j = 0; j < i; ++j)
            if (limit.type == process.rlimits[j].type)
                return broken(at(path, "rlimits", i), concat(limit.type, " given twice"));
    }
    return {};
}

Result<void> check(const Resources& resources, std::string_view path) {
    for (size_t i = 0; i < resources.devices.size(); ++i) {
        const std::string_view access = resources.devices[i].access;
        if (access.find_first_not_of("rwm") != std::string_view::npos || access.size() > 3)
            return broken(json::child_path(at(path, "devices", i), "access"),
                          concat("expected letters of 'rwm', got ", quoted(access)));
    }
    for (size_t i = 0; i < resources.hugepage_limits.size(); ++i) {
        // It becomes part of a cgroup file's name: hugetlb.<pageSize>.max.
        const std::string_view size = resources.hugepage_limits[i].page_size;
        const bool named = size.size() >= 3 && size.ends_with("B") &&
                           std::string_view("KMG").find(size[size.size() - 2]) != std::string_view::npos;
        if (!named || size.front() == '0' || !parse_decimal(size.substr(0, size.size() - 2)))
            return broken(json::child_path(at(path, "hugepageLimits", i), "pageSize"),
                          concat("expected a size like '2MB', got ", quoted(size)));
    }
    return {};
}

Result<void> check(const Config& config) {
    using Check = Result<void> (*)(const Config&);
    static constexpr Check checks[] = {check_version,     check_mounts,     check_process,    check_names,
                                       check_linux,       check_namespaces, check_devices,    check_time_offsets,
                                       check_net_devices, check_seccomp,    check_annotations};
    for (const Check one : checks) TRY(one(config));
    return {};
}

}  // namespace casemate::oci

// The nodes of /dev: OCI's default six, and what config.json names. Where they are made depends on what is at /dev: a
// tmpfs of ours, the root file system itself, or a bind mount, which brings its own.
#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {
namespace {

struct Default {
    const char* path;
    uint32_t major, minor;
};
// config-linux.md, Default Devices; ptmx and the links are made beside them.
constexpr Default defaults[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
                                {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};

const MountPlan* holder_of(const std::vector<MountPlan>& mounts, const std::string& path) {
    const MountPlan* holder = nullptr;
    for (const MountPlan& mount : mounts)
        if (mount.kind != MountKind::remount && is_at_or_below(path, mount.destination) &&
            (!holder || mount.destination.size() >= holder->destination.size()))
            holder = &mount;
    return holder;
}

}  // namespace

// The same path again replaces a default node.
Result<void> Compiler::place_device(DeviceNode node) {
    const MountPlan* holder = holder_of(plan_.mounts_.mounts, node.path);
    if (node.path == "/dev") return Error::invalid(concat(quoted(node.path), " is a directory"));
    // Also a bind of the node alone: engines bind every device of the host for a privileged container without root.
    if (holder && holder->kind == MountKind::bind) {
        note(concat(quoted(node.path), ": not made, ", quoted(holder->destination), " is a bind mount and has the nodes of its source"));
        return {};
    }
    if (holder && node.path == holder->destination) return Error::invalid(concat(quoted(node.path), " is a directory"));
    if (holder && holder->kind != MountKind::dev)
        return Error::with_code(ENOTSUP, concat(quoted(node.path), " would be on the ", mount_kind_name(holder->kind), " at ", quoted(holder->destination)));
    std::vector<DeviceNode>& nodes = holder ? plan_.mounts_.devices : plan_.mounts_.root_devices;
    std::erase_if(nodes, [&](const DeviceNode& other) { return other.path == node.path; });
    nodes.push_back(std::move(node));
    return {};
}

Result<void> Compiler::devices() {
    const MountPlan* dev = holder_of(plan_.mounts_.mounts, "/dev");
    if (!dev || dev->kind == MountKind::dev)
        for (const Default& node : defaults) TRY(place_device({node.path, 'c', node.major, node.minor, 0666, 0, 0}));
    for (size_t i = 0; i < config_.linux_.devices.size(); ++i) {
        const oci::Device& device = config_.linux_.devices[i];
        const std::string where = concat("config.json: $.linux.devices[", i, "]");
        // The container's own pts/ptmx, never the host's node: engines name it among a privileged container's devices.
        if (device.path == "/dev/ptmx") continue;
        if (!is_normal_path(device.path) || device.path == "/") return Error::invalid(concat(where, ".path: ", quoted(device.path), " is not an absolute, normal path"));
        if (device.type.empty() || (device.type != "p" && !(device.major && device.minor)))
            return Error::invalid(concat(where, ": a device needs type, major and minor"));
        if (is_at_or_below(device.path, "/proc")) return Error::with_code(EPERM, concat(where, ".path: ", quoted(device.path), " is at or below /proc"));
        if (profile_.filesystem.devices && std::ranges::find(*profile_.filesystem.devices, device.path) == profile_.filesystem.devices->end())
            return Error::with_code(EPERM, concat(where, ": ", quoted(device.path), " is not in filesystem.devices"));
        const auto number = [](const std::optional<int64_t>& value) { return static_cast<uint32_t>(value.value_or(0)); };
        TRY_IN(where, place_device({device.path, device.type == "u" ? 'c' : device.type.front(), number(device.major), number(device.minor),
                                    device.file_mode.value_or(0666) & 07777, device.uid.value_or(0), device.gid.value_or(0)}));
    }
    return {};
}

}  // namespace casemate::plan

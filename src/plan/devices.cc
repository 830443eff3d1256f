// The nodes of /dev: OCI's default six, and what config.json names.
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

}  // namespace

Result<void> Compiler::devices() {
    std::vector<DeviceNode>& nodes = plan_.mounts_.devices;
    if (plan_.mounts_.make_dev)
        for (const Default& node : defaults) nodes.push_back({node.path, 'c', node.major, node.minor, 0666, 0, 0});
    for (size_t i = 0; i < config_.linux_.devices.size(); ++i) {
        const oci::Device& device = config_.linux_.devices[i];
        const std::string where = concat("config.json: $.linux.devices[", i, "]");
        // The container's own pts/ptmx, never the host's node: engines name it among a privileged container's devices.
        if (device.path == "/dev/ptmx") continue;
        if (!is_normal_path(device.path) || !device.path.starts_with("/dev/") || !plan_.mounts_.make_dev)
            return Error::with_code(ENOTSUP, concat(where, ".path: only nodes below a tmpfs at /dev are applied by this version of casemate"));
        if (device.type.empty() || (device.type != "p" && !(device.major && device.minor)))
            return Error::invalid(concat(where, ": a device needs type, major and minor"));
        if (plan_.ids_.mode == Mode::rootless) return Error::with_code(EPERM, concat(where, ": device nodes need root"));
        if (profile_.filesystem.devices) {
            bool listed = false;
            for (const std::string& allowed : *profile_.filesystem.devices) listed = listed || allowed == device.path;
            if (!listed) return Error::with_code(EPERM, concat(where, ": ", quoted(device.path), " is not in filesystem.devices"));
        }
        std::erase_if(nodes, [&](const DeviceNode& node) { return node.path == device.path; });
        nodes.push_back({device.path, device.type == "u" ? 'c' : device.type.front(), static_cast<uint32_t>(device.major.value_or(0)),
                         static_cast<uint32_t>(device.minor.value_or(0)), device.file_mode.value_or(0666) & 07777, device.uid.value_or(0),
                         device.gid.value_or(0)});
    }
    return {};
}

}  // namespace casemate::plan

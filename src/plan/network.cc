// What may come in and go out under `launch`. Under an engine the network is the engine's.
#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {
namespace {

bool is_device_name(std::string_view name) {
    constexpr size_t kernel_bytes = 15;  // IFNAMSIZ - 1
    const size_t percent = name.find('%');
    if (percent != std::string_view::npos && (name.substr(percent, 2) != "%d" || name.find('%', percent + 1) != std::string_view::npos)) return false;
    return !name.empty() && name.size() <= kernel_bytes && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

}  // namespace

// Devices of the host that the container gets (config-linux.md, Network Devices).
Result<void> Compiler::net_devices() {
    std::vector<NetDevice>& devices = plan_.network_.devices;
    for (const auto& [host_name, asked] : config_.linux_.net_devices) {
        const std::string where = concat("config.json: $.linux.netDevices.", printable(host_name));
        const std::string& name = asked.name.empty() ? host_name : asked.name;
        if (!is_device_name(host_name) || host_name.find('%') != std::string::npos || !is_device_name(name))
            return Error::invalid(concat(where, ": not a name of a network device"));
        if (!config_.find_namespace("network")) return Error::invalid(concat(where, ": needs a network namespace"));
        if (plan_.ids_.mode == Mode::rootless) return Error::with_code(EPERM, concat(where, ": moving a device of the host needs root"));
        if (name.find('%') == std::string::npos &&
            (name == "lo" || std::ranges::any_of(devices, [&](const NetDevice& other) { return other.name == name; })))
            return Error::invalid(concat(where, ".name: ", quoted(name), " is taken"));
        devices.push_back({host_name, name});
    }
    return {};
}

Result<void> Compiler::network() {
    NetworkPlan& plan = plan_.network_;
    TRY(net_devices());
    if (!request_.launch) return {};
    plan.managed = true;
    plan.mode = profile_.network.mode.value_or(policy::NetworkMode::host);
    const bool own = plan_.namespaces_.is_apart("network");
    constexpr std::string_view names[] = {"host", "sockets", "published", "none"};
    if (plan.mode != policy::NetworkMode::host && !own)
        return Error::with_code(EPERM, concat("network.mode '", names[static_cast<size_t>(plan.mode)], "' needs 'network' in namespaces.private"))
            .hint("waive network.mode as well, if the app is to have the host's network");
    // Silent on egress restricts nothing; in the host's network there is nothing to open.
    plan.egress_open = own && profile_.network.egress.value_or(policy::Egress::open) == policy::Egress::open;
    plan.publish = profile_.network.publish.value_or(std::vector<policy::Publish>{});
    plan.listen = profile_.network.listen.value_or(policy::Strings{});
    plan.proxy_protocol = profile_.network.proxy_protocol.value_or(false);
    if (profile_.network.mode == policy::NetworkMode::host && own)
        note("network.mode 'host' has no effect: namespaces.private holds 'network'");
    return {};
}

}  // namespace casemate::plan

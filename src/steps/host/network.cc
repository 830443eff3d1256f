// Devices of the host for the container's network namespace (linux.netDevices). Looked at before the clone, so that init
// has their addresses; moved while init waits. The kernel gives a physical device back, and deletes a virtual one, when
// the namespace goes.
#include "base/text.h"
#include "steps/host/steps.h"

namespace casemate::steps::host {
namespace {

bool has_devices(const plan::Plan& plan) { return !plan.network().devices.empty(); }

std::string list(const plan::Plan& plan) {
    std::string text;
    for (const plan::NetDevice& device : plan.network().devices)
        text += concat(text.empty() ? "" : ", ", device.host_name, device.name == device.host_name ? "" : concat(" as ", device.name));
    return text;
}

}  // namespace

const HostStep look_at_net_devices{
    "look at network devices", Phase::prepare, has_devices, list, [](HostContext& context) -> Result<void> {
        for (const plan::NetDevice& device : context.plan.network().devices)
            context.prepared.net_devices.push_back(TRY(sys::net_device(device.host_name)));
        return {};
    }};

const HostStep move_net_devices{
    "move network devices", Phase::adopt, has_devices, list, [](HostContext& context) -> Result<void> {
        const auto& devices = context.plan.network().devices;
        for (size_t i = 0; i < devices.size(); ++i)
            TRY_IN(concat("network device ", quoted(devices[i].host_name)),
                   sys::move_net_device(context.prepared.net_devices[i].index, context.pid, devices[i].name));
        return {};
    }};

}  // namespace casemate::steps::host

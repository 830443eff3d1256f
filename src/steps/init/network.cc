// The container's own loopback, and devices of the host that the plan gives it. Everything else of a network is the
// relay's, pasta's or the engine's.
#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {

const InitStep bring_loopback_up{
    "bring loopback up", Phase::session, [](const plan::Plan& plan) { return plan.namespaces().loopback_up; },
    [](const plan::Plan&) { return std::string("lo"); }, [](InitContext&) { return sys::loopback_up(); }};

// The move took their addresses (config-linux.md: permanent ones are kept) and set them down.
const InitStep bring_net_devices_up{
    "bring network devices up", Phase::session, [](const plan::Plan& plan) { return !plan.network().devices.empty(); },
    [](const plan::Plan& plan) { return concat(plan.network().devices.size(), " devices, with the addresses they had"); },
    [](InitContext& context) -> Result<void> {
        const auto& devices = context.plan.network().devices;
        for (size_t i = 0; i < devices.size(); ++i) {
            const sys::NetDeviceState& before = context.prepared.net_devices[i];
            // Only the kernel knows what it made of "%d"; the index stays where it is free.
            const bool chosen = devices[i].name.find('%') != std::string::npos;
            const int index = chosen ? before.index : TRY(sys::net_device(devices[i].name)).index;
            TRY_IN(quoted(devices[i].name), sys::bring_net_device_up(index, before.addresses));
        }
        return {};
    }};

}  // namespace casemate::steps::init

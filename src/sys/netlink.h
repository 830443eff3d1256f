// Network devices by rtnetlink(7): what a device is, moving it into another network namespace, giving it its addresses
// back there. Only what linux.netDevices of config.json needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::sys {

struct NetAddress {
    uint8_t family = 0, prefix = 0, scope = 0;
    std::vector<uint8_t> local, address;  // network byte order; `address` is the peer's on point-to-point devices
};

struct NetDeviceState {
    int index = 0;
    std::vector<NetAddress> addresses;  // permanent ones of global scope
};

// The device `name` of this network namespace. ENODEV: there is none.
Result<NetDeviceState> net_device(const std::string& name);
// Moves it into the network namespace of `pid`, there named `new_name` (which may hold one '%d').
Result<void> move_net_device(int index, pid_t pid, const std::string& new_name);
// In this network namespace: adds the addresses to the device and sets it up.
Result<void> bring_net_device_up(int index, const std::vector<NetAddress>& addresses);

}  // namespace casemate::sys

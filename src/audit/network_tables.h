// /proc/PID/net/{tcp,tcp6,udp,udp6,route,ipv6_route} as values (proc(5), Documentation/networking/proc_net_tcp.rst).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::audit {

struct OpenPort {
    uint16_t port = 0;
    bool wildcard = false;  // 0.0.0.0 or ::
    uint64_t inode = 0;
};

// Sockets that wait: TCP in LISTEN, UDP without a peer. Lines that are none are errors.
Result<std::vector<OpenPort>> parse_open_ports(std::string_view table, bool udp);

// Does a route lead everywhere, and not over the loopback? `v6` tables have other columns.
bool has_default_route(std::string_view table, bool v6);

}  // namespace casemate::audit

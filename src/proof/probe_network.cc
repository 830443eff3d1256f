// The network: no way out, nobody else's sockets, and nothing to be made of an inherited one.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/text.h"
#include "proof/check_list.h"

namespace casemate::proof {

namespace {

constexpr uint64_t bad = ~uint64_t{0};
constexpr uint64_t bind_tcp = 1, connect_tcp = 2;  // LANDLOCK_ACCESS_NET_*

// TCP or UDP to an address outside, by the first wall that stands in the way.
std::string outward(const CheckList& list, uint64_t type, std::string_view call) {
    const std::string made = list.filtered("socket", {AF_INET, type, 0});
    if (!made.empty()) return made;
    const std::string sent = list.filtered(call, {bad, bad, bad});
    if (!sent.empty()) return sent;
    const bool closed = list.owns("network") && !list.plan.network().egress_open;
    return closed ? "ENETUNREACH|EHOSTUNREACH|EACCES" : "any";
}

// One TCP port beside those that Landlock allows.
void add_port_checks(CheckList& list, uint64_t right, const char* name, const char* kind, const char* call) {
    const plan::LandlockPlan& landlock = list.plan.landlock();
    if (!(landlock.handled_net & right)) return;
    uint16_t port = 47111;
    const auto allowed = [&](uint16_t tried) {
        return std::any_of(landlock.ports.begin(), landlock.ports.end(),
                           [&](const auto& rule) { return rule.first == tried && (rule.second & right); });
    };
    while (allowed(port)) ++port;
    const std::string made = list.filtered("socket", {AF_INET, SOCK_STREAM, 0});
    list.add(concat("Landlock: ", name, " a port beside the list"), kind, concat("127.0.0.1:", port),
             made.empty() ? list.expect(call, {bad, bad, bad}, "EACCES") : made);
}

void add_inherited_sockets(CheckList& list) {
    // connect(2) is denied by the filter, or by Landlock where the profile needs AF_UNIX.
    const bool closed =
        !list.filtered("connect", {bad, bad, bad}).empty() || (list.plan.landlock().handled_net & connect_tcp);
    const std::string refused = closed ? "denied" : "not a way out";
    const std::string fast_open = list.expect("sendto", {bad, bad, 1, MSG_FASTOPEN, bad, 16}, "not a way out");
    for (unsigned i = 0; i < list.plan.process().inherited_fds; ++i) {
        const unsigned fd = 3 + i;
        list.add(concat("inherited socket ", fd, ": an accepted one connects"), "out-of-socket",
                 concat("accepted-connect ", fd), refused);
        list.add(concat("inherited socket ", fd, ": an accepted one listens"), "out-of-socket",
                 concat("accepted-listen ", fd), refused);
        // Last, because they end the listener where they succeed.
        list.add(concat("inherited socket ", fd, ": forget and connect"), "out-of-socket", concat("connect ", fd),
                 refused);
        list.add(concat("inherited socket ", fd, ": MSG_FASTOPEN"), "out-of-socket", concat("fastopen ", fd),
                 fast_open);
    }
}

}  // namespace

void add_network_checks(CheckList& list) {
    list.add("TCP to 192.0.2.1", "connect-tcp", "192.0.2.1:80", outward(list, SOCK_STREAM, "connect"));
    list.add("DNS to 192.0.2.53", "send-udp", "192.0.2.53:53", outward(list, SOCK_DGRAM, "sendto"));
    const bool own = list.owns("network");
    list.add("interfaces", "interfaces", "", own && !list.plan.network().egress_open ? "lo|none" : "any");
    const std::string refused = list.filtered("connect", {bad, bad, bad});
    // A network namespace has abstract names of its own; Landlock's scope refuses them as well.
    list.add("an abstract socket of the host", "connect-abstract", list.context.abstract_socket,
             refused.empty() ? own                               ? "ECONNREFUSED|EPERM"
                               : list.plan.landlock().scoped & 1 ? "EPERM"
                                                                 : "any"
                             : refused);
    add_port_checks(list, bind_tcp, "bind", "bind-tcp", "bind");
    add_port_checks(list, connect_tcp, "connect", "connect-tcp", "connect");
    add_inherited_sockets(list);
}

}  // namespace casemate::proof

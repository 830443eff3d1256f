// Socket families and netlink protocols, each with the upper half of the argument set as well (the kernel ignores it, a
// filter that compares 64 bits is walked around by it).
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <map>

#include "base/text.h"
#include "proof/check_list.h"

namespace casemate::proof {

namespace {

constexpr uint64_t bad = ~uint64_t{0}, bit32 = uint64_t{1} << 32, bit63 = uint64_t{1} << 63;
constexpr uint64_t fast_open = 0x20000000;
constexpr uint64_t families = 46, netlink_protocols = 23;

struct Family {
    const char* name;
    uint64_t number;
};
constexpr std::array<Family, 8> notorious = {{{"AF_ALG", 38},
                                              {"AF_BLUETOOTH", 31},
                                              {"AF_CAN", 29},
                                              {"AF_KEY", 15},
                                              {"AF_PACKET", 17},
                                              {"AF_TIPC", 30},
                                              {"AF_VSOCK", 40},
                                              {"AF_XDP", 44}}};

// Groups of calls with one expectation each; those that the filter lets pass are left out.
void add_grouped(CheckList& list, const std::string& name, std::string_view call,
                 const std::vector<CallArguments>& all) {
    std::map<std::string, std::string> groups;
    for (const CallArguments& arguments : all) {
        const std::string verdict = list.filtered(call, arguments);
        if (verdict.empty() || verdict == "SIGSYS") continue;
        std::string& text = groups[verdict];
        text += concat(text.empty() ? "" : ";", call_text(call, arguments));
    }
    for (const auto& [verdict, text] : groups) list.add(concat(name, ": ", verdict), "calls", text, verdict);
}

void add_families(CheckList& list) {
    for (const Family& family : notorious) {
        list.add(concat("socket ", family.name), "calls", call_text("socket", {family.number, SOCK_STREAM, 0}),
                 list.expect("socket", {family.number, SOCK_STREAM, 0}, "any"));
    }
    std::vector<CallArguments> sockets, pairs, protocols;
    for (uint64_t family = 0; family < families; ++family) {
        for (const uint64_t high : {uint64_t{0}, bit32, bit63}) {
            sockets.push_back({family | high, SOCK_STREAM, 0});
            sockets.push_back({family | high, SOCK_DGRAM, 0});
            pairs.push_back({family | high, SOCK_STREAM, 0, bad});
        }
    }
    for (uint64_t protocol = 0; protocol < netlink_protocols; ++protocol) {
        for (const uint64_t high : {uint64_t{0}, bit32}) protocols.push_back({AF_NETLINK, SOCK_RAW, protocol | high});
    }
    add_grouped(list, "socket families 0..45, with bits 32 and 63", "socket", sockets);
    add_grouped(list, "socketpair families 0..45, with bits 32 and 63", "socketpair", pairs);
    add_grouped(list, "netlink protocols 0..22, with bit 32", "socket", protocols);
}

}  // namespace

void add_socket_checks(CheckList& list) {
    add_families(list);
    constexpr uint64_t icmp = 1;
    list.add("raw socket", "calls", call_text("socket", {AF_INET, SOCK_RAW, icmp}),
             list.expect("socket", {AF_INET, SOCK_RAW, icmp}, list.has_capability(CAP_NET_RAW) ? "any" : "EPERM"));
    const std::array<std::pair<const char*, CallArguments>, 3> senders = {{{"sendto", {bad, bad, 0, fast_open, 0, 0}},
                                                                           {"sendmsg", {bad, bad, fast_open}},
                                                                           {"sendmmsg", {bad, bad, 0, fast_open}}}};
    for (const auto& [call, arguments] : senders) {
        CallArguments wide = arguments;
        for (uint64_t& argument : wide) argument = argument == fast_open ? argument | bit32 : argument;
        list.add(concat(call, " MSG_FASTOPEN"), "calls", concat(call_text(call, arguments), ';', call_text(call, wide)),
                 list.expect(call, arguments, "any"));
    }
}

}  // namespace casemate::proof

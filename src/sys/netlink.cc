#include "sys/netlink.h"

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "base/text.h"

namespace casemate::sys {
namespace {

// One request: a header, its body, attributes. 4-byte aligned as netlink(7) wants it.
class Request {
public:
    template <typename Body>
    Request(uint16_t type, uint16_t flags, const Body& body) {
        nlmsghdr header{};
        header.nlmsg_type = type;
        header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
        append(&header, sizeof header);
        append(&body, sizeof body);
    }
    void attribute(uint16_t type, const void* data, size_t size) {
        rtattr header{};
        header.rta_type = type;
        header.rta_len = static_cast<uint16_t>(sizeof header + size);
        append(&header, sizeof header);
        append(data, size);
    }
    std::string_view finish() {
        const auto length = static_cast<uint32_t>(bytes_.size());
        std::memcpy(bytes_.data(), &length, sizeof length);  // nlmsg_len comes first
        return bytes_;
    }

private:
    void append(const void* data, size_t size) {
        bytes_.append(static_cast<const char*>(data), size);
        bytes_.resize((bytes_.size() + 3) / 4 * 4);
    }
    std::string bytes_;
};

Result<Fd> open_route_socket() {
    Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!socket) return Error::sys("socket NETLINK_ROUTE");
    return socket;
}

// Sends and hears every answer up to the end: an acknowledgement, an error, or the end of a dump.
template <typename Heard>
Result<void> ask(FdView socket, Request request, Heard heard) {
    const std::string_view bytes = request.finish();
    if (::send(socket.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return Error::sys("send netlink");
    alignas(nlmsghdr) char buffer[32768];
    for (;;) {
        const ssize_t got = ::recv(socket.get(), buffer, sizeof buffer, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Error::sys("recv netlink");
        auto left = static_cast<unsigned>(got);
        for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer); NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
            if (message->nlmsg_type == NLMSG_DONE) return {};
            if (message->nlmsg_type == NLMSG_ERROR) {
                const int error = static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error;
                if (error != 0) return Error::from_errno(-error, "rtnetlink");
                return {};
            }
            heard(*message);
        }
    }
}

void ignore(const nlmsghdr&) {}

void add_address(const nlmsghdr& message, int index, std::vector<NetAddress>& out) {
    const auto* body = static_cast<const ifaddrmsg*>(NLMSG_DATA(&message));
    if (message.nlmsg_type != RTM_NEWADDR || static_cast<int>(body->ifa_index) != index) return;
    if (!(body->ifa_flags & IFA_F_PERMANENT) || body->ifa_scope != RT_SCOPE_UNIVERSE) return;
    NetAddress found{body->ifa_family, body->ifa_prefixlen, body->ifa_scope, {}, {}};
    auto left = static_cast<unsigned>(IFA_PAYLOAD(&message));
    for (const rtattr* one = IFA_RTA(body); RTA_OK(one, left); one = RTA_NEXT(one, left)) {
        const auto* data = static_cast<const uint8_t*>(RTA_DATA(one));
        if (one->rta_type == IFA_LOCAL) found.local.assign(data, data + RTA_PAYLOAD(one));
        if (one->rta_type == IFA_ADDRESS) found.address.assign(data, data + RTA_PAYLOAD(one));
    }
    out.push_back(std::move(found));
}

}  // namespace

Result<NetDeviceState> net_device(const std::string& name) {
    NetDeviceState state;
    state.index = static_cast<int>(::if_nametoindex(name.c_str()));
    if (state.index == 0) return Error::sys(concat("network device ", quoted(name)));
    const Fd socket = TRY(open_route_socket());
    const ifaddrmsg all{};
    TRY(ask(socket, Request(RTM_GETADDR, NLM_F_DUMP, all), [&](const nlmsghdr& message) { add_address(message, state.index, state.addresses); }));
    return state;
}

Result<void> move_net_device(int index, pid_t pid, const std::string& new_name) {
    const Fd socket = TRY(open_route_socket());
    ifinfomsg link{};
    link.ifi_index = index;
    // A device is renamed and moved only while it is down.
    link.ifi_change = IFF_UP;
    TRY(ask(socket, Request(RTM_SETLINK, NLM_F_ACK, link), ignore));
    link.ifi_change = 0;
    Request move(RTM_SETLINK, NLM_F_ACK, link);
    const auto target = static_cast<uint32_t>(pid);
    move.attribute(IFLA_NET_NS_PID, &target, sizeof target);
    move.attribute(IFLA_IFNAME, new_name.c_str(), new_name.size() + 1);
    return ask(socket, std::move(move), ignore);
}

Result<void> bring_net_device_up(int index, const std::vector<NetAddress>& addresses) {
    const Fd socket = TRY(open_route_socket());
    for (const NetAddress& address : addresses) {
        ifaddrmsg body{};
        body.ifa_family = address.family;
        body.ifa_prefixlen = address.prefix;
        body.ifa_scope = address.scope;
        body.ifa_index = static_cast<unsigned>(index);
        Request add(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, body);
        if (!address.local.empty()) add.attribute(IFA_LOCAL, address.local.data(), address.local.size());
        if (!address.address.empty()) add.attribute(IFA_ADDRESS, address.address.data(), address.address.size());
        TRY_IN("address", ask(socket, std::move(add), ignore));
    }
    ifinfomsg link{};
    link.ifi_index = index;
    link.ifi_flags = link.ifi_change = IFF_UP;
    return ask(socket, Request(RTM_SETLINK, NLM_F_ACK, link), ignore);
}

}  // namespace casemate::sys

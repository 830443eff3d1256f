#include "launch/relay_loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "base/text.h"

namespace casemate::launch {
namespace {

// uvicorn and others believe X-Forwarded-For from 127.0.0.1: connections of strangers must not come from there.
constexpr uint32_t source_address = 0x7f000064;  // 127.0.0.100
constexpr uint32_t nobody = UINT32_MAX;          // end of a list
constexpr int accepts_at_once = 64;
constexpr int starved_retry_ms = 100;
constexpr int keepalive_idle_s = 300;  // a client that vanished does not keep its place for ever
constexpr int last_rounds = 64;

// What an event is about. Connections: generation (from 1) in the upper half, place and side in the lower.
constexpr uint64_t tag_init = 0, tag_lifeline = 1, tag_first_listener = 2;
constexpr uint64_t tag_first_connection = uint64_t{1} << 32;

uint64_t tag_of(uint32_t generation, uint32_t number, Side side) {
    return (uint64_t{generation} << 32) | (uint64_t{number} << 1) | static_cast<uint64_t>(side);
}

bool set_option(const Fd& socket, int level, int option, int value) {
    return ::setsockopt(socket.get(), level, option, &value, sizeof value) == 0;
}

const void* address_bytes(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET6) return &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    return &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
}

unsigned port_of(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

RelayLoop::RelayLoop(Fd epoll, RelayBuffers buffers, std::vector<Listener> listeners, size_t capacity,
                     bool proxy_protocol)
    : epoll_(std::move(epoll)),
      buffers_(std::move(buffers)),
      listeners_(std::move(listeners)),
      table_(capacity),
      first_(nobody),
      last_(nobody),
      proxy_protocol_(proxy_protocol) {
    for (uint32_t number = 0; number < capacity; ++number)
        table_[number].next = number + 1 < capacity ? number + 1 : nobody;
}

Result<void> RelayLoop::watch(FdView fd, uint32_t events, uint64_t tag) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) return Error::sys("epoll_ctl");
    return {};
}

Result<RelayLoop> RelayLoop::make(std::vector<Listener> listeners, FdView init, FdView lifeline, size_t capacity,
                                  bool proxy_protocol) {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return Error::sys("epoll_create1");
    RelayLoop loop(std::move(epoll), TRY(RelayBuffers::map(capacity)), std::move(listeners), capacity, proxy_protocol);
    TRY_IN("pidfd", loop.watch(init, EPOLLIN, tag_init));
    if (lifeline.get() >= 0) TRY_IN("lifeline", loop.watch(lifeline, EPOLLIN, tag_lifeline));
    if (!loop.set_listening(true)) return Error::sys("epoll_ctl");
    return loop;
}

bool RelayLoop::set_listening(bool on) {
    if (on == listening_) return true;
    for (size_t i = 0; i < listeners_.size(); ++i) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = tag_first_listener + i;
        if (::epoll_ctl(epoll_.get(), on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listeners_[i].fd.get(), &event) != 0)
            return false;
    }
    listening_ = on;
    return true;
}

void RelayLoop::accept_some(const Listener& listener) {
    for (int i = 0; i < accepts_at_once && live_ < table_.size(); ++i) {
        sockaddr_storage client{};
        socklen_t length = sizeof client;
        Fd outside(
            ::accept4(listener.fd.get(), reinterpret_cast<sockaddr*>(&client), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (outside) {
            start(std::move(outside), listener.container_port, client);
            continue;
        }
        if (errno == EAGAIN) return;
        if (errno == ECONNABORTED || errno == EPROTO || errno == EINTR) continue;  // the fate of that one client
        starved_ = true;
        return;
    }
}

void RelayLoop::start(Fd outside, uint16_t container_port, const sockaddr_storage& client) {
    const uint32_t number = free_;
    RelayConnection& connection = table_[number];
    free_ = connection.next;
    ++live_;
    connection.open(std::move(outside), container_port);
    const Fd& socket = connection.socket(Side::outside);
    const bool ready =
        set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1) && set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1) &&
        set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_s) &&
        (!proxy_protocol_ || say_client(number, client)) &&
        watch(socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, tag_of(connection.generation, number, Side::outside));
    if (!ready || !connect_inside(number)) end(number, true);
}

// "PROXY TCP4 client relay client-port relay-port\r\n" in front of the client's own bytes (haproxy's
// proxy-protocol.txt, section 2.1). At most 107 bytes.
bool RelayLoop::say_client(uint32_t number, const sockaddr_storage& client) {
    sockaddr_storage local{};
    socklen_t length = sizeof local;
    RelayConnection& connection = table_[number];
    if (::getsockname(connection.socket(Side::outside).get(), reinterpret_cast<sockaddr*>(&local), &length) != 0)
        return false;
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN], line[128];
    if (!::inet_ntop(client.ss_family, address_bytes(client), from, sizeof from)) return false;
    if (!::inet_ntop(local.ss_family, address_bytes(local), to, sizeof to)) return false;
    const int size = std::snprintf(line, sizeof line, "PROXY TCP%c %s %s %u %u\r\n",
                                   client.ss_family == AF_INET6 ? '6' : '4', from, to, port_of(client), port_of(local));
    connection.preload(Side::outside, buffers_.place(number, Side::outside), {line, static_cast<size_t>(size)});
    return true;
}

// Begins the connect to the container's side. False: it cannot even begin, or was refused on every address.
bool RelayLoop::connect_inside(uint32_t number) {
    RelayConnection& connection = table_[number];
    const int family = connection.over_ipv6 ? AF_INET6 : AF_INET;
    Fd inside(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!inside || !set_option(inside, IPPROTO_TCP, TCP_NODELAY, 1)) return false;
    sockaddr_storage target{};
    socklen_t length = 0;
    if (connection.over_ipv6) {
        auto& address = reinterpret_cast<sockaddr_in6&>(target);
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(connection.container_port);
        address.sin6_addr = in6addr_loopback;
        length = sizeof address;
    } else {
        auto& address = reinterpret_cast<sockaddr_in&>(target);
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(source_address);
        length = sizeof address;
        // Without a port yet: connect(2) chooses one, so that 28,000 connections to one port do not run out.
        if (!set_option(inside, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)) return false;
        if (::bind(inside.get(), reinterpret_cast<const sockaddr*>(&target), length) != 0) return false;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(connection.container_port);
    }
    const int status = ::connect(inside.get(), reinterpret_cast<const sockaddr*>(&target), length);
    const int why = status == 0 ? 0 : errno;
    if (why == ECONNREFUSED && !connection.over_ipv6) {
        connection.over_ipv6 = true;
        return connect_inside(number);
    }
    if (why != 0 && why != EINPROGRESS) return false;
    connection.socket(Side::inside) = std::move(inside);
    if (why == 0) connection.state = RelayConnection::State::connected;
    return static_cast<bool>(watch(connection.socket(Side::inside), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                   tag_of(connection.generation, number, Side::inside)));
}

// The first event of the inside socket: the connect has ended, one way or the other. True: it is connected.
bool RelayLoop::connected(uint32_t number) {
    RelayConnection& connection = table_[number];
    int why = 0;
    socklen_t length = sizeof why;
    if (::getsockopt(connection.socket(Side::inside).get(), SOL_SOCKET, SO_ERROR, &why, &length) != 0) why = errno;
    if (why == 0) {
        connection.state = RelayConnection::State::connected;
        return true;
    }
    const bool again = why == ECONNREFUSED && !connection.over_ipv6;
    connection.over_ipv6 = true;
    connection.socket(Side::inside).reset();
    if (!again || !connect_inside(number)) end(number, true);
    return false;
}

void RelayLoop::end(uint32_t number, bool reset) {
    RelayConnection& connection = table_[number];
    connection.close(reset);
    for (const Side from : {Side::outside, Side::inside})
        if (connection.touched(from)) buffers_.give_back(number, from);
    connection.next = free_;
    free_ = number;
    --live_;
}

void RelayLoop::queue(uint32_t number) {
    RelayConnection& connection = table_[number];
    if (connection.queued) return;
    connection.queued = true;
    connection.next = nobody;
    if (last_ == nobody)
        first_ = number;
    else
        table_[last_].next = number;
    last_ = number;
}

// One bounded turn for each connection that stood on the list when it began.
void RelayLoop::work() {
    uint32_t number = first_;
    first_ = last_ = nobody;
    while (number != nobody) {
        RelayConnection& connection = table_[number];
        const uint32_t following = connection.next;
        connection.queued = false;
        switch (connection.pump(buffers_, number)) {
            case RelayConnection::Progress::waiting: break;
            case RelayConnection::Progress::more: queue(number); break;
            case RelayConnection::Progress::finished: end(number, false); break;
            case RelayConnection::Progress::failed: end(number, true); break;
        }
        number = following;
    }
}

void RelayLoop::happened(uint64_t tag, uint32_t events) {
    const uint32_t number = static_cast<uint32_t>(tag) >> 1;
    const Side side = static_cast<Side>(tag & 1);
    RelayConnection& connection = table_[number];
    if (connection.generation != tag >> 32 || connection.state == RelayConnection::State::unused) return;
    if (connection.state == RelayConnection::State::connecting) {
        if (side == Side::inside && !connected(number)) return;
        if (side == Side::outside && (events & EPOLLERR)) return end(number, true);
    }
    connection.note(side, events);
    if (connection.state == RelayConnection::State::connected) queue(number);
}

Result<bool> RelayLoop::take_events(int timeout_ms, bool accepting) {
    std::array<epoll_event, 128> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
    if (count < 0 && errno != EINTR) return Error::sys("epoll_wait");
    bool over = false;
    for (int i = 0; i < count; ++i) {
        const uint64_t tag = events[static_cast<size_t>(i)].data.u64;
        if (tag >= tag_first_connection)
            happened(tag, events[static_cast<size_t>(i)].events);
        else if (tag < tag_first_listener)
            over = true;
        else if (accepting)
            accept_some(listeners_[tag - tag_first_listener]);
    }
    return over;
}

// What the app sent before it ended, and its client is ready to take, still goes out. A connection whose answer is
// whole ends in order, the others with a reset: a client must not take half an answer for a whole one.
Result<void> RelayLoop::finish() {
    for (int round = 0; round < last_rounds; ++round) {
        TRY(take_events(0, false));
        if (first_ == nobody) break;
        work();
    }
    for (uint32_t number = 0; number < table_.size(); ++number)
        if (table_[number].state != RelayConnection::State::unused) table_[number].close(!table_[number].answered());
    return {};
}

Result<void> RelayLoop::run() {
    for (;;) {
        const int timeout = first_ != nobody ? 0 : starved_ ? starved_retry_ms : -1;
        starved_ = false;
        if (TRY(take_events(timeout, true))) return finish();
        work();
        if (!set_listening(live_ < table_.size() && !starved_)) return Error::sys("epoll_ctl");
    }
}

}  // namespace casemate::launch

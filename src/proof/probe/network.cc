// Acts on the network: ways out, the host's sockets, and what an inherited socket could be turned into.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fcntl.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "base/fd.h"
#include "base/text.h"
#include "proof/probe/act.h"

namespace casemate::probe {

namespace {

constexpr int wait_ms = 1500;

bool address_of(const std::string& text, sockaddr_in& address) {
    std::string port = text;
    const std::string host = take(port, ':');
    const auto number = parse_decimal(port, UINT16_MAX);
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(number.value_or(0)));
    return number && inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1;
}

std::string connected(int fd, const sockaddr* address, socklen_t size) {
    if (connect(fd, address, size) == 0) return "ok";
    if (errno != EINPROGRESS) return failed();
    pollfd writable{fd, POLLOUT, 0};
    if (poll(&writable, 1, wait_ms) == 0) return "ETIMEDOUT";
    int code = 0;
    socklen_t code_size = sizeof code;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &code_size) != 0) return failed();
    return code == 0 ? "ok" : errno_name(code);
}

std::string connect_tcp(const std::string& target) {
    sockaddr_in address{};
    if (!address_of(target, address)) return "wrong act";
    const Fd socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_fd) return failed();
    return connected(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

std::string send_udp(const std::string& target) {
    sockaddr_in address{};
    if (!address_of(target, address)) return "wrong act";
    const Fd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket_fd) return failed();
    const char query[] =
        "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07"
        "example\x00\x00\x01\x00\x01";
    return outcome(sendto(socket_fd.get(), query, sizeof query - 1, 0, reinterpret_cast<const sockaddr*>(&address),
                          sizeof address));
}

std::string bind_tcp(const std::string& target) {
    sockaddr_in address{};
    if (!address_of(target, address)) return "wrong act";
    const Fd socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket_fd) return failed();
    return outcome(bind(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

// An abstract socket that the launcher opened on the host, by name.
std::string connect_abstract(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name.empty() || name.size() + 1 > sizeof address.sun_path)
        return "skip: the launcher opened no abstract socket";
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const Fd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket_fd) return failed();
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    return connected(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), size);
}

// Names of the interfaces, from this process's own network namespace.
std::string interfaces(const std::string&) {
    const Fd file(open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC));
    if (!file) return failed();
    std::string text(16384, '\0');
    const ssize_t got = read(file.get(), text.data(), text.size());
    if (got < 0) return failed();
    text.resize(static_cast<size_t>(got));
    std::string names;
    for (int line = 0; !text.empty(); ++line) {
        std::string fields = take(text, '\n');
        constexpr int heading_lines = 2;
        if (line < heading_lines) continue;
        const std::string name(trimmed(take(fields, ':')));
        if (!name.empty()) names += (names.empty() ? "" : " ") + name;
    }
    return names.empty() ? "none" : names;
}

// --- The ways out of a socket that was made in the host's network namespace (an inherited one)
// ------------------------

// Makes `fd` a client of the host's network: forgets what it was, then connects anew.
std::string reconnect(int fd, uint16_t port) {
    sockaddr nothing{};
    nothing.sa_family = AF_UNSPEC;
    if (connect(fd, &nothing, sizeof nothing) != 0) return failed();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string seen = connected(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return seen == "ECONNREFUSED" ? "ok" : seen;  // refused by the host's own stack: we are out
}

std::string fast_open(int fd, uint16_t port) {
    shutdown(fd, SHUT_RD);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return outcome(
        sendto(fd, "x", 1, MSG_FASTOPEN | MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

std::string listen_anew(int fd) {
    sockaddr nothing{};
    nothing.sa_family = AF_UNSPEC;
    if (connect(fd, &nothing, sizeof nothing) != 0) return failed();
    return outcome(listen(fd, 1));
}

// "WAY FD": connect, fastopen (of the listener), accepted-connect, accepted-listen (of a connection that the launcher
// made to it).
std::string out_of_socket(const std::string& object) {
    std::string number = object;
    const std::string way = take(number, ' ');
    const auto raw = parse_decimal(number, 1024);
    int listening = 0;
    socklen_t size = sizeof listening;
    if (!raw) return "wrong act";
    const int fd = static_cast<int>(*raw);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening)
        return "skip: no listener was handed over";
    constexpr uint16_t closed_port = 9;
    if (way == "connect") return reconnect(fd, closed_port);
    if (way == "fastopen") return fast_open(fd, closed_port);
    pollfd readable{fd, POLLIN, 0};
    if (poll(&readable, 1, wait_ms) != 1) return "skip: nobody connected to the listener";
    const Fd accepted(accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted) return failed();
    return way == "accepted-connect" ? reconnect(accepted.get(), closed_port) : listen_anew(accepted.get());
}

constexpr std::array<Act, 6> acts = {{{"connect-tcp", connect_tcp},
                                      {"send-udp", send_udp},
                                      {"bind-tcp", bind_tcp},
                                      {"connect-abstract", connect_abstract},
                                      {"interfaces", interfaces},
                                      {"out-of-socket", out_of_socket}}};

}  // namespace

std::span<const Act> network_acts() { return acts; }

}  // namespace casemate::probe

#include "kernel/relay_client.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "plan/relay_filter.h"

namespace relay_test {
namespace {

using casemate::concat;
using casemate::Fd;

sockaddr_in6 loopback(bool ipv6, uint16_t port, socklen_t& length) {
    sockaddr_in6 six{};
    auto& four = reinterpret_cast<sockaddr_in&>(six);
    if (ipv6) {
        six.sin6_family = AF_INET6;
        six.sin6_addr = in6addr_loopback;
        six.sin6_port = htons(port);
        length = sizeof six;
    } else {
        four.sin_family = AF_INET;
        four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        four.sin_port = htons(port);
        length = sizeof four;
    }
    return six;
}

std::string file_text(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text(65536, '\0');
    const ssize_t size = ::read(file.get(), text.data(), text.size());
    text.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return text;
}

}  // namespace

Listening listen_anywhere(bool ipv6) {
    Listening listening;
    listening.fd = Fd(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    socklen_t length = 0;
    sockaddr_in6 address = loopback(ipv6, 0, length);
    if (::bind(listening.fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) return {};
    if (::listen(listening.fd.get(), 1024) != 0) return {};
    ::getsockname(listening.fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
    listening.port = ntohs(address.sin6_port);  // at the same place in both
    return listening;
}

Published::Published(uint16_t container_port, Kind kind) : container(kind), listening(listen_anywhere()) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    lifeline_read = Fd(ends[0]);
    lifeline_write = Fd(ends[1]);
    spec.listeners = {{listening.fd, container_port}};
    spec.init = container.pidfd();
    spec.lifeline = lifeline_read;
    spec.mode = kind == Kind::root          ? casemate::plan::Mode::root
                : kind == Kind::root_userns ? casemate::plan::Mode::root_userns
                                            : casemate::plan::Mode::rootless;
    if (kind == Kind::root) spec.ids = host_ids;
    if (kind == Kind::root_userns) spec.ids = {userns_base + 60'000, userns_base + 60'000};
    auto filter = casemate::plan::relay_filter(false);
    if (filter)
        spec.filter = filter.value();
    else
        error = filter.error().text();
}

bool Published::start() {
    if (!container.ready()) {
        error = "the container is not ready";
        return false;
    }
    auto started = casemate::launch::start_relay(spec);
    if (!started) {
        error = started.error().text();
        return false;
    }
    relay = std::move(started).take();
    return true;
}

Fd connect_to(uint16_t port, bool ipv6) {
    Fd socket(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    socklen_t length = 0;
    const sockaddr_in6 address = loopback(ipv6, port, length);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) return {};
    return socket;
}

bool send_whole(const Fd& socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
}

std::string receive(const Fd& socket, size_t limit, int timeout_ms, int* error) {
    std::string text;
    int last = 0;
    while (text.size() < limit) {
        pollfd watched{socket.get(), POLLIN, 0};
        if (::poll(&watched, 1, timeout_ms) <= 0) {
            last = EAGAIN;
            break;
        }
        char bytes[65536];
        const ssize_t got = ::recv(socket.get(), bytes, std::min(sizeof bytes, limit - text.size()), 0);
        if (got < 0) last = errno;
        if (got <= 0) break;
        text.append(bytes, static_cast<size_t>(got));
    }
    if (error) *error = last;
    return text;
}

std::string pattern_text(size_t size) {
    std::string text(size, '\0');
    for (size_t i = 0; i < size; ++i) text[i] = pattern(i);
    return text;
}

void close_with_reset(Fd socket) {
    const linger at_once{1, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::string status_line(pid_t pid, const std::string& name) {
    const std::string text = "\n" + file_text(concat("/proc/", pid, "/status"));
    const size_t begin = text.find("\n" + name + ":");
    if (begin == std::string::npos) return "absent";
    const size_t value = begin + name.size() + 2;
    return std::string(casemate::trimmed(std::string_view(text).substr(value, text.find('\n', value) - value)));
}

size_t rss_kib(pid_t pid) { return std::strtoul(status_line(pid, "RssAnon").c_str(), nullptr, 10); }

std::vector<int> descriptors(pid_t pid) {
    std::vector<int> numbers;
    DIR* directory = ::opendir(concat("/proc/", pid, "/fd").c_str());
    if (!directory) return {-1};
    while (const dirent* entry = ::readdir(directory))
        if (entry->d_name[0] != '.') numbers.push_back(std::atoi(entry->d_name));
    ::closedir(directory);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

void sleep_ms(int ms) {
    const timespec time{ms / 1000, (ms % 1000) * 1'000'000L};
    ::nanosleep(&time, nullptr);
}

}  // namespace relay_test

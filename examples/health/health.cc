// health: the smallest server worth sandboxing: GET /health answers {"status":"ok"}, everything else is 404.
//
// It is the app of quickstart and of most end-to-end tests, so it is one static file without a framework, takes its
// socket from LISTEN_FDS (as systemd passes it) or binds $PORT, and stays calm under slow clients and a thousand
// connections at once: one epoll loop, a fixed buffer and a deadline a connection, no allocation after the start.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

namespace {

constexpr int max_fds = 4096;
constexpr time_t patience_s = 10;  // from accept until the request is whole
constexpr size_t request_bytes = 2048;

#define RESPONSE(status, length, type, body)                                   \
    "HTTP/1.1 " status "\r\nContent-Type: " type "\r\nContent-Length: " length \
    "\r\nCache-Control: no-store\r\n"                                          \
    "Connection: close\r\n\r\n" body
constexpr std::string_view healthy = RESPONSE("200 OK", "15", "application/json", "{\"status\":\"ok\"}");
constexpr std::string_view not_found = RESPONSE("404 Not Found", "10", "text/plain", "not found\n");
constexpr std::string_view not_allowed =
    "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
constexpr std::string_view too_large = RESPONSE("431 Request Header Fields Too Large", "0", "text/plain", "");
constexpr std::string_view bad_request = RESPONSE("400 Bad Request", "0", "text/plain", "");

struct Client {
    bool open = false;
    bool answered = false;
    time_t deadline = 0;
    size_t used = 0;
    char request[request_bytes];
    std::string_view answer;  // what is still to be sent
};

Client clients[max_fds];
int open_clients = 0;
bool listening = true;  // false while no descriptor is left for another client

time_t now() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

[[noreturn]] void die(const char* what) {
    std::fprintf(stderr, "health: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

// The answer to a whole request head.
std::string_view respond(std::string_view head) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const size_t method_end = line.find(' ');
    const size_t path_end = line.rfind(" HTTP/1.");
    if (method_end == line.npos || path_end == line.npos || path_end <= method_end) return bad_request;
    const std::string_view method = line.substr(0, method_end);
    if (method != "GET" && method != "HEAD") return not_allowed;
    std::string_view path = line.substr(method_end + 1, path_end - method_end - 1);
    path = path.substr(0, path.find('?'));
    const std::string_view answer = path == "/health" ? healthy : not_found;
    return method == "GET" ? answer : answer.substr(0, answer.find("\r\n\r\n") + 4);
}

void watch(int epoll, int op, int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(epoll, op, fd, &event) != 0) die("epoll_ctl");
}

void drop(int epoll, int listener, int fd) {
    close(fd);
    clients[fd].open = false;
    --open_clients;
    if (!listening) {
        listening = true;
        watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN);
    }
}

void accept_all(int epoll, int listener) {
    for (;;) {
        const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            if (errno != EMFILE && errno != ENFILE) return;
            if (open_clients == 0) return;
            listening = false;
            watch(epoll, EPOLL_CTL_DEL, listener, 0);
            return;
        }
        if (fd >= max_fds) {
            close(fd);
            continue;
        }
        Client& client = clients[fd];
        client.open = true;
        client.answered = false;
        client.used = 0;
        client.deadline = now() + patience_s;
        ++open_clients;
        watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

// Sends what is left. False: the connection is done with.
bool send_rest(int epoll, int fd) {
    Client& client = clients[fd];
    while (!client.answer.empty()) {
        const ssize_t sent = send(fd, client.answer.data(), client.answer.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) {
            watch(epoll, EPOLL_CTL_MOD, fd, EPOLLOUT);
            return true;
        }
        if (sent < 0) return false;
        client.answer.remove_prefix(static_cast<size_t>(sent));
    }
    // Half-close and wait for the client's end: a close with unread input would reset what it has not read yet.
    shutdown(fd, SHUT_WR);
    watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN);
    return true;
}

// False: the connection is done with.
bool serve(int epoll, int fd) {
    Client& client = clients[fd];
    if (client.answered && !client.answer.empty()) return send_rest(epoll, fd);
    if (client.answered) client.used = 0;
    const ssize_t got = recv(fd, client.request + client.used, request_bytes - client.used, 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    if (client.answered) return true;
    client.used += static_cast<size_t>(got);
    const std::string_view head(client.request, client.used);
    if (head.find("\r\n\r\n") != head.npos)
        client.answer = respond(head);
    else if (client.used == request_bytes)
        client.answer = too_large;
    else
        return true;
    client.answered = true;
    return send_rest(epoll, fd);
}

// sd_listen_fds(3): fd 3 is ours when LISTEN_PID names this process.
bool socket_was_passed() {
    const char* count = std::getenv("LISTEN_FDS");
    const char* pid = std::getenv("LISTEN_PID");
    return count != nullptr && std::atoi(count) >= 1 && (pid == nullptr || std::atoi(pid) == getpid());
}

int listen_on(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("bind");
    if (listen(fd, SOMAXCONN) != 0) die("listen");
    return fd;
}

int listener() {
    int fd = 3;
    if (!socket_was_passed()) {
        const char* text = std::getenv("PORT");
        const int port = text != nullptr ? std::atoi(text) : 8080;
        if (port < 1 || port > 65535) {
            std::fprintf(stderr, "health: PORT: not a port: %s\n", text);
            std::exit(2);
        }
        fd = listen_on(port);
    }
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) die("fcntl");
    return fd;
}

void use_all_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);  // best effort: fewer descriptors mean fewer clients at once
}

}  // namespace

int main() {
    // As PID 1 a signal without a handler would be ignored.
    std::signal(SIGTERM, [](int) { _exit(0); });
    std::signal(SIGINT, [](int) { _exit(0); });
    use_all_descriptors();
    const int socket = listener();
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) die("epoll_create1");
    watch(epoll, EPOLL_CTL_ADD, socket, EPOLLIN);
    std::fprintf(stderr, "health: serving\n");

    epoll_event events[128];
    for (time_t swept = now();;) {
        const int count = epoll_wait(epoll, events, 128, 1000);
        if (count < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < count; ++i) {
            const int fd = events[i].data.fd;
            if (fd == socket)
                accept_all(epoll, socket);
            else if (clients[fd].open && !serve(epoll, fd))
                drop(epoll, socket, fd);
        }
        const time_t time = now();
        if (time == swept) continue;
        swept = time;
        for (int fd = 0; fd < max_fds; ++fd)
            if (clients[fd].open && clients[fd].deadline < time) drop(epoll, socket, fd);
    }
}

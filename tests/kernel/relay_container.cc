#include "kernel/relay_container.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>
#include <vector>

#include "base/text.h"
#include "sys/call.h"

namespace relay_test {
namespace {

using casemate::concat;
using casemate::Fd;

struct Client {
    Fd socket;
    uint16_t port = 0;
    size_t received = 0, sent = 0, wanted = 0;
    std::string kept;  // of echo
    bool ended = false, shut = false;
};

// A single-threaded poll loop; slow and plain on purpose.
class Server {
public:
    explicit Server(Counters& counters) : counters_(counters) {}

    bool listen() {
        for (const uint16_t port : {echo, sink, flood, peer, answer, first_talk, reset, only_ipv6, last_words})
            if (!listen(port)) return false;
        return true;
    }

    [[noreturn]] void run() {
        for (;;) {
            std::vector<pollfd> watched;
            for (const auto& [socket, port] : listeners_) watched.push_back({socket.get(), POLLIN, 0});
            for (const Client& client : clients_) watched.push_back({client.socket.get(), interest(client), 0});
            if (::poll(watched.data(), watched.size(), -1) < 0) ::_exit(1);
            for (size_t i = clients_.size(); i-- > 0;) {
                const short events = watched[listeners_.size() + i].revents;
                const bool broken = clients_[i].port == sink && (events & (POLLHUP | POLLERR));
                if (events == 0 || (!broken && turn(clients_[i]))) continue;
                clients_.erase(clients_.begin() + static_cast<ptrdiff_t>(i));
                --counters_.open;
            }
            for (size_t i = 0; i < listeners_.size(); ++i)
                if (watched[i].revents) accept(i);
        }
    }

private:
    bool listen(uint16_t port) {
        const bool ipv6 = port == only_ipv6;
        Fd socket(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_in6 six{};
        six.sin6_family = AF_INET6;
        six.sin6_addr = in6addr_loopback;
        six.sin6_port = htons(port);
        sockaddr_in four{};
        four.sin_family = AF_INET;
        four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        four.sin_port = htons(port);
        const auto* address = ipv6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
        if (::bind(socket.get(), address, ipv6 ? sizeof six : sizeof four) != 0) return false;
        if (::listen(socket.get(), 1024) != 0) return false;
        listeners_.emplace_back(std::move(socket), port);
        return true;
    }

    void accept(size_t index) {
        const auto& [listener, port] = listeners_[index];
        for (;;) {
            sockaddr_in6 from{};
            socklen_t length = sizeof from;
            Fd socket(
                ::accept4(listener.get(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!socket) return;
            if (port == peer || port == only_ipv6) {
                char text[64] = {};
                if (from.sin6_family == AF_INET6)
                    ::inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text);
                else
                    ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in&>(from).sin_addr, text, sizeof text);
                ::send(socket.get(), text, std::string(text).size(), MSG_NOSIGNAL);
                continue;
            }
            Client client;
            client.socket = std::move(socket);
            client.port = port;
            client.wanted = port == flood        ? flood_size
                            : port == first_talk ? answer_first
                            : port == last_words ? 1 << 20
                                                 : 0;
            clients_.push_back(std::move(client));
            if (const uint64_t now = ++counters_.open; now > counters_.most_open) counters_.most_open = now;
        }
    }

    static short interest(const Client& client) {
        short events = 0;
        if (client.port != sink && client.port != flood && !client.ended && client.kept.empty()) events |= POLLIN;
        if (!client.kept.empty() || client.sent < client.wanted) events |= POLLOUT;
        return events;
    }

    bool over() {
        if (errno == ECONNRESET || errno == EPIPE) ++counters_.resets_seen;
        return false;
    }

    // False: the connection is over.
    bool turn(Client& client) {
        char bytes[65536];
        if (client.port != sink && client.port != flood && !client.ended && client.kept.empty()) {
            const ssize_t got = ::recv(client.socket.get(), bytes, sizeof bytes, 0);
            if (got < 0 && errno != EAGAIN) return over();
            if (got > 0 && client.port == reset) {
                const linger at_once{1, 0};
                ::setsockopt(client.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
                return false;
            }
            if (got > 0) {
                client.received += static_cast<size_t>(got);
                counters_.read_before_end += static_cast<uint64_t>(got);
                if (client.port == echo) client.kept.assign(bytes, static_cast<size_t>(got));
            }
            if (got == 0) {
                client.ended = true;
                if (client.port == answer)
                    client.wanted = client.received;
                else if (client.port == echo)
                    return false;
            }
        }
        while (!client.kept.empty()) {
            const ssize_t sent = ::send(client.socket.get(), client.kept.data(), client.kept.size(), MSG_NOSIGNAL);
            if (sent < 0) return errno == EAGAIN ? true : over();
            client.kept.erase(0, static_cast<size_t>(sent));
        }
        if (client.sent < client.wanted) {
            const size_t size = std::min(sizeof bytes, client.wanted - client.sent);
            for (size_t i = 0; i < size; ++i) bytes[i] = pattern(client.sent + i);
            const ssize_t sent = ::send(client.socket.get(), bytes, size, MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN) return over();
            if (sent > 0) client.sent += static_cast<size_t>(sent);
            if (client.port == flood && sent > 0) counters_.flooded += static_cast<uint64_t>(sent);
        }
        if (client.wanted > 0 && client.sent == client.wanted && !client.shut) {
            if (client.port == last_words) ::_exit(0);
            if (client.port == flood || client.port == answer) return false;
            ::shutdown(client.socket.get(), SHUT_WR);
            client.shut = true;
        }
        return !(client.ended && client.sent == client.wanted && client.port != answer);
    }

    Counters& counters_;
    std::vector<std::pair<Fd, uint16_t>> listeners_;
    std::vector<Client> clients_;
};

void raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

bool write_map(pid_t pid, const char* name, const std::string& text) {
    const Fd file(::open(concat("/proc/", pid, "/", name).c_str(), O_WRONLY | O_CLOEXEC));
    return ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool write_maps(pid_t pid, Kind kind) {
    if (kind == Kind::root) return true;
    if (kind == Kind::root_userns) {
        const std::string map = concat("0 ", userns_base, " 65536");
        return write_map(pid, "gid_map", map) && write_map(pid, "uid_map", map);
    }
    return write_map(pid, "setgroups", "deny") && write_map(pid, "gid_map", concat("1001 ", ::getegid(), " 1")) &&
           write_map(pid, "uid_map", concat("1001 ", ::geteuid(), " 1"));
}

[[noreturn]] void serve(Fd go, Fd report, Counters& counters) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    raise_descriptor_limit();
    char byte = 0;
    if (::read(go.get(), &byte, 1) != 1) ::_exit(1);
    Server server(counters);
    if (!casemate::sys::loopback_up() || !server.listen()) ::_exit(1);
    if (::write(report.get(), "r", 1) != 1) ::_exit(1);
    server.run();
}

}  // namespace

char pattern(size_t position) { return static_cast<char>((position * 2654435761U) >> 13); }

Container::Container(Kind kind) {
    void* shared = ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    counters_ = new (shared) Counters;
    int go[2], report[2];
    if (::pipe2(go, O_CLOEXEC) != 0 || ::pipe2(report, O_CLOEXEC) != 0) return;
    Fd go_read(go[0]), go_write(go[1]), report_read(report[0]), report_write(report[1]);
    auto cloned = casemate::sys::clone3(CLONE_NEWNET | (kind == Kind::root ? 0 : CLONE_NEWUSER));
    if (!cloned) return;
    pid_ = cloned.value().pid;
    if (pid_ == 0) {
        go_write.reset();
        report_read.reset();
        serve(std::move(go_read), std::move(report_write), *counters_);
    }
    pidfd_ = std::move(cloned.value().pidfd);
    report_write.reset();
    char byte = 0;
    ready_ = write_maps(pid_, kind) && ::write(go_write.get(), "g", 1) == 1 && ::read(report_read.get(), &byte, 1) == 1;
}

void Container::kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, __WALL);
    pid_ = -1;
}

Container::~Container() {
    kill();
    ::munmap(counters_, sizeof(Counters));
}

}  // namespace relay_test

// socket, SO_REUSEADDR, bind, listen; and what went wrong in words that name the port.
#include "launch/listeners.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace casemate::launch {
namespace {

constexpr int backlog = 1024;
constexpr mode_t socket_file_mode = 0600;
constexpr unsigned first_unprivileged_port = 1024;  // ip_unprivileged_port_start's default, ip-sysctl.rst

Result<void> set_flag(FdView socket, int level, int option, const char* name) {
    const int on = 1;
    if (::setsockopt(socket.get(), level, option, &on, sizeof on) != 0) return Error::sys(name);
    return {};
}

Error bind_failed(const Endpoint& endpoint) {
    const int saved = errno;
    switch (saved) {
        case EADDRINUSE:
            return Error::from_errno(saved, "port in use: bind")
                .hint(concat("choose another host port, or see who has it: ss -ltnp 'sport = :", endpoint.port, "'"));
        case EACCES:
            if (endpoint.port < first_unprivileged_port)
                return Error::from_errno(saved, "a port below 1024 needs CAP_NET_BIND_SERVICE: bind")
                    .hint("choose a port from 1024 on, or lower the sysctl net.ipv4.ip_unprivileged_port_start");
            break;
        case EADDRNOTAVAIL:
            return Error::from_errno(saved, "no interface of this host has this address: bind")
                .hint("127.0.0.1 is this host only, 0.0.0.0 every interface");
        default: break;
    }
    return Error::from_errno(saved, "bind");
}

Result<Fd> open_tcp(const Endpoint& endpoint, int type_flags) {
    Fd socket(::socket(endpoint.ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type_flags, IPPROTO_TCP));
    if (!socket) return Error::sys("socket");
    TRY(set_flag(socket, SOL_SOCKET, SO_REUSEADDR, "setsockopt SO_REUSEADDR"));
    sockaddr_storage storage{};
    socklen_t length = 0;
    if (endpoint.ipv6) {
        // Without it [::] would take the IPv4 port too, which nobody asked for.
        TRY(set_flag(socket, IPPROTO_IPV6, IPV6_V6ONLY, "setsockopt IPV6_V6ONLY"));
        auto* address = reinterpret_cast<sockaddr_in6*>(&storage);
        address->sin6_family = AF_INET6;
        address->sin6_port = htons(endpoint.port);
        if (inet_pton(AF_INET6, endpoint.address.c_str(), &address->sin6_addr) != 1)
            return Error::invalid("not an IPv6 address");
        length = sizeof *address;
    } else {
        auto* address = reinterpret_cast<sockaddr_in*>(&storage);
        address->sin_family = AF_INET;
        address->sin_port = htons(endpoint.port);
        if (inet_pton(AF_INET, endpoint.address.c_str(), &address->sin_addr) != 1)
            return Error::invalid("not an IPv4 address");
        length = sizeof *address;
    }
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) return bind_failed(endpoint);
    if (::listen(socket.get(), backlog) != 0) {
        // Two sockets with SO_REUSEADDR may both bind; the second listen(2) is what fails then.
        if (errno == EADDRINUSE) return bind_failed(endpoint);
        return Error::sys("listen");
    }
    return socket;
}

// fchmod before bind: the kernel makes the file with the socket's own mode (unix_bind_bsd), so it never is wider.
Result<Fd> bind_unix(const std::string& path) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return Error::sys("socket");
    if (::fchmod(socket.get(), socket_file_mode) != 0) return Error::sys("fchmod");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return Error::invalid("the path is too long for a unix socket");
    std::memcpy(address.sun_path, path.c_str(), path.size());
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == EADDRINUSE)
            return Error::sys("the path exists: bind").hint("remove it when no server uses it any more");
        return Error::sys("bind");
    }
    return socket;
}

Result<SocketFile> identify(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return Error::sys("lstat");
    if (!S_ISSOCK(status.st_mode)) return Error::invalid("the socket was replaced while it was opened");
    return SocketFile{path, status.st_dev, status.st_ino};
}

}  // namespace

Result<void> remove_socket_file(const SocketFile& file) {
    const size_t slash = file.path.rfind('/');
    const std::string directory_path = slash == 0 ? "/" : file.path.substr(0, slash);
    const std::string name = file.path.substr(slash + 1);
    const Fd directory(::open(directory_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (!directory || ::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return {};
        return Error::sys(concat("socket ", quoted(file.path)));
    }
    if (status.st_dev != file.device || status.st_ino != file.inode || !S_ISSOCK(status.st_mode)) return {};
    if (::unlinkat(directory.get(), name.c_str(), 0) != 0 && errno != ENOENT)
        return Error::sys(concat("unlink ", quoted(file.path)));
    return {};
}

Result<void> Listeners::add_published(const PublishSpec& spec) {
    Fd socket = TRY(open_tcp(spec.host, SOCK_NONBLOCK));
    published_.push_back({std::move(socket), spec.container_port, spec.host.text()});
    return {};
}

Result<void> Listeners::add_inherited(const ListenSpec& spec) {
    if (!spec.is_unix()) {
        Fd socket = TRY(open_tcp(spec.endpoint, 0));
        inherited_.push_back({std::move(socket), spec.text()});
        return {};
    }
    Fd socket = TRY(bind_unix(spec.path));
    files_.push_back(TRY(identify(spec.path)));
    if (::listen(socket.get(), backlog) != 0) return Error::sys("listen");
    inherited_.push_back({std::move(socket), spec.text()});
    return {};
}

Result<Listeners> Listeners::open(const std::vector<PublishSpec>& publish, const std::vector<ListenSpec>& listen) {
    Listeners listeners;
    for (const PublishSpec& spec : publish) TRY_IN(concat("publish ", spec.host.text()), listeners.add_published(spec));
    for (const ListenSpec& spec : listen)
        TRY_IN(concat("listen ", printable(spec.text())), listeners.add_inherited(spec));
    return listeners;
}

Listeners::~Listeners() {
    for (const SocketFile& file : files_) {
        const Result<void> removed = remove_socket_file(file);
        if (!removed) log(LogLevel::warning, removed.error().text());
    }
}

void Listeners::close_sockets() {
    published_.clear();
    inherited_.clear();
}

std::vector<SocketFile> Listeners::release_files() { return std::exchange(files_, {}); }

}  // namespace casemate::launch

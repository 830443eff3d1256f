#include "launch/notify.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/text.h"
#include "sys/call.h"
#include "sys/unix_socket.h"

namespace casemate::launch {
namespace {

// conmon's list (CONTRACT 1.4): what a service says of its own state.
constexpr std::string_view passable[] = {"READY=", "RELOADING=", "STOPPING=", "STATUS=", "ERRNO=", "BUSERROR=", "WATCHDOG=", "MONOTONIC_USEC="};
constexpr int barrier_ms = 5000;

Result<Fd> datagram_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return Error::sys("socket");
    return socket;
}

Result<Fd> bind_inside(FdView directory) {
    Fd socket = TRY(datagram_socket());
    if (::unlinkat(directory.get(), Notifier::socket_name, 0) < 0 && errno != ENOENT) return Error::sys("unlinkat");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = concat("/proc/self/fd/", directory.get(), "/", Notifier::socket_name);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return Error::sys("bind");
    if (::fchmodat(directory.get(), Notifier::socket_name, 0777, 0) < 0) return Error::sys("fchmodat");
    return socket;
}

Result<Fd> connect_outside(const std::string& name) {
    Fd socket = TRY(datagram_socket());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name.size() < 2 || (name[0] != '/' && name[0] != '@')) return Error::invalid("is no path and no '@name'");
    if (name.size() >= sizeof address.sun_path) return Error::from_errno(ENAMETOOLONG, "connect");
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '/' ? 1 : 0));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) < 0) return Error::sys("connect");
    return socket;
}

}  // namespace

std::string passable_lines(std::string_view message) {
    std::string out;
    for (const std::string_view line : split(message, '\n'))
        for (const std::string_view known : passable)
            if (line.starts_with(known) && line.find('\0') == std::string_view::npos) out += concat(line, "\n");
    return out;
}

Result<Notifier> Notifier::open(FdView directory, const std::string& address) {
    Notifier notifier;
    notifier.outer_ = TRY_IN(concat("NOTIFY_SOCKET ", quoted(address)), connect_outside(address));
    notifier.inner_ = TRY_IN("/run/notify", bind_inside(directory));
    return notifier;
}

Result<void> Notifier::turn(pid_t main_pid) {
    char message[4096];
    // Without a place for descriptors the kernel closes those that come: an app's own barrier is thereby passed.
    for (ssize_t got; (got = ::recv(inner_.get(), message, sizeof message, 0)) >= 0;) {
        std::string lines = passable_lines({message, static_cast<size_t>(got)});
        if (lines.empty()) continue;
        const bool now_ready = concat("\n", lines).find("\nREADY=1\n") != std::string::npos;
        if (now_ready && !ready_ && main_pid) lines += concat("MAINPID=", main_pid, "\n");
        ready_ = ready_ || now_ready;
        // A manager that is gone, or does not listen, is no reason to end the app.
        (void)::send(outer_.get(), lines.data(), lines.size(), MSG_NOSIGNAL);
    }
    if (errno != EAGAIN && errno != EINTR) return Error::sys("recv").within("/run/notify");
    return {};
}

Result<void> Notifier::await_ready(pid_t main_pid, FdView pidfd) {
    pollfd waiting[] = {{inner_.get(), POLLIN, 0}, {pidfd.get(), POLLIN, 0}};
    while (!ready_) {
        if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return Error::sys("poll");
        if (waiting[0].revents) TRY(turn(main_pid));
        if (waiting[1].revents) break;
    }
    return barrier();
}

// sd_notify_barrier(3): the manager closes the descriptor when it has come this far.
Result<void> Notifier::barrier() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return Error::sys("pipe2");
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    if (!sys::send_descriptor(outer_, writer, "BARRIER=1")) return {};  // no manager any more
    writer.reset();
    pollfd waiting{reader.get(), 0, 0};
    (void)::poll(&waiting, 1, barrier_ms);
    return {};
}

}  // namespace casemate::launch

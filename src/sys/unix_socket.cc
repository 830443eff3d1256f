#include "sys/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::sys {

Result<Fd> connect_unix(const std::string& path) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return Error::sys("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // Engines keep sockets below long directory names; /proc/self/fd makes any of them short.
    Fd at;
    std::string reached = path;
    if (path.size() >= sizeof address.sun_path) {
        at = TRY_IN(quoted(path), sys::open(path.c_str(), O_PATH));
        reached = concat("/proc/self/fd/", at.get());
    }
    std::memcpy(address.sun_path, reached.c_str(), reached.size());
    int connected;
    do connected = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    while (connected < 0 && errno == EINTR);
    if (connected < 0) return Error::sys("connect").within(quoted(path));
    return socket;
}

Result<void> send_descriptor(FdView socket, FdView descriptor, std::string_view name) {
    iovec payload{const_cast<char*>(name.data()), name.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &payload;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int number = descriptor.get();
    std::memcpy(CMSG_DATA(header), &number, sizeof number);
    ssize_t sent;
    do sent = ::sendmsg(socket.get(), &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return Error::sys("sendmsg");
    return {};
}

}  // namespace casemate::sys

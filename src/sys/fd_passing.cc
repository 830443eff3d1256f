#include "sys/fd_passing.h"

#include <sys/socket.h>

#include <cstring>

#include "sys/unix_socket.h"

namespace casemate::sys {

Result<void> send_byte(FdView socket, char byte, FdView attached) {
    if (attached.get() >= 0) return send_descriptor(socket, attached, {&byte, 1});
    ssize_t sent;
    do sent = ::send(socket.get(), &byte, 1, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent != 1) return Error::sys("send");
    return {};
}

Result<std::pair<char, Fd>> receive_byte(FdView socket) {
    char byte = 0;
    iovec part{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t got;
    do got = ::recvmsg(socket.get(), &header, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return Error::sys("recvmsg");
    if (got == 0) return Error::from_errno(ECONNRESET, "recvmsg");
    Fd attached;
    for (cmsghdr* item = CMSG_FIRSTHDR(&header); item; item = CMSG_NXTHDR(&header, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
        int raw = -1;
        std::memcpy(&raw, CMSG_DATA(item), sizeof raw);
        attached = Fd(raw);
    }
    if (header.msg_flags & MSG_CTRUNC) return Error::from_errno(EMFILE, "recvmsg");
    return std::pair<char, Fd>(byte, std::move(attached));
}

}  // namespace casemate::sys

#include "sys/terminal.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstring>

#include "sys/call.h"

namespace casemate::sys {
namespace {

constexpr unsigned peer_major_first = 136, peer_major_last = 143;  // UNIX98_PTY_SLAVE_MAJOR and its seven followers
constexpr ino_t ptmx_inode = 2;                                    // fs/devpts/inode.c, mknod_ptmx()

Result<void> check_multiplexer(FdView ptmx) {
    const struct stat status = TRY(fstat(ptmx));
    if (!S_ISCHR(status.st_mode) || status.st_rdev != ::makedev(5, 2) || status.st_ino != ptmx_inode ||
        TRY(filesystem_magic(ptmx)) != DEVPTS_SUPER_MAGIC)
        return Error::invalid("is not the multiplexer of a devpts");
    return {};
}

Result<void> check_peer(FdView peer) {
    const struct stat status = TRY(fstat(peer));
    const unsigned major = ::major(status.st_rdev);
    if (!S_ISCHR(status.st_mode) || major < peer_major_first || major > peer_major_last || TRY(filesystem_magic(peer)) != DEVPTS_SUPER_MAGIC)
        return Error::invalid("the master's peer is no pseudo terminal");
    return {};
}

}  // namespace

Result<Pty> make_pty(FdView devpts) {
    constexpr uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    Pty pty;
    // First without opening the device: whatever else stands there could act on being opened.
    const Fd path = TRY_IN("'ptmx'", openat2(devpts, "ptmx", O_PATH, resolve));
    TRY_IN("'ptmx'", check_multiplexer(path));
    pty.master = TRY_IN("'ptmx'", openat2(devpts, "ptmx", O_RDWR | O_NOCTTY, resolve));
    TRY_IN("'ptmx'", check_multiplexer(pty.master));
    const int unlock = 0;
    if (::ioctl(pty.master.get(), TIOCSPTLCK, &unlock) < 0) return Error::sys("ioctl TIOCSPTLCK");
    pty.peer = TRY(peer_of(pty.master));
    return pty;
}

Result<Fd> peer_of(FdView master) {
    Fd peer(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!peer) return Error::sys("ioctl TIOCGPTPEER");
    TRY(check_peer(peer));
    return peer;
}

Result<void> set_window_size(FdView terminal, const winsize& size) {
    if (::ioctl(terminal.get(), TIOCSWINSZ, &size) < 0) return Error::sys("ioctl TIOCSWINSZ");
    return {};
}

Result<void> set_controlling_terminal(FdView terminal) {
    if (::ioctl(terminal.get(), TIOCSCTTY, 0) < 0) return Error::sys("ioctl TIOCSCTTY");
    return {};
}

Result<Fd> receive_descriptor(FdView socket) {
    char name[4096];
    iovec part{name, sizeof name};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t got;
    do got = ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0) return errno == EAGAIN ? Error::with_code(ENODATA, "no descriptor has come") : Error::sys("recvmsg");
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
        return Error::with_code(ENODATA, "no descriptor has come");
    int raw = -1;
    std::memcpy(&raw, CMSG_DATA(header), sizeof raw);
    return Fd(raw);
}

}  // namespace casemate::sys

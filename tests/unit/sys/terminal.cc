// Pseudo terminals: made in a real devpts, and never in what only looks like one (CVE-2025-52565).
#include "sys/terminal.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/call.h"
#include "sys/unix_socket.h"

using namespace casemate;
using namespace casemate::sys;

namespace {

Result<Pty> made_in(const char* directory) {
    const Fd place = TRY(sys::open(directory, O_PATH | O_DIRECTORY));
    return make_pty(place);
}

}  // namespace

TEST_CASE("terminal: what is written on one side is read on the other") {
    if (::geteuid() != 0) {
        MESSAGE("SKIP: needs root");  // /dev/pts/ptmx has mode 000 on many hosts
        return;
    }
    auto made = made_in("/dev/pts");
    REQUIRE_MESSAGE(made, made.error().text());
    const Pty& pty = made.value();
    CHECK(::isatty(pty.peer.get()));
    CHECK((::fcntl(pty.master.get(), F_GETFD) & FD_CLOEXEC));
    CHECK((::fcntl(pty.peer.get(), F_GETFD) & FD_CLOEXEC));
    REQUIRE(set_window_size(pty.peer, {12, 34, 0, 0}));
    winsize size{};
    CHECK(::ioctl(pty.master.get(), TIOCGWINSZ, &size) == 0);
    CHECK(size.ws_row == 12);
    CHECK(size.ws_col == 34);
    REQUIRE(::write(pty.master.get(), "in\n", 3) == 3);
    char text[16];
    CHECK(::read(pty.peer.get(), text, sizeof text) == 3);
    CHECK(peer_of(pty.master));
}

TEST_CASE("terminal: a planted directory, link, file or device is no devpts") {
    char scratch[] = "/tmp/casemate-pty.XXXXXX";
    REQUIRE(::mkdtemp(scratch));
    const std::string ptmx = std::string(scratch) + "/ptmx";
    CHECK_FALSE(made_in(scratch));
    REQUIRE(::symlink("/dev/ptmx", ptmx.c_str()) == 0);
    CHECK_FALSE(made_in(scratch));
    ::unlink(ptmx.c_str());
    REQUIRE(::close(::open(ptmx.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) == 0);
    const auto file = made_in(scratch);
    REQUIRE_FALSE(file);
    CHECK(file.error().text() == "'ptmx': is not the multiplexer of a devpts");
    ::unlink(ptmx.c_str());
    if (::mknod(ptmx.c_str(), S_IFCHR | 0600, (5 << 8) | 2) == 0) {  // the right device, and still not a devpts
        CHECK_FALSE(made_in(scratch));
        ::unlink(ptmx.c_str());
    }
    ::rmdir(scratch);
    CHECK_FALSE(made_in("/dev"));
}

TEST_CASE("terminal: a descriptor over a socket, and a message without one") {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const Fd left(ends[0]);
    Fd right(ends[1]);
    CHECK(receive_descriptor(left).error().code() == ENODATA);
    REQUIRE(send_descriptor(right, right, "/dev/ptmx"));
    const auto came = receive_descriptor(left);
    REQUIRE(came);
    CHECK((::fcntl(came.value().get(), F_GETFD) & FD_CLOEXEC));
    REQUIRE(::write(right.get(), "x", 1) == 1);
    CHECK(receive_descriptor(left).error().code() == ENODATA);
    right.reset();
}

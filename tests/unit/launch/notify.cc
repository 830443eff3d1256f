// The socket between an app and the service manager: what passes, and what never does.
#include "launch/notify.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

using namespace casemate;
using namespace casemate::launch;
using namespace std::string_literals;

namespace {

int socket_at(const std::string& path, bool listening) {
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    if ((listening ? ::bind(fd, where, sizeof address) : ::connect(fd, where, sizeof address)) < 0) return -1;
    return fd;
}

std::string heard(int fd) {
    char text[4096];
    const ssize_t got = ::recv(fd, text, sizeof text, MSG_DONTWAIT);
    return got < 0 ? "nothing" : std::string(text, static_cast<size_t>(got));
}

}  // namespace

TEST_CASE("notify: only an app's words about itself are passable") {
    CHECK(passable_lines("READY=1") == "READY=1\n");
    CHECK(passable_lines("STATUS=up and running\nREADY=1\n") == "STATUS=up and running\nREADY=1\n");
    CHECK(passable_lines("RELOADING=1\nMONOTONIC_USEC=12\nSTOPPING=1\nERRNO=2\nBUSERROR=x\nWATCHDOG=1") ==
          "RELOADING=1\nMONOTONIC_USEC=12\nSTOPPING=1\nERRNO=2\nBUSERROR=x\nWATCHDOG=1\n");
    CHECK(passable_lines("MAINPID=1\nFDSTORE=1\nFDNAME=x\nNOTIFYACCESS=all\nBARRIER=1\nWATCHDOG_USEC=1\nEXTEND_TIMEOUT_USEC=1").empty());
    CHECK(passable_lines("XREADY=1\n READY=1\nready=1").empty());
    CHECK(passable_lines("STATUS=a\0MAINPID=1"s).empty());
    CHECK(passable_lines("").empty());
}

TEST_CASE("notify: from the container's socket to the manager's, the main process with the readiness") {
    char scratch[] = "/tmp/casemate-notify.XXXXXX";
    REQUIRE(::mkdtemp(scratch));
    const std::string place = scratch, inside = place + "/notify.sock", outside = place + "/manager";
    const int manager = socket_at(outside, true);
    REQUIRE(manager >= 0);
    const Fd directory(::open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int round = 0; round < 2; ++round) {  // a second one takes the place of the first
        auto made = Notifier::open(directory, outside);
        REQUIRE_MESSAGE(made, made.error().text());
        Notifier& notifier = made.value();
        const int app = socket_at(inside, false);
        REQUIRE(app >= 0);
        const std::string words = "STATUS=starting\nMAINPID=1\n", ready = "READY=1";
        REQUIRE(::send(app, words.data(), words.size(), 0) > 0);
        REQUIRE(notifier.turn(42));
        CHECK(heard(manager) == "STATUS=starting\n");
        CHECK_FALSE(notifier.ready());
        REQUIRE(::send(app, ready.data(), ready.size(), 0) > 0);
        REQUIRE(::send(app, ready.data(), ready.size(), 0) > 0);
        REQUIRE(notifier.turn(42));
        CHECK(notifier.ready());
        CHECK(heard(manager) == "READY=1\nMAINPID=42\n");
        CHECK(heard(manager) == "READY=1\n");
        CHECK(heard(manager) == "nothing");
        ::close(app);
    }
    CHECK_FALSE(Notifier::open(directory, place + "/nobody"));
    CHECK_FALSE(Notifier::open(directory, "vsock:2:1"));
    ::close(manager);
    ::unlink(inside.c_str());
    ::unlink(outside.c_str());
    ::rmdir(scratch);
}

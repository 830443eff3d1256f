// Listening sockets against the real kernel, on loopback ports that the test asks the kernel for.
#include "launch/listeners.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

using namespace casemate;
using launch::Endpoint;
using launch::Listeners;

namespace {

// A loopback port that was free a moment ago.
uint16_t free_port() {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    return ntohs(address.sin_port);
}

bool connects(uint16_t port) {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

int option(const Fd& socket, int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    return ::getsockopt(socket.get(), level, name, &value, &length) == 0 ? value : -1;
}

struct Directory {
    std::string path = "/tmp/casemate-listeners-XXXXXX";
    Directory() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~Directory() { ::rmdir(path.c_str()); }
};

bool exists(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}

}  // namespace

TEST_CASE("listeners: a published port listens, close-on-exec and non-blocking") {
    const uint16_t port = free_port();
    CHECK(!connects(port));
    auto opened = Listeners::open({{{false, "127.0.0.1", port}, 80}}, {});
    REQUIRE(opened);
    CHECK(connects(port));
    const auto& listener = opened.value().published().at(0);
    CHECK(listener.container_port == 80);
    CHECK((::fcntl(listener.fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(listener.fd.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK(option(listener.fd, SOL_SOCKET, SO_ACCEPTCONN) == 1);
    opened.value().close_sockets();
    CHECK(!connects(port));
}

TEST_CASE("listeners: an inherited socket blocks, as systemd hands it over") {
    const uint16_t port = free_port();
    const auto opened = Listeners::open({}, {{"", {false, "127.0.0.1", port}}});
    REQUIRE(opened);
    const int fd = opened.value().inherited().at(0).fd.get();
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("listeners: a port in use is one line with the address and a hint, and nothing stays open") {
    const uint16_t taken = free_port();
    const auto first = Listeners::open({{{false, "127.0.0.1", taken}, 80}}, {});
    REQUIRE(first);
    const uint16_t other = free_port();
    const auto second = Listeners::open({{{false, "127.0.0.1", other}, 80}, {{false, "127.0.0.1", taken}, 81}}, {});
    REQUIRE(!second);
    CHECK(second.error().code() == EADDRINUSE);
    CHECK(second.error().text() ==
          "publish 127.0.0.1:" + std::to_string(taken) + ": port in use: bind: Address already in use (EADDRINUSE)");
    CHECK(second.error().hint_text().find(std::to_string(taken)) != std::string::npos);
    CHECK(!connects(other));
}

TEST_CASE("listeners: a foreign address is named") {
    const auto opened = Listeners::open({{{false, "192.0.2.1", 8000}, 80}}, {});
    REQUIRE(!opened);
    CHECK(opened.error().text().find("no interface of this host has this address") != std::string::npos);
}

TEST_CASE("listeners: [::] does not take the IPv4 port") {
    const uint16_t port = free_port();
    const auto six = Listeners::open({{{true, "::", port}, 80}}, {});
    REQUIRE(six);
    CHECK(option(six.value().published().at(0).fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1);
    CHECK(!connects(port));
    CHECK(Listeners::open({{{false, "127.0.0.1", port}, 80}}, {}));
}

TEST_CASE("listeners: a unix socket is for its owner only and is removed with its owner") {
    const Directory directory;
    const std::string path = directory.path + "/app.sock";
    {
        const mode_t before = ::umask(0);  // the worst umask: the file is 0600 all the same
        const auto opened = Listeners::open({}, {{path, {}}});
        ::umask(before);
        REQUIRE(opened);
        struct stat status {};
        REQUIRE(::lstat(path.c_str(), &status) == 0);
        CHECK(S_ISSOCK(status.st_mode));
        CHECK((status.st_mode & 07777) == 0600);
        const auto again = Listeners::open({}, {{path, {}}});
        REQUIRE(!again);
        CHECK(again.error().text().find("the path exists") != std::string::npos);
        CHECK(exists(path));  // the failed one did not remove the other's file
    }
    CHECK(!exists(path));
}

TEST_CASE("listeners: a file that took the socket's place stays") {
    const Directory directory;
    const std::string path = directory.path + "/app.sock";
    {
        const auto opened = Listeners::open({}, {{path, {}}});
        REQUIRE(opened);
        REQUIRE(::unlink(path.c_str()) == 0);
        const Fd file(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
        REQUIRE(file.valid());
    }
    CHECK(exists(path));
    CHECK(::unlink(path.c_str()) == 0);
}

TEST_CASE("listeners: released files stay for the detached container") {
    const Directory directory;
    const std::string path = directory.path + "/app.sock";
    std::vector<launch::SocketFile> files;
    {
        auto opened = Listeners::open({}, {{path, {}}});
        REQUIRE(opened);
        files = opened.value().release_files();
    }
    CHECK(exists(path));
    REQUIRE(files.size() == 1);
    CHECK(launch::remove_socket_file(files[0]));
    CHECK(!exists(path));
    CHECK(launch::remove_socket_file(files[0]));
}

// The relay's restrictions, read back from the kernel and tried; each with a control that shows the test can fail.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "base/text.h"
#include "kernel/relay_client.h"
#include "launch/relay_confinement.h"
#include "sys/call.h"

using namespace relay_test;
using casemate::concat;
using casemate::Fd;

namespace {

std::string namespace_of(pid_t pid, const char* kind) {
    char text[64] = {};
    const ssize_t size = ::readlink(concat("/proc/", pid, "/ns/", kind).c_str(), text, sizeof text - 1);
    return size > 0 ? std::string(text, static_cast<size_t>(size)) : "unreadable";
}

const std::vector<sock_filter> allow_everything = {{0x06, 0, 0, 0x7fff0000}};

// Runs `act` in a child after confine_relay (or, as the control, without it): errno of the act, 0, or 1000 + signal.
template <typename Act>
int confined(bool with, const casemate::launch::RelaySpec& spec, Act act) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (with && !casemate::launch::confine_relay(spec)) ::_exit(250);
        errno = 0;
        ::_exit(act() < 0 ? errno : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

int connect_port(uint16_t port) {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const int status = ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    return status < 0 && errno == EINPROGRESS ? 0 : status;
}

}  // namespace

TEST_CASE("relay confinement: read back from the kernel, in both modes of root") {
    for (const Kind kind : {Kind::root, Kind::root_userns}) {
        Published published(echo, kind);
        REQUIRE_MESSAGE(published.start(), published.error);
        const pid_t relay = published.relay.pid();
        for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
            CHECK(status_line(relay, set) == "0000000000000000");
        CHECK(status_line(relay, "NoNewPrivs") == "1");
        CHECK(status_line(relay, "Seccomp") == "2");
        const auto id = published.spec.ids->uid;
        CHECK(id != 0);
        CHECK(status_line(relay, "Uid") == concat(id, "\t", id, "\t", id, "\t", id));
        CHECK(status_line(relay, "Gid") == concat(id, "\t", id, "\t", id, "\t", id));
        CHECK(status_line(relay, "Groups").empty());
        CHECK(status_line(relay, "Name") == "casemate-relay");
        // Controls: what this process, which started it, has.
        CHECK(status_line(::getpid(), "CapBnd") != "0000000000000000");
        CHECK(status_line(::getpid(), "Seccomp") == "0");
        // The container's network, and nothing else of the container.
        CHECK(namespace_of(relay, "net") == namespace_of(published.container.pid(), "net"));
        CHECK(namespace_of(relay, "net") != namespace_of(::getpid(), "net"));
        CHECK(namespace_of(relay, "user") == namespace_of(::getpid(), "user"));
        CHECK(namespace_of(relay, "mnt") == namespace_of(::getpid(), "mnt"));
        CHECK(namespace_of(relay, "pid") == namespace_of(::getpid(), "pid"));
        // Standard ones, listener, pidfd, lifeline, epoll: nothing of the host. (It closes the ready channel last.)
        CHECK(becomes_true(1000, [&] { return descriptors(relay).size() == 7; }));
        // Not dumpable: its /proc files are root's, not its own.
        struct stat status {};
        REQUIRE(::stat(concat("/proc/", relay, "/environ").c_str(), &status) == 0);
        CHECK(status.st_uid == 0);
        CHECK(casemate::launch::check_relay(relay, published.spec));
    }
}

TEST_CASE("relay confinement: a caller's group leader and standard streams are let go") {
    Published published(echo);
    REQUIRE_MESSAGE(published.start(), published.error);
    CHECK(::getsid(published.relay.pid()) == published.relay.pid());
    char target[64] = {};
    for (const int fd : {0, 1, 2}) {
        const ssize_t size =
            ::readlink(concat("/proc/", published.relay.pid(), "/fd/", fd).c_str(), target, sizeof target - 1);
        CHECK(std::string(target, size > 0 ? static_cast<size_t>(size) : 0) == "/dev/null");
    }
}

TEST_CASE("relay confinement: check_relay refuses a process that is not confined") {
    Published published(echo);
    const auto checked = casemate::launch::check_relay(::getpid(), published.spec);
    REQUIRE(!checked);
    CHECK(checked.error().text().find("it holds capabilities") != std::string::npos);
    // One restriction less is seen, too: the same relay, but another id than the one it has.
    REQUIRE_MESSAGE(published.start(), published.error);
    published.spec.ids = casemate::launch::RelayIds{365'001, 365'001};
    CHECK(!casemate::launch::check_relay(published.relay.pid(), published.spec));
}

TEST_CASE("relay confinement: Landlock and capabilities, tried, with an open filter in seccomp's place") {
    Published published(echo);
    casemate::launch::RelaySpec spec = published.spec;
    spec.filter = allow_everything;
    const auto read_file = [] { return ::open("/etc/passwd", O_RDONLY | O_CLOEXEC); };
    const auto other_port = [] { return connect_port(peer); };
    const auto own_port = [] { return connect_port(echo); };
    const auto own_namespace = [] { return ::unshare(CLONE_NEWNET); };
    const auto signal_parent = [] { return ::kill(::getppid(), 0); };
    CHECK(confined(false, spec, read_file) == 0);
    CHECK(confined(true, spec, read_file) == EACCES);
    CHECK(confined(false, spec, own_namespace) == 0);
    CHECK(confined(true, spec, own_namespace) == EPERM);
    CHECK(confined(false, spec, signal_parent) == 0);
    CHECK(confined(true, spec, signal_parent) == EPERM);
    if (casemate::sys::landlock_abi() >= 4) {
        CHECK(confined(false, spec, other_port) == 0);
        CHECK(confined(true, spec, other_port) == EACCES);
        CHECK(confined(true, spec, own_port) == 0);
    }
    spec.landlock = false;  // the file is closed by Landlock, and by nothing else
    CHECK(confined(true, spec, read_file) == 0);
}

TEST_CASE("relay confinement: the filter ends it at the first foreign call") {
    Published published(echo);
    const casemate::launch::RelaySpec& spec = published.spec;
    constexpr int killed = 1000 + SIGSYS;
    const auto tcp = [](int extra) {
        return ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC | extra, IPPROTO_TCP);
    };
    if (!sanitized) CHECK(confined(true, spec, [&] { return tcp(0); }) == 0);
    CHECK(confined(true, spec, [] { return ::open("/dev/null", O_RDONLY); }) == killed);
    CHECK(confined(true, spec, [] { return ::fork(); }) == killed);
    CHECK(confined(true, spec, [] { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }) ==
          killed);
    CHECK(confined(true, spec, [] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }) ==
          killed);
    CHECK(confined(true, spec,
                   [] { return ::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP); }) == killed);
    // A connect in disguise: TCP fast open, with the address in sendto. Allowed without the filter.
    const auto fast_open = [](int flags) {
        const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(1);
        const ssize_t sent =
            ::sendto(socket.get(), "x", 1, flags, reinterpret_cast<sockaddr*>(&address), sizeof address);
        return sent < 0 && errno != EINPROGRESS && errno != ECONNREFUSED ? -1 : 0;
    };
    CHECK(confined(false, spec, [&] { return fast_open(MSG_FASTOPEN); }) == 0);
    CHECK(confined(true, spec, [&] { return fast_open(MSG_FASTOPEN); }) == killed);
    CHECK(confined(true, spec, [&] { return fast_open(MSG_DONTWAIT | MSG_NOSIGNAL); }) == killed);
    CHECK(confined(true, spec, [] { return ::setsockopt(0, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3); }) == killed);
    CHECK(confined(true, spec, [] { return ::getsockopt(0, SOL_SOCKET, SO_PEERCRED, nullptr, nullptr); }) == killed);
}

// The relay's beginning and end: it ends with the container, with the host, with its owner; it does not begin
// unconfined.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "base/text.h"
#include "kernel/relay_client.h"
#include "sys/call.h"

using namespace relay_test;
using casemate::Fd;

namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

bool exists(pid_t pid) { return ::kill(pid, 0) == 0; }

}  // namespace

TEST_CASE("relay life: it ends within a second of the container, with clients connected") {
    Published published(echo);
    REQUIRE_MESSAGE(published.start(), published.error);
    const Fd client = connect_to(published.listening.port);
    REQUIRE(send_whole(client, "x"));
    REQUIRE(receive(client, 1, 2000) == "x");
    CHECK(!published.relay.wait(100).value());  // the control: it does not end by itself
    published.container.kill();
    const auto ended = published.relay.wait(1000);
    REQUIRE(ended);
    CHECK(ended.value());
    if (!sanitized) CHECK(published.relay.status_text() == "exited with 0");
}

TEST_CASE("relay life: the app's last words arrive, then the end") {
    for (int i = 0; i < 20; ++i) {
        Published published(last_words);
        REQUIRE_MESSAGE(published.start(), published.error);
        const Fd client = connect_to(published.listening.port);
        int error = -1;
        const std::string said = receive(client, 2 << 20, 3000, &error);
        // What the app's kernel had queued and the client had room for; a loopback client that reads has room.
        CHECK(said == pattern_text(1 << 20));
        CHECK(error == 0);
    }
}

TEST_CASE("relay life: it ends when the host closes the lifeline or says anything on it") {
    for (const bool close_it : {true, false}) {
        Published published(echo);
        REQUIRE_MESSAGE(published.start(), published.error);
        CHECK(!published.relay.wait(50).value());
        if (close_it)
            published.lifeline_write.reset();
        else
            REQUIRE(::write(published.lifeline_write.get(), "x", 1) == 1);
        CHECK(published.relay.wait(1000).value());
    }
}

TEST_CASE("relay life: it ends when the host is killed") {
    int pids[2];
    REQUIRE(::pipe2(pids, O_CLOEXEC) == 0);
    const pid_t host = ::fork();
    if (host == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        Published published(echo);
        const pid_t pid = published.start() ? published.relay.pid() : -1;
        if (::write(pids[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
        for (;;) ::pause();
    }
    pid_t relay = -1;
    REQUIRE(::read(pids[0], &relay, sizeof relay) == sizeof relay);
    const bool started = exists(relay);
    ::kill(host, SIGKILL);
    ::waitpid(host, nullptr, 0);
    REQUIRE(relay > 0);
    CHECK(started);
    // Its reaper is whoever adopts it; a zombie counts as ended.
    CHECK(becomes_true(1000, [&] { return !exists(relay) || status_line(relay, "State").starts_with("Z"); }));
    ::close(pids[0]);
    ::close(pids[1]);
}

TEST_CASE("relay life: its owner takes it along: without a lifeline it ends with init") {
    pid_t pid = -1;
    {
        Published published(echo);
        published.spec.lifeline = -1;
        REQUIRE_MESSAGE(published.start(), published.error);
        pid = published.relay.pid();
        CHECK(exists(pid));
    }
    CHECK(!exists(pid));
    Published published(echo);
    published.spec.lifeline = -1;
    REQUIRE_MESSAGE(published.start(), published.error);
    published.lifeline_write.reset();
    CHECK(!published.relay.wait(100).value());
    published.container.kill();
    CHECK(published.relay.wait(1000).value());
}

TEST_CASE("relay life: signals to the caller's group do not end it") {
    Published published(echo);
    REQUIRE_MESSAGE(published.start(), published.error);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE})
        REQUIRE(::kill(published.relay.pid(), signal) == 0);
    CHECK(!published.relay.wait(100).value());
    const Fd client = connect_to(published.listening.port);
    REQUIRE(send_whole(client, "x"));
    CHECK(receive(client, 1, 2000) == "x");
}

TEST_CASE("relay life: a restriction that fails means no relay") {
    const auto error_of = [](auto change) {
        Published published(echo);
        change(published);
        CHECK(!published.start());
        CHECK(!published.relay.running());
        return published.error;
    };
    // A filter without the calls of the loop: it must not be believed to serve.
    CHECK(contains(error_of([](Published& p) { p.spec.filter = {{0x06, 0, 0, 0x80000000}}; }), "SIGSYS"));
    if (!sanitized)
        CHECK(contains(error_of([](Published& p) {
                           p.spec.filter = {{0x06, 0, 0, 0x00050001}};
                       }),
                       "ended before it served"));
    CHECK(contains(error_of([](Published& p) {
                       p.spec.filter = {{0xffff, 0, 0, 0}};
                   }),
                   "seccomp: Invalid argument (EINVAL)"));
    CHECK(contains(error_of([](Published& p) { p.spec.filter.clear(); }), "no seccomp filter"));
    CHECK(contains(error_of([](Published& p) { p.spec.ids.reset(); }), "an id of its own is missing"));
    CHECK(contains(error_of([](Published& p) { p.spec.ids->uid = 0; }), "it may not run as root"));
    CHECK(contains(error_of([](Published& p) { p.spec.listeners.clear(); }), "no listener"));
    CHECK(contains(error_of([](Published& p) { p.container.kill(); }), "network namespace: setns"));
    // Something that is not a pidfd joins nothing.
    CHECK(contains(error_of([](Published& p) { p.spec.init = p.lifeline_read; }), "network namespace: setns"));
}

TEST_CASE("relay life: rootless, in one call for both namespaces") {
    // The host of this one is an unprivileged process, so everything happens in a child of the test.
    const pid_t host = ::fork();
    if (host == 0) {
        constexpr uint32_t nobody_special = 54321;
        if (!casemate::sys::set_groups({}) || !casemate::sys::set_ids(nobody_special, nobody_special)) ::_exit(10);
        if (!casemate::sys::prctl(PR_SET_DUMPABLE, 1, "dumpable")) ::_exit(11);
        Published published(peer, Kind::rootless);
        if (!published.container.ready()) ::_exit(12);
        if (!published.start()) ::_exit(13);
        const pid_t relay = published.relay.pid();
        if (receive(connect_to(published.listening.port), 64, 2000) != "127.0.0.100") ::_exit(14);
        if (status_line(relay, "CapEff") != "0000000000000000" || status_line(relay, "CapBnd") != "0000000000000000")
            ::_exit(15);
        if (status_line(relay, "Seccomp") != "2" || status_line(relay, "NoNewPrivs") != "1") ::_exit(16);
        published.container.kill();
        const auto ended = published.relay.wait(1000);
        ::_exit(ended && ended.value() ? 0 : 17);
    }
    int status = 0;
    ::waitpid(host, &status, 0);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

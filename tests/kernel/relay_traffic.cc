// What passes through the relay: bytes whole and in order, half-close, back-pressure, resets, the cap. As root.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/text.h"
#include "kernel/relay_client.h"
#include "plan/relay_filter.h"

using namespace relay_test;
using casemate::Fd;

namespace {

void raise_descriptor_limit() {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    REQUIRE(limit.rlim_max >= 4096);
    limit.rlim_cur = 4096;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

}  // namespace

TEST_CASE("relay: an echo comes back, and the end is passed on both ways") {
    Published published(echo);
    REQUIRE_MESSAGE(published.start(), published.error);
    const Fd client = connect_to(published.listening.port);
    REQUIRE(send_whole(client, "hello"));
    CHECK(receive(client, 5, 2000) == "hello");
    ::shutdown(client.get(), SHUT_WR);
    int error = -1;
    CHECK(receive(client, 1, 2000, &error).empty());
    CHECK(error == 0);
}

TEST_CASE("relay: 1,000 connections at once") {
    raise_descriptor_limit();
    Published published(echo);
    REQUIRE_MESSAGE(published.start(), published.error);
    std::vector<Fd> clients;
    for (int i = 0; i < 1000; ++i) clients.push_back(connect_to(published.listening.port));
    int answered = 0;
    for (const Fd& client : clients) REQUIRE(send_whole(client, "x"));
    for (const Fd& client : clients) answered += receive(client, 1, 5000) == "x";
    CHECK(answered == 1000);
    CHECK(published.container.counters().most_open == 1000);
    const size_t rss = rss_kib(published.relay.pid());
    MESSAGE("anonymous memory of the relay with 1,000 connections: ", rss, " KiB");
    if (!sanitized) CHECK(rss < 4096);
    clients.clear();
    CHECK(becomes_true(3000, [&] { return published.container.counters().open == 0; }));
    // Nothing of them is left in the relay.
    CHECK(becomes_true(1000, [&] { return descriptors(published.relay.pid()).size() == 7; }));
}

TEST_CASE("relay: 3 MiB up, half-close, 3 MiB down") {
    Published published(answer);
    REQUIRE_MESSAGE(published.start(), published.error);
    const Fd client = connect_to(published.listening.port);
    REQUIRE(send_whole(client, pattern_text(3 << 20)));
    ::shutdown(client.get(), SHUT_WR);
    int error = -1;
    CHECK(receive(client, 4 << 20, 5000, &error) == pattern_text(3 << 20));
    CHECK(error == 0);
}

TEST_CASE("relay: the app ends its side first, and still reads 3 MiB") {
    Published published(first_talk);
    REQUIRE_MESSAGE(published.start(), published.error);
    const Fd client = connect_to(published.listening.port);
    CHECK(receive(client, answer_first + 1, 5000) == pattern_text(answer_first));
    REQUIRE(send_whole(client, pattern_text(3 << 20)));
    ::shutdown(client.get(), SHUT_WR);
    CHECK(becomes_true(3000, [&] { return published.container.counters().read_before_end == 3 << 20; }));
    CHECK(published.container.counters().resets_seen == 0);
}

TEST_CASE("relay: slow readers hold the app back, and memory stays bounded") {
    Published published(flood);
    REQUIRE_MESSAGE(published.start(), published.error);
    constexpr size_t readers = 20;
    const size_t before = rss_kib(published.relay.pid());
    std::vector<Fd> clients;
    for (size_t i = 0; i < readers; ++i) clients.push_back(connect_to(published.listening.port));
    // Until the app makes no more progress: every buffer on the way is full.
    uint64_t flooded = 0;
    CHECK(becomes_true(10000, [&] {
        const uint64_t last = flooded;
        sleep_ms(200);
        flooded = published.container.counters().flooded;
        return flooded > 0 && flooded == last;
    }));
    CHECK(flooded < readers * flood_size);
    const size_t rss = rss_kib(published.relay.pid());
    MESSAGE("anonymous memory with 20 stalled readers: ", rss, " KiB (before: ", before, " KiB)");
    CHECK(rss <= before + readers * 64 + 256);
    // And nothing was lost meanwhile.
    CHECK(receive(clients[0], flood_size + 1, 5000) == pattern_text(flood_size));
    clients.clear();
    CHECK(becomes_true(3000, [&] { return rss_kib(published.relay.pid()) <= before + 256; }));
}

TEST_CASE("relay: an app that does not read holds the client back") {
    Published published(sink);
    REQUIRE_MESSAGE(published.start(), published.error);
    const size_t before = rss_kib(published.relay.pid());
    const Fd client = connect_to(published.listening.port);
    size_t sent = 0;
    const std::string bytes(65536, 'x');
    for (int idle = 0; idle < 20;) {
        const ssize_t now = ::send(client.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (now > 0)
            sent += static_cast<size_t>(now);
        else {
            ++idle;
            sleep_ms(10);
        }
        REQUIRE(sent < size_t{64} << 20);
    }
    CHECK(rss_kib(published.relay.pid()) <= before + 64 + 128);
}

TEST_CASE("relay: at the cap new clients wait in the backlog, and none is lost") {
    Published published(echo);
    published.spec.max_connections = 4;
    REQUIRE_MESSAGE(published.start(), published.error);
    std::vector<Fd> clients;
    for (int i = 0; i < 6; ++i) {
        clients.push_back(connect_to(published.listening.port));
        REQUIRE(send_whole(clients.back(), "x"));
    }
    for (int i = 0; i < 4; ++i) CHECK(receive(clients[static_cast<size_t>(i)], 1, 2000) == "x");
    int error = 0;
    CHECK(receive(clients[4], 1, 200, &error).empty());
    CHECK(error == EAGAIN);
    clients.erase(clients.begin(), clients.begin() + 2);
    CHECK(receive(clients[2], 1, 2000) == "x");
    CHECK(receive(clients[3], 1, 2000) == "x");
}

TEST_CASE("relay: 3,000 connections one after the other leave nothing behind") {
    Published published(peer);
    published.spec.max_connections = 8;
    REQUIRE_MESSAGE(published.start(), published.error);
    int right = 0;
    for (int i = 0; i < 3000; ++i) right += receive(connect_to(published.listening.port), 64, 2000) == "127.0.0.100";
    CHECK(right == 3000);
    CHECK(becomes_true(1000, [&] { return descriptors(published.relay.pid()).size() == 7; }));
}

TEST_CASE("relay: the app sees 127.0.0.100, and [::1] is tried when 127.0.0.1 refuses") {
    Published four(peer);
    REQUIRE_MESSAGE(four.start(), four.error);
    CHECK(receive(connect_to(four.listening.port), 64, 2000) == "127.0.0.100");
    Published six(only_ipv6);
    REQUIRE_MESSAGE(six.start(), six.error);
    CHECK(receive(connect_to(six.listening.port), 64, 2000) == "::1");
}

TEST_CASE("relay: refused inside is a reset outside") {
    Published published(silent);
    REQUIRE_MESSAGE(published.start(), published.error);
    const Fd client = connect_to(published.listening.port);
    int error = 0;
    CHECK(receive(client, 1, 2000, &error).empty());
    CHECK(error == ECONNRESET);
}

TEST_CASE("relay: a reset passes through, both ways") {
    Published app_resets(reset);
    REQUIRE_MESSAGE(app_resets.start(), app_resets.error);
    const Fd client = connect_to(app_resets.listening.port);
    REQUIRE(send_whole(client, "x"));
    int error = 0;
    CHECK(receive(client, 1, 2000, &error).empty());
    CHECK(error == ECONNRESET);

    Published client_resets(echo);
    REQUIRE_MESSAGE(client_resets.start(), client_resets.error);
    Fd second = connect_to(client_resets.listening.port);
    REQUIRE(send_whole(second, "x"));
    REQUIRE(receive(second, 1, 2000) == "x");
    CHECK(client_resets.container.counters().resets_seen == 0);
    close_with_reset(std::move(second));
    CHECK(becomes_true(1000, [&] { return client_resets.container.counters().resets_seen == 1; }));
}

TEST_CASE("relay: several listeners, several container ports") {
    Published published(echo);
    const Listening other = listen_anywhere();
    const Listening six = listen_anywhere(true);
    published.spec.listeners.push_back({other.fd, peer});
    published.spec.listeners.push_back({six.fd, peer});
    REQUIRE_MESSAGE(published.start(), published.error);
    CHECK(receive(connect_to(other.port), 64, 2000) == "127.0.0.100");
    CHECK(receive(connect_to(six.port, true), 64, 2000) == "127.0.0.100");
    const Fd client = connect_to(published.listening.port);
    REQUIRE(send_whole(client, "x"));
    CHECK(receive(client, 1, 2000) == "x");
}

TEST_CASE("relay: the PROXY header says the client's address, in front of its bytes") {
    Published published(echo);
    published.spec.proxy_protocol = true;
    auto filter = casemate::plan::relay_filter(true);
    REQUIRE(filter);
    published.spec.filter = filter.value();
    REQUIRE_MESSAGE(published.start(), published.error);
    const Fd client = connect_to(published.listening.port);
    REQUIRE(send_whole(client, "hello"));
    ::shutdown(client.get(), SHUT_WR);
    const std::string said = receive(client, 256, 2000);
    CHECK(said.starts_with("PROXY TCP4 127.0.0.1 127.0.0.1 "));
    CHECK(said.ends_with(casemate::concat(" ", published.listening.port, "\r\nhello")));
}

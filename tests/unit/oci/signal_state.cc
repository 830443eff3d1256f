// Signals as clients write them, and the state that clients parse.
#include <doctest/doctest.h>

#include <csignal>

#include "oci/signal.h"
#include "oci/state.h"

using namespace casemate;
using namespace casemate::oci;

TEST_CASE("signal: names and numbers") {
    CHECK(parse_signal("15") == SIGTERM);
    CHECK(parse_signal("TERM") == SIGTERM);
    CHECK(parse_signal("SIGTERM") == SIGTERM);
    CHECK(parse_signal("sigterm") == SIGTERM);
    CHECK(parse_signal("KILL") == SIGKILL);
    CHECK(parse_signal("SIGIOT") == SIGABRT);
    CHECK(parse_signal("1") == 1);
    CHECK(parse_signal("64") == 64);
    CHECK(parse_signal("RTMIN") == 34);
    CHECK(parse_signal("RTMIN+3") == 37);
    CHECK(parse_signal("SIGRTMAX-1") == 63);
    CHECK(parse_signal("SIGRTMAX") == 64);
    CHECK(parse_signal("RTMIN+30") == 64);
    for (const char* text :
         {"",        "0",          "65",      "-1",         "+15",       " 15",      "15 ",
          "0x0f",    "4294967311", "SIG",     "SIGSIGTERM", "TERMS",     "RTMIN+31", "RTMIN-1",
          "RTMAX+1", "RTMIN+",     "RTMIN+x", "RTMIN 3",    "SIGTERM\n", "NULL",     "99999999999999999999999"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_signal(text));
    }
}

TEST_CASE("signal: every number survives its name") {
    for (int number = 1; number <= 64; ++number) {
        CAPTURE(number);
        CHECK(parse_signal(signal_name(number)) == number);
    }
    CHECK(signal_name(SIGTERM) == "SIGTERM");
    CHECK(signal_name(37) == "SIGRTMIN+3");
    CHECK(signal_name(32) == "32");
}

TEST_CASE("state: as engines parse it") {
    State state;
    state.id = "web";
    state.status = Status::running;
    state.pid = 4242;
    state.bundle = "/run/bundle";
    state.created = "2026-01-02T03:04:05.678Z";
    CHECK(to_json(state) ==
          "{\n  \"ociVersion\": \"1.3.0\",\n  \"id\": \"web\",\n  \"pid\": 4242,\n  \"status\": \"running\",\n"
          "  \"bundle\": \"/run/bundle\",\n  \"created\": \"2026-01-02T03:04:05.678Z\"\n}");
    state.status = Status::stopped;
    CHECK(to_json(state).find("\"pid\": 0,") != std::string::npos);
    CHECK(to_json(std::vector<State>()) == "[]");
    CHECK(to_json(std::vector<State>{state, state})
              .starts_with(R"([{"ociVersion":"1.3.0","id":"web","pid":0,"status":"stopped")"));
}

TEST_CASE("state: a round trip in every status") {
    for (const Status status : {Status::creating, Status::created, Status::running, Status::stopped, Status::paused}) {
        State state{"1.3.0", "a.b",          status,      status == Status::stopped ? 0 : 7,
                    "/b",    {{"k", "v\n"}}, "/b/rootfs", "2026-01-02T03:04:05Z",
                    "root"};
        const Result<State> back = parse_state(to_json(state));
        REQUIRE(back);
        CHECK(back.value() == state);
    }
}

TEST_CASE("state: a broken file is an error") {
    const auto error_of = [](const std::string& text) {
        const Result<State> state = parse_state(text);
        return state ? "accepted" : state.error().text();
    };
    const std::string good = R"("ociVersion":"1.3.0","id":"a","bundle":"/b")";
    CHECK(error_of("{" + good + R"(,"status":"running","pid":1})") == "accepted");
    CHECK(error_of("{" + good + R"(,"status":"dead"})") == "$.status: unknown word 'dead'");
    CHECK(error_of("{" + good + "}") == "$.status: missing");
    CHECK(error_of("{" + good + R"(,"status":"running","pid":-1})").starts_with("$.pid: expected a number from 0 "));
    CHECK(error_of("{" + good + R"(,"status":"running","Pid":1})") == "unknown key $.Pid; did you mean 'pid'?");
    CHECK(error_of(R"({"ociVersion":"1.3.0","id":"../a","bundle":"/b","status":"created"})") ==
          "$.id: expected one path component, got '../a'");
    CHECK(error_of("") != "accepted");
    CHECK(error_of("{" + good) != "accepted");
}

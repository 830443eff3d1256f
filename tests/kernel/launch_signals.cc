// Supervision: signals reach the app, time limits hold, a stubborn app is killed.
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include "support/launched.h"
#include "support/temp_bundle.h"

using namespace casemate;
using namespace casemate::test;

namespace {

Outcome signalled(const TempBundle& bundle, const std::string& script, int signal, const std::function<void(policy::Profile&)>& edit = {}) {
    return launched(bundle.plan({.args = {"/bin/sh", "-c", script}, .edit_profile = edit}), {.meanwhile = [signal](pid_t host) { ::kill(host, signal); }});
}

}  // namespace

TEST_CASE("supervise: forwards the signals of a terminal and an operator to the app") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    struct Case {
        int signal;
        const char* name;
    };
    for (const Case& item : {Case{SIGTERM, "TERM"}, Case{SIGHUP, "HUP"}, Case{SIGINT, "INT"}, Case{SIGQUIT, "QUIT"}, Case{SIGUSR1, "USR1"}, Case{SIGUSR2, "USR2"}, Case{SIGALRM, "ALRM"}}) {
        INFO(std::string(item.name));
        const Outcome outcome = signalled(bundle, std::string("trap 'exit 77' ") + item.name + "; echo ready; sleep 1000 & wait", item.signal);
        CHECK_MESSAGE(!outcome.failure.failed, outcome.failure.text.str());
        CHECK(outcome.code == 77);
        CHECK(outcome.children_left == 0);
    }
    // Not handled by the app: its default action, 128+signal.
    const Outcome ended = signalled(bundle, "echo ready; exec sleep 1000", SIGTERM);
    CHECK(ended.code == 143);
    CHECK(ended.signal == SIGTERM);
}

TEST_CASE("supervise: without an init of ours the app is PID 1, and gets what it handles") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const plan::Plan plan = bundle.oci_plan([](oci::Config& config) { config.process->args = {"/bin/sh", "-c", "trap 'exit 78' TERM; echo ready $$; sleep 1000 & wait"}; });
    const Outcome outcome = launched(plan, {.meanwhile = [](pid_t host) { ::kill(host, SIGTERM); }});
    CHECK(outcome.code == 78);
    CHECK(outcome.output.contains("ready 1"));
}

TEST_CASE("runtimeMax: the stop signal, then SIGKILL after the stop timeout") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const auto limits = [](policy::Profile& profile) {
        profile.limits.runtime_max_ms = 150;
        profile.process.stop_timeout_ms = 150;
    };
    const Outcome polite = launched(bundle.plan({.args = {"/bin/sleep", "1000"}, .edit_profile = limits}));
    CHECK(polite.timed_out);
    CHECK(polite.code == 143);
    CHECK(polite.children_left == 0);
    const Outcome stubborn = launched(bundle.plan({.args = {"/bin/sh", "-c", "trap '' TERM; sleep 1000 & wait; wait; sleep 1000"}, .edit_profile = limits}));
    CHECK(stubborn.timed_out);
    CHECK(stubborn.code == 137);
    CHECK(stubborn.children_left == 0);
    const auto ample = [](policy::Profile& profile) { profile.limits.runtime_max_ms = 20000; };
    const Outcome quick = launched(bundle.plan({.args = {"/bin/true"}, .edit_profile = ample}));
    CHECK_FALSE(quick.timed_out);
    CHECK(quick.code == 0);
}

TEST_CASE("the app's signal mask and dispositions are not the launcher's") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const Outcome outcome = launched(bundle.plan({.args = {"/bin/cat", "/proc/self/status"}}));
    CHECK(outcome.output.contains("SigBlk:\t0000000000000000"));
    CHECK(outcome.output.contains("SigCgt:\t0000000000000000"));
}

TEST_CASE("a signal that arrives before the app runs ends the launch, and counts as the launcher's end") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const Outcome outcome = launched(bundle.plan({.args = {"/bin/sleep", "1000"}}), {.prepare = [](launch::Options& options) {
        options.before_go = [](const launch::Waiting&) -> Result<void> {
            ::kill(::getpid(), SIGTERM);  // blocked by the gate, so it waits for whoever reads
            return {};
        };
    }});
    CHECK_FALSE(outcome.started);
    CHECK(outcome.failure.exit_code == 143);
    CHECK(outcome.failure.text.contains("ended by signal 15"));
    CHECK(outcome.children_left == 0);
    CHECK(outcome.mounts_grown == 0);
}

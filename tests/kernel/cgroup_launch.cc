// The control group of a launch, on whatever this host has (v2, v1 or both): made before the app, limits in force and
// compared, gone afterwards and after every failure.
#include <doctest/doctest.h>
#include <unistd.h>

#include "base/text.h"
#include "support/launched.h"
#include "support/temp_bundle.h"

using namespace casemate;
using namespace casemate::test;

namespace {

constexpr plan::Mode modes[] = {plan::Mode::root, plan::Mode::root_userns};

plan::Plan plan_in_group(const TempBundle& bundle, plan::Mode mode, std::vector<std::string> args, const std::function<void(policy::Profile&)>& edit = {}) {
    return bundle.plan({.mode = mode, .args = std::move(args), .edit_profile = edit,
                        .edit_request = [](plan::Request& request) { request.id = concat("kernel-", ::getpid()); },
                        .edit_facts = [](plan::HostFacts& facts) {
                            const auto layout = cgroup::Layout::discover();
                            REQUIRE(layout);
                            facts.cgroups = layout.value();
                        }});
}

Outcome run(const plan::Plan& plan) {
    return launched(plan, {.prepare = [&](launch::Options& options) {
        options.before_go = [&](const launch::Waiting& waiting) { return verify_from_outside(waiting); };
    }});
}

bool anything_left(const plan::Plan& plan) {
    for (const cgroup::Path& path : plan.cgroup().paths())
        if (::access(path.directory.c_str(), F_OK) == 0) return true;
    return false;
}

bool has_controllers(const plan::Plan& plan) { return plan.cgroup().draft.layout.holding("pids") && plan.cgroup().draft.layout.holding("memory"); }

}  // namespace

TEST_CASE("cgroup: the app lives in its group, within its limits, and both are verified") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : modes) {
        const plan::Plan plan = plan_in_group(bundle, mode, {"/bin/sh", "-c", "cat /proc/self/cgroup"});
        if (!has_controllers(plan)) {
            MESSAGE("SKIP: needs the controllers memory and pids");
            return;
        }
        const Outcome outcome = run(plan);
        INFO(std::string(plan::mode_name(mode)), " ", outcome.failure.text.str());
        CHECK(outcome.code == 0);
        // Its own namespace: the group is the root of what it sees, in every hierarchy.
        CHECK_FALSE(outcome.output.contains("kernel-"));
        CHECK(outcome.output.contains(":/\n"));
        CHECK_FALSE(anything_left(plan));
    }
}

TEST_CASE("cgroup: a limit of processes holds: without it the same app forks as often as it likes") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const std::vector<std::string> forks = {"/bin/sh", "-c", "i=0; while [ $i -lt 30 ]; do sleep 1 & i=$((i + 1)); done; echo all"};
    const auto limited = [](policy::Profile& profile) { profile.limits.pids = 12; };
    const plan::Plan plan = plan_in_group(bundle, plan::Mode::root, forks, limited);
    if (!has_controllers(plan)) return;
    CHECK_FALSE(run(plan).output.contains("all"));
    CHECK(run(plan_in_group(bundle, plan::Mode::root, forks)).output.contains("all"));
    CHECK_FALSE(anything_left(plan));
}

TEST_CASE("cgroup: a launch that fails leaves no group") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : modes) {
        const plan::Plan plan = plan_in_group(bundle, mode, {"/no/such/program"});
        const Outcome outcome = run(plan);
        CHECK(outcome.failure.failed);
        CHECK_FALSE(anything_left(plan));
    }
}

TEST_CASE("cgroup: a host step that fails after the group was made takes it away again") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const plan::Plan plan = bundle.plan({.args = {"/bin/true"},
                                         .edit_config = [](oci::Config& config) { config.mounts.push_back({"/data", "bind", "/no/such/source", {"rbind"}, {}, {}}); },
                                         .edit_request = [](plan::Request& request) { request.id = concat("kernel-", ::getpid()); },
                                         .edit_facts = [](plan::HostFacts& facts) { facts.cgroups = cgroup::Layout::discover().take(); }});
    const Outcome outcome = run(plan);
    CHECK(outcome.failure.failed);
    CHECK(outcome.failure.text.contains("open bind sources"));
    CHECK_FALSE(anything_left(plan));
}

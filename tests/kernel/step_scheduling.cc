// How the kernel treats the app: scheduler, I/O priority, personality, NUMA policy. Read back from the kernel, and seen
// to be the step's doing: without it they are what every process has.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/confined.h"
#include "support/temp_bundle.h"
#include "sys/scheduling.h"

using namespace casemate;
using namespace casemate::test;
using steps::InitContext;

namespace {

struct View {
    uint32_t policy, priority;
    int32_t nice;
    int io;
    uint32_t personality;
    int memory_mode;
};

void look(InitContext&, View& view) {
    if (const auto now = sys::scheduling_of(0)) view.policy = now.value().policy, view.nice = now.value().nice, view.priority = now.value().priority;
    if (const auto io = sys::io_priority_of(0)) view.io = io.value();
    if (const auto now = sys::personality()) view.personality = now.value();
    unsigned long nodes[16] = {};
    if (::syscall(SYS_get_mempolicy, &view.memory_mode, nodes, sizeof nodes * 8, nullptr, 0) < 0) view.memory_mode = -1;
}

}  // namespace

TEST_CASE("set scheduling: policy, nice value and I/O priority are the plan's, with a user namespace too") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const bool user_namespace : {false, true}) {
        CAPTURE(user_namespace);
        const plan::Plan plan = bundle.oci_plan([&](oci::Config& config) {
            oci::Scheduler& scheduler = config.process->scheduler.emplace();
            scheduler.policy = "SCHED_BATCH";
            scheduler.nice = -5;
            config.process->io_priority = oci::IoPriority{"IOPRIO_CLASS_BE", 6};
            if (!user_namespace) return;
            config.linux_.namespaces.push_back({"user", ""});
            config.linux_.uid_mappings = config.linux_.gid_mappings = {{0, id_base, 65536}};
        });
        const auto seen = confined<View>(plan, look);
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value.policy == 3);
        CHECK(seen.value.nice == -5);
        CHECK(seen.value.io == (2 << 13 | 6));
        const auto control = confined<View>(plan, look, leaving_out({"set scheduling"}));
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value.policy == 0);
        CHECK(control.value.nice != -5);
        CHECK(control.value.io != (2 << 13 | 6));
        const Failure noticed = refusal(plan, {.without = {"set scheduling"}, .verify = true});
        CHECK(noticed.text.contains("process.scheduler: expected SCHED_BATCH nice -5"));
    }
}

TEST_CASE("set scheduling: a realtime priority") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const plan::Plan plan = bundle.oci_plan([](oci::Config& config) {
        oci::Scheduler& scheduler = config.process->scheduler.emplace();
        scheduler.policy = "SCHED_RR";
        scheduler.priority = 7;
        scheduler.flags = {"SCHED_FLAG_RESET_ON_FORK"};
    });
    const auto seen = confined<View>(plan, look);
    // A kernel with real-time group scheduling gives groups no time of their own.
    if (!seen.ok() && seen.failure.code == EPERM) return;
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.policy == 2);
    CHECK(seen.value.priority == 7);
}

TEST_CASE("set personality: LINUX32 is what uname and the app see") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const plan::Plan plan = bundle.oci_plan([](oci::Config& config) { config.linux_.personality.emplace().domain = "LINUX32"; });
    const auto seen = confined<View>(plan, look);
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.personality == 8);
    const auto control = confined<View>(plan, look, leaving_out({"set personality"}));
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.personality == 0);
}

TEST_CASE("set memory policy: the mode is the plan's: a node that is not there is an error") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const auto plan_of = [&](const char* nodes) {
        return bundle.oci_plan([&](oci::Config& config) {
            oci::MemoryPolicy& policy = config.linux_.memory_policy.emplace();
            policy.mode = "MPOL_BIND";
            policy.nodes = nodes;
        });
    };
    const plan::Plan plan = plan_of("0");
    const auto seen = confined<View>(plan, look);
    if (!seen.ok() && seen.failure.code == ENOSYS) return;  // no NUMA in this kernel: refused, never ignored
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.memory_mode == 2);
    const auto control = confined<View>(plan, look, leaving_out({"set memory policy"}));
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.memory_mode == 0);
    CHECK(refusal(plan_of("1000")).text.contains("phase limits: set memory policy"));
}

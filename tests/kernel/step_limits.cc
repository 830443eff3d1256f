// Resource limits: lowered by init, raised by the host, and no limit of the app's gets into the launcher's own way.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include "support/confined.h"
#include "support/temp_bundle.h"
#include "sys/call.h"

using namespace casemate;
using namespace casemate::test;
using steps::InitContext;

namespace {

plan::Plan plan_with(const TempBundle& bundle, const char* limit, uint64_t soft, uint64_t hard) {
    return bundle.oci_plan([&](oci::Config& config) { config.process->rlimits = {{limit, soft, hard}}; });
}

// The same in a user namespace, where init itself may raise nothing.
plan::Plan mapped_plan_with(const TempBundle& bundle, const char* limit, uint64_t soft, uint64_t hard) {
    return bundle.oci_plan([&](oci::Config& config) {
        config.process->rlimits = {{limit, soft, hard}};
        config.linux_.namespaces.push_back({"user", ""});
        config.linux_.uid_mappings = config.linux_.gid_mappings = {{0, id_base, 65536}};
    });
}

struct Pair {
    uint64_t soft, hard;
};

Pair limit_of(int resource) {
    rlimit64 limit{};
    ::prlimit64(0, static_cast<__rlimit_resource>(resource), nullptr, &limit);
    return {limit.rlim_cur, limit.rlim_max};
}

}  // namespace

TEST_CASE("set limits: the profile's, and the kernel holds them") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    struct View {
        Pair files, core;
        int opened;
    };
    const auto look = [](InitContext&, View& view) {
        view.files = limit_of(RLIMIT_NOFILE);
        view.core = limit_of(RLIMIT_CORE);
        while (view.opened < 200 && ::dup(0) >= 0) ++view.opened;
    };
    const plan::Plan plan = plan_with(bundle, "RLIMIT_NOFILE", 100, 100);
    const auto seen = confined<View>(plan, look);
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.files.soft == 100);
    CHECK(seen.value.files.hard == 100);
    CHECK(seen.value.opened < 100);
    const auto control = confined<View>(plan, look, leaving_out({"set descriptor limit"}));
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.opened == 200);

    for (const plan::Mode mode : {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless}) {
        INFO(std::string(plan::mode_name(mode)));
        const auto hardened = confined<View>(bundle.plan({.mode = mode}), look);
        REQUIRE_MESSAGE(hardened.ok(), hardened.failure.text.str());
        CHECK(hardened.value.core.soft == 0);
        CHECK(hardened.value.core.hard == 0);
        CHECK(hardened.value.files.soft <= 4096);
        CHECK(hardened.value.files.hard <= 65536);
    }
}

TEST_CASE("set limits from outside: a hard limit above the host's own, which init could not raise") {
    if (!needs(Need::root) || !needs(Need::sys_resource)) return;
    const TempBundle bundle;
    const auto lower_own = [] {
        const rlimit low{100, 100};
        ::setrlimit(RLIMIT_MEMLOCK, &low);
    };
    const auto look = [](InitContext&, Pair& limit) { limit = limit_of(RLIMIT_MEMLOCK); };
    const plan::Plan plan = mapped_plan_with(bundle, "RLIMIT_MEMLOCK", 4096, 8192);
    const auto seen = confined<Pair>(plan, look, {.interfere = lower_own});
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.soft == 4096);
    CHECK(seen.value.hard == 8192);
    // Control and refusal in one: without the step init's own attempt is EPERM, and the launch ends.
    const auto control = confined<Pair>(plan, look, {.without = {"set limits from outside"}, .interfere = lower_own});
    CHECK(control.failure.code == EPERM);
    CHECK(control.failure.text.contains("phase limits: set limits: RLIMIT_MEMLOCK"));
}

TEST_CASE("set limits from outside: a host without the right to raise says so") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const Failure failure = refusal(mapped_plan_with(bundle, "RLIMIT_MEMLOCK", 4096, 8192), {.interfere = [] {
        const rlimit low{100, 100};
        ::setrlimit(RLIMIT_MEMLOCK, &low);
        auto sets = std::move(sys::capget()).take();
        sets.effective &= ~(uint64_t{1} << 24);  // CAP_SYS_RESOURCE
        sets.permitted &= ~(uint64_t{1} << 24);
        (void)sys::capset(sets).operator bool();
    }});
    CHECK(failure.code == EPERM);
    CHECK(failure.text.contains("phase adopt: set limits from outside: RLIMIT_MEMLOCK"));
    CHECK(failure.hint.contains("ask for at most 100"));
}

TEST_CASE("set limits from outside: oom_score_adj") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const auto look = [](InitContext& context, int& value) {
        const auto text = context.proc->read("self/oom_score_adj");
        value = text ? std::atoi(text.value().c_str()) : 9999;
    };
    const plan::Plan plan = bundle.oci_plan([](oci::Config& config) { config.process->oom_score_adj = 321; });
    const auto seen = confined<int>(plan, look, {.until = steps::Phase::verify});
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value == 321);
    const auto control = confined<int>(plan, look, {.without = {"set limits from outside"}, .until = steps::Phase::verify});
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value != 321);
}

TEST_CASE("a small RLIMIT_NOFILE of the app does not stop the launch") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const uint64_t files : {uint64_t{64}, uint64_t{32}, uint64_t{20}}) {
        INFO(files);
        const auto seen = confined<Pair>(plan_with(bundle, "RLIMIT_NOFILE", files, files), [](InitContext&, Pair& limit) { limit = limit_of(RLIMIT_NOFILE); });
        CHECK_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value.soft == files);
    }
}

// Who the app is and what it may become: no_new_privs, ids, groups, umask, dumpable, the death signal.
#include <doctest/doctest.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "support/confined.h"
#include "support/temp_bundle.h"

using namespace casemate;
using namespace casemate::test;
using steps::InitContext;

namespace {

constexpr plan::Mode modes[] = {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless};

struct Ids {
    uid_t uids[3];
    gid_t gids[3];
    int group_count;
    gid_t groups[8];
    int back_to_root;
};

void look_at_ids(InitContext&, Ids& ids) {
    ::getresuid(&ids.uids[0], &ids.uids[1], &ids.uids[2]);
    ::getresgid(&ids.gids[0], &ids.gids[1], &ids.gids[2]);
    ids.group_count = ::getgroups(8, ids.groups);
    ids.back_to_root = error_of(::setresuid(0, 0, 0));
}

void have_groups() {
    const gid_t groups[] = {7777, 0};
    (void)!::setgroups(2, groups);
}

}  // namespace

TEST_CASE("set no_new_privs: set in every mode: without it the filter is refused to a process without rights") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const auto look = [](InitContext&, int& value) { value = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); };
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const plan::Plan plan = bundle.plan({.mode = mode});
        const auto seen = confined<int>(plan, look);
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value == 1);
        const auto control = confined<int>(plan, look, leaving_out({"set no_new_privs", "restrict with Landlock", "load seccomp filter"}));
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value == 0);
        const Failure failure = refusal(plan, leaving_out({"set no_new_privs", "restrict with Landlock"}));
        CHECK(failure.code == EACCES);
        CHECK(failure.text.contains("phase seccomp: load seccomp filter"));
    }
}

TEST_CASE("set ids: the app's user and groups only, and no way back") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const plan::Plan plan = bundle.plan({.mode = mode});
        const auto seen = confined<Ids>(plan, look_at_ids, {.interfere = have_groups});
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        for (int i = 0; i < 3; ++i) {
            CHECK(seen.value.uids[i] == 1001);
            CHECK(seen.value.gids[i] == 1001);
        }
        CHECK(seen.value.group_count <= 1);
        if (seen.value.group_count == 1) CHECK(seen.value.groups[0] == 1001);
        CHECK(seen.value.back_to_root != 0);
    }
    // Control: the same host groups, and uid 0, are there without the step.
    const auto control = confined<Ids>(bundle.plan({.mode = plan::Mode::root}), look_at_ids,
                                       {.without = {"set ids", "set capabilities", "load seccomp filter"}, .interfere = have_groups});
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.uids[0] == 0);
    CHECK(control.value.group_count == 2);
    CHECK(control.value.back_to_root == 0);
}

TEST_CASE("become namespace root: no group of the caller's comes along") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const plan::Plan plan = bundle.plan();
    const auto seen = confined<Ids>(plan, look_at_ids, {.until = steps::Phase::mounts, .interfere = have_groups});
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.uids[0] == 0);
    CHECK(seen.value.group_count == 0);
    const auto control = confined<Ids>(plan, look_at_ids, {.without = {"become namespace root"}, .until = steps::Phase::mounts, .interfere = have_groups});
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.uids[0] == 65534);  // host root, unmapped
    CHECK(control.value.group_count == 2);
}

TEST_CASE("write id maps: without them no id of the namespace can be taken") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : {plan::Mode::root_userns, plan::Mode::rootless}) {
        INFO(std::string(plan::mode_name(mode)));
        const Failure failure = refusal(bundle.plan({.mode = mode}), leaving_out({"write id maps"}));
        CHECK(failure.failed);
        CHECK(failure.text.contains("phase "));
    }
}

TEST_CASE("set umask: 0027: without the step the launcher's own") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const auto look = [](InitContext&, mode_t& mask) { mask = ::umask(0); };
    const plan::Plan plan = bundle.plan();
    const auto change = [] { ::umask(0011); };
    const auto seen = confined<mode_t>(plan, look, {.interfere = change});
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value == 0027);
    const auto control = confined<mode_t>(plan, look, {.without = {"set umask"}, .interfere = change});
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value == 0011);
}

TEST_CASE("stay hidden from ptrace: not dumpable at any point from session to exec") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const auto look = [](InitContext&, int& value) { value = ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0); };
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const plan::Plan plan = bundle.plan({.mode = mode});
        for (const steps::Phase phase : {steps::Phase::mounts, steps::Phase::pivot, steps::Phase::no_new_privs, steps::Phase::verify, steps::Phase::exec}) {
            const auto seen = confined<int>(plan, look, {.without = {}, .until = phase});
            REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
            CHECK(seen.value == 0);
        }
    }
    // uid 0 stays uid 0: no uid change that would reset it.
    const auto control = confined<int>(bundle.oci_plan(), look, leaving_out({"hide from ptrace", "stay hidden from ptrace", "rearm parent death signal"}));
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value == 1);
}

TEST_CASE("rearm parent death signal: SIGKILL under dieWithParent, after the uid change that clears it") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const auto look = [](InitContext&, int& signal) { ::prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0); };
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const plan::Plan plan = bundle.plan({.mode = mode, .edit_profile = [](policy::Profile& profile) { profile.process.die_with_parent = true; }});
        const auto control = confined<int>(plan, look, leaving_out({"rearm parent death signal", "load seccomp filter"}));
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value == 0);
        const auto seen = confined<int>(plan, look, leaving_out({"load seccomp filter"}));
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value == SIGKILL);
    }
}

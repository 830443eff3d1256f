// The five capability sets: exact after the steps, empty of anything that an exec could bring back.
#include <doctest/doctest.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "support/confined.h"
#include "support/temp_bundle.h"
#include "sys/call.h"

using namespace casemate;
using namespace casemate::test;
using steps::InitContext;

namespace {

constexpr uint64_t bit(int capability) { return uint64_t{1} << capability; }

struct Sets {
    uint64_t effective, permitted, inheritable, bounding, ambient;
    int securebits;
    int chroot_error;  // with all that permitted holds made effective
};

void look(InitContext&, Sets& sets) {
    const auto now = sys::capget();
    if (!now) return;
    sets.effective = now.value().effective;
    sets.permitted = now.value().permitted;
    sets.inheritable = now.value().inheritable;
    for (int capability = 0; capability < 41; ++capability) {
        if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) sets.bounding |= bit(capability);
        if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1) sets.ambient |= bit(capability);
    }
    sets.securebits = ::prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
    (void)sys::capset({sets.permitted, sets.permitted, sets.inheritable}).operator bool();
    sets.chroot_error = error_of(::chroot("/"));
}

constexpr plan::Mode modes[] = {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless};

}  // namespace

TEST_CASE("capabilities: all five sets are empty under hardened, and securebits locked") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const auto seen = confined<Sets>(bundle.plan({.mode = mode}), look, leaving_out({"load seccomp filter", "restrict with Landlock"}));
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value.effective == 0);
        CHECK(seen.value.permitted == 0);
        CHECK(seen.value.inheritable == 0);
        CHECK(seen.value.bounding == 0);
        CHECK(seen.value.ambient == 0);
        CHECK((seen.value.securebits & SECBIT_NOROOT) != 0);
        CHECK((seen.value.securebits & SECBIT_NOROOT_LOCKED) != 0);
        CHECK((seen.value.securebits & SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED) != 0);
        CHECK((seen.value.securebits & SECBIT_KEEP_CAPS) == 0);
        CHECK(seen.value.chroot_error == EPERM);
    }
}

TEST_CASE("drop bounding set: without it the exec of uid 0 would bring everything back") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const auto control = confined<Sets>(bundle.plan({.mode = mode}), look, leaving_out({"drop bounding set", "load seccomp filter", "restrict with Landlock"}));
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value.bounding != 0);
        CHECK(control.value.permitted == 0);
    }
}

TEST_CASE("set capabilities: without it the rights survive the uid change, and work") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const auto control = confined<Sets>(bundle.plan({.mode = mode}), look, leaving_out({"set capabilities", "load seccomp filter", "restrict with Landlock"}));
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value.permitted != 0);
        CHECK(control.value.chroot_error == 0);
        CHECK((control.value.securebits & SECBIT_NOROOT) == 0);
    }
}

TEST_CASE("set capabilities: exactly what the profile grants, carried over the exec by ambient") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const plan::Plan plan = bundle.plan({.mode = mode, .edit_profile = [](policy::Profile& profile) { profile.capabilities = policy::Strings{"CAP_NET_BIND_SERVICE"}; }});
        const auto seen = confined<Sets>(plan, look);
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        for (const uint64_t set : {seen.value.effective, seen.value.permitted, seen.value.inheritable, seen.value.bounding, seen.value.ambient})
            CHECK(set == bit(CAP_NET_BIND_SERVICE));
    }
}

TEST_CASE("capabilities of config.json: uid 0 with a chosen set, nothing more") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const plan::Plan plan = bundle.oci_plan([](oci::Config& config) {
        const std::vector<std::string> some = {"CAP_CHOWN", "CAP_KILL"};
        config.process->capabilities = oci::Capabilities{some, some, {}, some, {}};
    });
    const auto seen = confined<Sets>(plan, look);
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.permitted == (bit(CAP_CHOWN) | bit(CAP_KILL)));
    CHECK(seen.value.effective == (bit(CAP_CHOWN) | bit(CAP_KILL)));
    CHECK(seen.value.bounding == (bit(CAP_CHOWN) | bit(CAP_KILL)));
    CHECK(seen.value.inheritable == 0);
    CHECK(seen.value.ambient == 0);
    CHECK(seen.value.chroot_error == EPERM);
}

TEST_CASE("drop last capabilities: without no_new_privs the filter is loaded with rights that then go") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const plan::Plan plan = bundle.oci_plan([](oci::Config& config) {
        const std::vector<std::string> some = {"CAP_CHOWN"};
        config.process->capabilities = oci::Capabilities{some, some, {}, some, {}};
        config.linux_.seccomp = oci::Seccomp{};
        config.linux_.seccomp->default_action = "SCMP_ACT_ALLOW";
        config.linux_.seccomp->syscalls = {{{"swapon"}, "SCMP_ACT_ERRNO", std::nullopt, {}}};
    });
    const auto seen = confined<Sets>(plan, look);
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.permitted == bit(CAP_CHOWN));
    const auto control = confined<Sets>(plan, look, leaving_out({"drop last capabilities"}));
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK((control.value.permitted & bit(CAP_SYS_ADMIN)) != 0);
}

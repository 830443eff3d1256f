// What is executed and from where, and the inside half of verify: it stops a launch in which a step did nothing.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "steps/sequence.h"
#include "support/confined.h"
#include "support/temp_bundle.h"

using namespace casemate;
using namespace casemate::test;
using steps::InitContext;

namespace {

Failure failure_of(const TempBundle& bundle, std::vector<std::string> args, const std::string& cwd = "/") {
    return refusal(bundle.plan({.args = std::move(args), .edit_config = [&](oci::Config& config) { config.process->cwd = cwd; }}));
}

}  // namespace

TEST_CASE("resolve program: 127 when it is not there, 126 when it may not be executed") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    bundle.file("rootfs/bin/plain", "text\n", 0644);
    bundle.file("rootfs/bin/secret", "text\n", 0700);
    bundle.directory("rootfs/bin/directory");

    const Failure missing = failure_of(bundle, {"/bin/nothing"});
    CHECK(missing.exit_code == 127);
    CHECK(missing.text.contains("phase credentials: resolve program: exec '/bin/nothing'"));
    CHECK(missing.hint.str() != "");
    const Failure by_name = failure_of(bundle, {"nothing"});
    CHECK(by_name.exit_code == 127);
    CHECK(by_name.text.contains("not found in $PATH"));
    CHECK(failure_of(bundle, {"/bin/plain"}).exit_code == 126);
    CHECK(failure_of(bundle, {"plain"}).exit_code == 126);
    CHECK(failure_of(bundle, {"/bin/secret"}).exit_code == 126);
    CHECK(failure_of(bundle, {"/bin/directory"}).exit_code == 126);
    CHECK_FALSE(failure_of(bundle, {"/bin/true"}).failed);
    CHECK_FALSE(failure_of(bundle, {"true"}).failed);
}

TEST_CASE("resolve program: the working directory is entered as the app's user, and lies in the root") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    bundle.directory("rootfs/private", 0700);
    bundle.link("/../../../../../..", "rootfs/var/up");
    CHECK(failure_of(bundle, {"/bin/true"}, "/proc/no/such").code == ENOENT);  // where it cannot be made
    CHECK_FALSE(failure_of(bundle, {"/bin/true"}, "/no/such").failed);
    CHECK(failure_of(bundle, {"/bin/true"}, "/private").code == EACCES);
    // A link of the image that climbs ends at the container's own root.
    struct View {
        char cwd[64];
        bool inside;
    };
    const auto seen = confined<View>(bundle.plan({.edit_config = [](oci::Config& config) { config.process->cwd = "/var/up"; }}),
                                     [](InitContext&, View& view) {
                                         if (!::getcwd(view.cwd, sizeof view.cwd)) return;
                                         view.inside = ::access("bin/busybox", F_OK) == 0 && ::access("work", F_OK) != 0;
                                     });
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(std::string(seen.value.cwd) == "/");
    CHECK(seen.value.inside);
}

TEST_CASE("resolve program: a directory that the launcher left open is no way to the host") {
    if (!needs(Need::root)) return;
    // CVE-2024-21626: cwd is /proc/self/fd/N, where N is a directory of the host.
    const TempBundle bundle;
    int refused = 0;
    for (int fd = 3; fd < 40; ++fd) {
        const std::string cwd = concat("/proc/self/fd/", fd);
        const auto seen = confined<bool>(bundle.oci_plan([&](oci::Config& config) { config.process->cwd = cwd; }),
                                         [](InitContext&, bool& inside) {
                                             char name[256];
                                             struct stat here {}, there {};
                                             inside = ::getcwd(name, sizeof name) && name[0] == '/' && ::stat(".", &here) == 0 && ::stat(name, &there) == 0 &&
                                                      here.st_ino == there.st_ino && here.st_dev == there.st_dev;
                                         },
                                         {.interfere = [] { ::dup2(::open("/etc", O_RDONLY | O_DIRECTORY), 39); }});
        INFO(cwd);
        // Some of init's own descriptors are directories of the container: harmless, and closed before the exec.
        if (seen.ok()) CHECK(seen.value);
        else ++refused;
    }
    CHECK(refused > 20);
    const Failure leaked = refusal(bundle.oci_plan([](oci::Config& config) { config.process->cwd = "/proc/self/fd/39"; }),
                                   {.interfere = [] { ::dup2(::open("/etc", O_RDONLY | O_DIRECTORY), 39); }});
    CHECK(leaked.text.contains("chdir"));
    CHECK(leaked.text.contains("ELOOP"));  // a magic link, and no other reason
}

TEST_CASE("verify from inside: notices every step that did nothing, before the app runs") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    struct Victim {
        const char* step;
        const char* word;  // of the message
    };
    constexpr Victim victims[] = {
        {"set no_new_privs", "no_new_privs"}, {"drop bounding set", "bounding"}, {"set capabilities", "capabilities"},
        {"set ids", "uid"},                   {"set umask", "umask"},            {"set hostname", "hostname"},
        {"mask paths", "masked"},             {"make paths read-only", "readonly"}, {"write sysctls", "sysctl"},
        {"set limits", "limits"},             {"unshare cgroup namespace", "cgroup"}, {"forbid user namespaces", "sysctl"},
    };
    for (const plan::Mode mode : {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless}) {
        const plan::Plan plan = bundle.plan({.mode = mode});
        for (const Victim& victim : victims) {
            bool needed = false;
            for (const steps::InitStep* step : steps::init_sequence()) needed = needed || (step->name == victim.step && step->needed(plan));
            // With a one-id map init already is the app's user.
            const bool nothing_to_do = plan.ids().single_id() && std::string_view(victim.step) == "set ids";
            if (!needed || nothing_to_do) continue;
            INFO(std::string(plan::mode_name(mode)), ": ", std::string(victim.step));
            const Failure failure = refusal(plan, {.without = {victim.step}, .verify = true});
            CHECK(failure.failed);
            const bool noticed = failure.text.contains("verify from inside") || failure.text.contains("phase ");
            CHECK_MESSAGE(noticed, failure.text.str());
        }
        CHECK_FALSE(refusal(plan).failed);
    }
}

// Whole launches: what the app is given, how it ended, and that nothing is left of it.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/launched.h"
#include "support/temp_bundle.h"

using namespace casemate;
using namespace casemate::test;

namespace {

constexpr plan::Mode modes[] = {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless};

void check_clean(const Outcome& outcome) {
    CHECK(outcome.children_left == 0);
    CHECK(outcome.mounts_grown == 0);
    CHECK(outcome.descriptors_grown == 0);
}

Outcome run(const TempBundle& bundle, plan::Mode mode, std::vector<std::string> args) {
    const plan::Plan plan = bundle.plan({.mode = mode, .args = std::move(args)});
    const Outcome outcome = launched(plan, {.prepare = [&](launch::Options& options) {
        options.before_go = [&](const launch::Waiting& waiting) { return verify_from_outside(waiting); };
    }});
    check_clean(outcome);
    return outcome;
}

Outcome shell(const TempBundle& bundle, plan::Mode mode, const std::string& script) { return run(bundle, mode, {"/bin/sh", "-c", script}); }

}  // namespace

TEST_CASE("three modes: the app runs as its user, verified from outside, and its code is the launch's") {
    if (!needs(Need::root) || !needs(Need::userns)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const Outcome outcome = shell(bundle, mode, "echo $(id -u):$(id -g) $(cat /proc/sys/kernel/hostname); exit 7");
        CHECK_MESSAGE(!outcome.failure.failed, outcome.failure.text.str());
        CHECK(outcome.code == 7);
        CHECK(outcome.signal == 0);
        CHECK(outcome.output.str() == "1001:1001 casemate\n");
    }
}

TEST_CASE("exit codes: 128+signal, with and without an init of ours") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        CHECK(run(bundle, mode, {"/bin/true"}).code == 0);
        CHECK(run(bundle, mode, {"/bin/false"}).code == 1);
        const Outcome killed = shell(bundle, mode, "kill -KILL $$");
        CHECK(killed.code == 137);
        CHECK(killed.signal == 9);
        CHECK(shell(bundle, mode, "kill -SEGV $$").code == 139);
    }
    const Outcome outcome = launched(bundle.oci_plan([](oci::Config& config) { config.process->args = {"/bin/sh", "-c", "exit 42"}; }));
    CHECK(outcome.code == 42);
    check_clean(outcome);
}

TEST_CASE("exit codes: 127 not found, 126 cannot execute, 125 casemate itself: the app never starts") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    bundle.file("rootfs/bin/no-interpreter", "#!/no/such/program\n", 0755);
    bundle.file("rootfs/bin/garbage", std::string("\177ELF garbage that is no program", 32), 0755);
    bundle.file("rootfs/bin/plain", "x", 0644);
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const auto fails = [&](const char* program, int code, const char* hint) {
            const Outcome outcome = run(bundle, mode, {program});
            INFO(program, ": ", outcome.failure.text.str());
            CHECK_FALSE(outcome.started);
            CHECK(outcome.failure.exit_code == code);
            CHECK(outcome.failure.hint.contains(hint));
        };
        fails("/bin/nothing", 127, "is the command in the image");
        fails("/bin/no-interpreter", 127, "its interpreter");
        fails("/bin/plain", 126, "may not execute");
        fails("/bin/garbage", 126, "architecture");
    }
    // 125: a step that cannot be done.
    bundle.link("/etc", "rootfs/mnt");
    const Outcome broken = launched(bundle.plan({.edit_profile = [](policy::Profile& profile) { profile.filesystem.masked_paths->push_back("/mnt"); }}));
    CHECK_FALSE(broken.started);
    CHECK(broken.failure.exit_code == 125);
    CHECK(broken.failure.text.contains("phase paths: mask paths: '/mnt'"));
    check_clean(broken);
}

TEST_CASE("before go: an error ends the launch, and the app has not run a single instruction") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const Outcome outcome = launched(bundle.plan({.mode = mode, .args = {"/bin/echo", "ran"}}), {.prepare = [](launch::Options& options) {
            options.before_go = [](const launch::Waiting&) -> Result<void> { return Error::invalid("seen and found wrong"); };
        }});
        CHECK_FALSE(outcome.started);
        CHECK(outcome.failure.text.str() == "seen and found wrong");
        CHECK(outcome.output.str() == "");
        check_clean(outcome);
    }
}

TEST_CASE("a failing host step leaves nothing, and is named") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const auto check = [&](const plan::Plan& plan, const char* step) {
        const Outcome outcome = launched(plan);
        CHECK_FALSE(outcome.started);
        CHECK_MESSAGE(outcome.failure.text.contains(step), outcome.failure.text.str());
        CHECK(outcome.failure.exit_code == 125);
        check_clean(outcome);
    };
    check(bundle.oci_plan([](oci::Config& config) { config.root_path = "/no/such/root"; }), "phase prepare: open root: '/no/such/root'");
    check(bundle.oci_plan([](oci::Config& config) { config.mounts.push_back({"/var/x", "bind", "/no/such/source", {"bind"}, {}, {}}); }),
          "phase prepare: open bind sources: '/no/such/source'");
    check(bundle.oci_plan([](oci::Config& config) { config.mounts.push_back({"/bin/busybox/x", "tmpfs", "tmpfs", {}, {}, {}}); }),
          "phase prepare: create mount points: mount point '/bin/busybox/x'");
    // An id map of more than the kernel takes: the range ends beyond what the host has.
    check(bundle.oci_plan([](oci::Config& config) {
        config.linux_.namespaces.push_back({"user", ""});
        config.linux_.uid_mappings = {{0, id_base, 1}};
        config.linux_.gid_mappings = {{0, id_base, 1}};
        config.process->user.uid = 0;
        config.mounts.push_back({"/dev/shm", "tmpfs", "tmpfs", {"uid=5"}, {}, {}});
    }), "phase ");
}

TEST_CASE("inherited descriptors and standard streams arrive where they should, and nothing else does") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const std::string first = bundle.file("first", "one\n"), second = bundle.file("second", "two\n"), input = bundle.file("input", "in\n");
    const plan::Plan plan = bundle.plan({.args = {"/bin/sh", "-c", "cat; cat <&3; cat <&4; echo $LISTEN_FDS:$LISTEN_PID:$$; test -e /proc/self/fd/5 || echo none"},
                                         .edit_request = [](plan::Request& request) { request.inherited_fds = 2; }});
    const Outcome outcome = launched(plan, {.prepare = [&](launch::Options& options) {
        // In a bad order on purpose: the numbers that they must get are taken by one another.
        options.inherited.push_back(Fd(::open(first.c_str(), O_RDONLY | O_CLOEXEC)));
        options.inherited.push_back(Fd(::open(second.c_str(), O_RDONLY | O_CLOEXEC)));
        options.stdio[0] = Fd(::open(input.c_str(), O_RDONLY | O_CLOEXEC));
        (void)!::open("/", O_RDONLY | O_DIRECTORY);  // leaked by a careless caller
    }});
    CHECK_MESSAGE(!outcome.failure.failed, outcome.failure.text.str());
    CHECK(outcome.output.str() == "in\none\ntwo\n2:2:2\nnone\n");
    CHECK(outcome.children_left == 0);
}

TEST_CASE("LISTEN_PID is the app's pid where another process of the container had the first") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const std::string socket = bundle.file("socket", "");
    for (const int others : {0, 1, 12}) {
        const plan::Plan plan = bundle.plan({.args = {"/bin/sh", "-c", "echo $LISTEN_PID:$$"}, .edit_request = [](plan::Request& request) { request.inherited_fds = 1; }});
        const Outcome outcome = launched(plan, {.prepare = [&](launch::Options& options) {
            options.inherited.push_back(Fd(::open(socket.c_str(), O_RDONLY | O_CLOEXEC)));
            options.before_go = [&](const launch::Waiting& waiting) -> Result<void> {
                const pid_t visitor = ::fork();
                if (visitor == 0) {
                    if (::setns(waiting.pidfd.get(), CLONE_NEWPID) < 0) ::_exit(1);
                    for (int i = 0; i < others; ++i)
                        if (const pid_t other = ::fork(); other <= 0 || ::waitpid(other, nullptr, 0) != other) ::_exit(other == 0 ? 0 : 1);
                    ::_exit(0);
                }
                int status = 0;
                return ::waitpid(visitor, &status, 0) == visitor && status == 0 ? Result<void>() : Error::invalid("no process in the container");
            };
        }});
        CHECK_MESSAGE(!outcome.failure.failed, outcome.failure.text.str());
        const std::string pid = std::to_string(2 + others);
        CHECK(outcome.output.str() == pid + ":" + pid + "\n");
    }
}

TEST_CASE("orphans of the app end with it") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const Outcome outcome = shell(bundle, mode, "(sleep 1000 & sleep 1000 &) ; exit 3");
        CHECK(outcome.code == 3);
    }
}

// What is said inside fresh namespaces: names, clocks, the cgroup root, loopback, session and keyring, sysctls.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>

#include "support/confined.h"
#include "support/temp_bundle.h"

using namespace casemate;
using namespace casemate::test;
using steps::InitContext;

namespace {

sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int try_connect_udp() {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_in to = loopback(9);
    return error_of(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to));
}

int try_bind(uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in at = loopback(port);
    const int error = error_of(::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at));
    ::close(fd);
    return error;
}

constexpr const char* key_name = "casemate-test-key";
void join_keyring_with_a_key() {
    ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
    ::syscall(SYS_add_key, "user", key_name, "secret", 6, KEY_SPEC_SESSION_KEYRING);
}

}  // namespace

TEST_CASE("set hostname: the container's, not the host's") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    struct View {
        char host[65], domain[65];
    };
    const auto look = [](InitContext&, View& view) {
        utsname names{};
        ::uname(&names);
        std::memcpy(view.host, names.nodename, sizeof view.host);
        std::memcpy(view.domain, names.domainname, sizeof view.domain);
    };
    const plan::Plan plan = bundle.oci_plan([](oci::Config& config) { config.hostname = "inside", config.domainname = "example.test"; });
    const auto seen = confined<View>(plan, look);
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(std::string(seen.value.host) == "inside");
    CHECK(std::string(seen.value.domain) == "example.test");
    const auto control = confined<View>(plan, look, leaving_out({"set hostname"}));
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(std::string(control.value.host) != "inside");
    // Refusal: longer than the kernel's 64 bytes.
    const Failure failure = refusal(bundle.oci_plan([](oci::Config& config) { config.hostname = std::string(65, 'h'); }));
    CHECK(failure.code == EINVAL);
    CHECK(failure.text.contains("phase session: set hostname"));
}

TEST_CASE("set time offsets: init's own monotonic clock is ahead by them") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    constexpr int64_t ahead = 1000000;
    const auto plan_with = [&](int64_t seconds) {
        return bundle.oci_plan([&](oci::Config& config) {
            config.linux_.namespaces.push_back({"time", ""});
            config.linux_.time_offsets["monotonic"] = {seconds, 0};
        });
    };
    const auto look = [](InitContext&, int64_t& seconds) {
        timespec there{};
        ::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &there);
        seconds = there.tv_sec;
    };
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const plan::Plan plan = plan_with(ahead);
    const auto seen = confined<int64_t>(plan, look);
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value >= now.tv_sec + ahead);
    CHECK(seen.value < now.tv_sec + ahead + 60);
    const auto control = confined<int64_t>(plan, look, leaving_out({"set time offsets"}));
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value < now.tv_sec + 60);
    // Refusal: a clock below zero.
    const Failure failure = refusal(plan_with(-1000000000));
    CHECK(failure.failed);
    CHECK(failure.text.contains("phase session: set time offsets"));
}

TEST_CASE("unshare cgroup namespace: its inode is not the host's") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    struct View {
        uint64_t inside, host;
    };
    const auto look = [](InitContext& context, View& view) {
        const auto inside = context.proc->namespace_inode("self", "cgroup");
        view.inside = inside ? inside.value() : 0;
        view.host = context.prepared.host_namespaces["cgroup"];
    };
    const plan::Plan plan = bundle.plan();
    const auto seen = confined<View>(plan, look, {.until = steps::Phase::credentials});
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.inside != 0);
    CHECK(seen.value.host != 0);
    CHECK(seen.value.inside != seen.value.host);
    const auto control = confined<View>(plan, look, {.without = {"unshare cgroup namespace"}, .until = steps::Phase::credentials});
    if (control.ok()) CHECK(control.value.inside == control.value.host);
    else CHECK(control.failure.text.contains("cgroup"));  // its file system would show the host's, and is refused
}

TEST_CASE("bring loopback up: 127.0.0.1 can be reached") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const auto look = [](InitContext&, int& error) { error = try_connect_udp(); };
    for (const plan::Mode mode : {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless}) {
        INFO(std::string(plan::mode_name(mode)));
        const plan::Plan plan = bundle.plan({.mode = mode});
        const auto seen = confined<int>(plan, look);
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value == 0);
        const auto control = confined<int>(plan, look, leaving_out({"bring loopback up"}));
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value == ENETUNREACH);
    }
}

TEST_CASE("start session: init leads its own: join session keyring: no key of the caller's is found") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    struct View {
        int leads, key_error;
    };
    const auto look = [](InitContext&, View& view) {
        view.leads = ::getsid(0) == ::getpid();
        view.key_error = error_of(::syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", key_name, 0));
    };
    const plan::Plan plan = bundle.oci_plan();
    const auto seen = confined<View>(plan, look, {.interfere = join_keyring_with_a_key});
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.leads == 1);
    CHECK(seen.value.key_error == ENOKEY);
    const auto control = confined<View>(plan, look, {.without = {"start session", "join session keyring"}, .interfere = join_keyring_with_a_key});
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.leads == 0);
    CHECK(control.value.key_error == 0);
}

TEST_CASE("write sysctls: a port below 1024 without a capability") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const auto look = [](InitContext&, int& error) { error = try_bind(80); };
    for (const plan::Mode mode : {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless}) {
        INFO(std::string(plan::mode_name(mode)));
        const plan::Plan plan = bundle.plan({.mode = mode});
        const auto seen = confined<int>(plan, look);
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value == 0);
        const auto control = confined<int>(plan, look, leaving_out({"write sysctls"}));
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value == EACCES);
    }
    const Failure failure = refusal(bundle.oci_plan([](oci::Config& config) { config.linux_.sysctl["net.ipv4.no_such_thing"] = "1"; }));
    CHECK(failure.code == ENOENT);
    CHECK(failure.text.contains("phase sysctl: write sysctls: 'net/ipv4/no_such_thing'"));
}

TEST_CASE("forbid user namespaces: unshare fails even without the filter, and the app cannot lift it") {
    if (!needs(Need::root) || !needs(Need::userns)) return;
    const TempBundle bundle;
    struct View {
        int unshared, lifted;
    };
    const auto look = [](InitContext&, View& view) {
        const int fd = ::open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
        view.lifted = fd >= 0 ? error_of(::write(fd, "10", 2)) : errno;
        view.unshared = error_of(::unshare(CLONE_NEWUSER));
    };
    for (const plan::Mode mode : {plan::Mode::root_userns, plan::Mode::rootless}) {
        INFO(std::string(plan::mode_name(mode)));
        const plan::Plan plan = bundle.plan({.mode = mode});
        const auto seen = confined<View>(plan, look, leaving_out({"load seccomp filter"}));
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value.unshared == ENOSPC);
        CHECK(seen.value.lifted != 0);
        const auto control = confined<View>(plan, look, leaving_out({"load seccomp filter", "forbid user namespaces"}));
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value.unshared == 0);
    }
}

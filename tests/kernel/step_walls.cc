// The last walls: W^X, Landlock, seccomp, and the descriptors that are left.
#include <arpa/inet.h>
#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

#include "base/text.h"
#include "support/confined.h"
#include "support/temp_bundle.h"
#include "sys/call.h"

using namespace casemate;
using namespace casemate::test;
using steps::InitContext;

namespace {

constexpr plan::Mode modes[] = {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless};

int try_bind(uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int error = error_of(::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at));
    ::close(fd);
    return error;
}

int run(const char* path) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::execl(path, "busybox", "true", nullptr);
        ::_exit(errno == EACCES ? 126 : 127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("deny write+execute: no such mapping, and no mapping made executable later") {
    if (!needs(Need::root) || !needs(Need::mdwe)) return;
    const TempBundle bundle;
    struct View {
        int both, later;
    };
    const auto look = [](InitContext&, View& view) {
        void* both = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        view.both = both == MAP_FAILED ? errno : 0;
        void* data = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        view.later = error_of(::mprotect(data, 4096, PROT_READ | PROT_EXEC));
    };
    const plan::Plan plan = bundle.plan();
    const auto seen = confined<View>(plan, look, leaving_out({"load seccomp filter"}));
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.both == EACCES);
    CHECK(seen.value.later == EACCES);
    const auto control = confined<View>(plan, look, leaving_out({"load seccomp filter", "deny write+execute"}));
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.both == 0);
    CHECK(control.value.later == 0);
}

TEST_CASE("restrict with Landlock: programs only where the profile says, ports only those listed") {
    if (!needs(Need::root) || !needs(Need::landlock)) return;
    const bool ports = sys::landlock_abi() >= 4;  // Linux 6.7
    const TempBundle bundle;
    REQUIRE(::link((bundle.rootfs() + "/bin/busybox").c_str(), (bundle.rootfs() + "/var/program").c_str()) == 0);
    struct View {
        int listed_port, other_port, listed_program, other_program;
    };
    const auto look = [](InitContext&, View& view) {
        view.listed_port = try_bind(8080);
        view.other_port = try_bind(9090);
        view.listed_program = run("/bin/busybox");
        view.other_program = run("/var/program");
    };
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const plan::Plan plan = bundle.plan({.mode = mode, .edit_profile = [&](policy::Profile& profile) {
            profile.landlock.exec_paths = policy::Strings{"/bin"};
            if (ports) profile.network.bind_ports = std::vector<uint16_t>{8080};
        }});
        const auto seen = confined<View>(plan, look);
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value.listed_port == 0);
        CHECK(seen.value.other_port == (ports ? EACCES : 0));
        CHECK(seen.value.listed_program == 0);
        CHECK(seen.value.other_program == 126);
        const auto control = confined<View>(plan, look, leaving_out({"restrict with Landlock"}));
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value.other_port == 0);
        CHECK(control.value.other_program == 0);
    }
    // Refusal: a path of the profile that the image does not have.
    const Failure failure = refusal(bundle.plan({.edit_profile = [](policy::Profile& profile) { profile.landlock.exec_paths = policy::Strings{"/no/such"}; }}));
    CHECK(failure.code == ENOENT);
    CHECK(failure.text.contains("phase landlock: restrict with Landlock: '/no/such'"));
}

TEST_CASE("restrict with Landlock: a second wall behind read-only mounts") {
    if (!needs(Need::root) || !needs(Need::landlock)) return;
    const TempBundle bundle;
    ::chmod((bundle.rootfs() + "/var").c_str(), 0777);
    const auto look = [](InitContext&, int& error) { error = error_of(::open("/var/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)); };
    const plan::Plan plan = bundle.plan();
    // "idmap trees" also makes the tree read-only: without it only Landlock is left.
    const auto seen = confined<int>(plan, look, leaving_out({"idmap trees"}));
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value == EACCES);
    const auto control = confined<int>(plan, look, leaving_out({"idmap trees", "restrict with Landlock"}));
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value != EACCES);  // EOVERFLOW: the id is not mapped there, yet nothing denied it
}

TEST_CASE("load seccomp filter: what the profile does not list is refused") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    struct View {
        int add_key, socket_family, namespaces;
    };
    const auto look = [](InitContext&, View& view) {
        view.add_key = error_of(::syscall(SYS_add_key, "user", "casemate", "x", 1, -3));
        const int fd = ::socket(AF_ALG, SOCK_SEQPACKET, 0);
        view.socket_family = fd < 0 ? errno : 0;
        view.namespaces = error_of(::unshare(CLONE_NEWUTS));
    };
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const plan::Plan plan = bundle.plan({.mode = mode});
        const auto seen = confined<View>(plan, look);
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value.add_key == EPERM);
        CHECK(seen.value.socket_family != 0);
        CHECK(seen.value.namespaces == EPERM);
        const auto control = confined<View>(plan, look, leaving_out({"load seccomp filter"}));
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value.add_key == 0);
    }
}

TEST_CASE("close descriptors: nothing of the host's stays open") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    struct View {
        int open_count;
        int highest;
    };
    // Directories and an fd without O_CLOEXEC, as a careless caller leaves them (CVE-2024-21626).
    const auto leak = [] {
        for (int i = 0; i < 5; ++i) (void)!::open("/", O_RDONLY | O_DIRECTORY);
        ::dup2(0, 200);
    };
    const auto look = [](InitContext&, View& view) {
        for (int fd = 0; fd < 1024; ++fd)
            if (::fcntl(fd, F_GETFD) >= 0) ++view.open_count, view.highest = fd;
    };
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const plan::Plan plan = bundle.plan({.mode = mode});
        const auto seen = confined<View>(plan, look, {.interfere = leak});
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value.open_count == 5);  // 0, 1, 2, the channel, the stub
        CHECK(seen.value.highest == 4);
        const auto control = confined<View>(plan, look, {.without = {"close descriptors"}, .interfere = leak});
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value.highest >= 200);
        CHECK(control.value.open_count > 10);
    }
}

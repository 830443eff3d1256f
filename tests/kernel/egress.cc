// pasta, attached to a container of the test's own: it configures the interface, and ends on every path.
// All of it in a network of its own (a veth pair), so that the machine's is not touched.
#include "launch/egress.h"

#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/text.h"
#include "kernel/relay_client.h"
#include "sys/call.h"

using namespace casemate;
using relay_test::Container;
using relay_test::Kind;

namespace {

bool have_pasta() {
    return static_cast<bool>(launch::find_pasta(launch::EgressSpec{}.search_path)) &&
           ::access("/dev/net/tun", R_OK | W_OK) == 0;
}

std::string file_text(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text(65536, '\0');
    const ssize_t size = ::read(file.get(), text.data(), text.size());
    text.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return text;
}

// The only child of `parent`, when it is pasta: it runs as passt or passt.avx2.
pid_t pasta_below(pid_t parent) {
    const std::string children = file_text(concat("/proc/", parent, "/task/", parent, "/children"));
    const auto child = parse_decimal(trimmed(children));
    if (!child || !file_text(concat("/proc/", *child, "/comm")).starts_with("pas")) return -1;
    return static_cast<pid_t>(*child);
}

bool lives(pid_t pid) { return ::kill(pid, 0) == 0 && !relay_test::status_line(pid, "State").starts_with("Z"); }

bool has_route_out(pid_t pid) {
    return file_text(concat("/proc/", pid, "/net/route")).find("\t00000000\t") != std::string::npos;
}

// The test's own outside: a veth pair with a default route.
bool enter_own_network() {
    return sys::unshare(CLONE_NEWNET) && sys::loopback_up() &&
           std::system(
               "ip link add out0 type veth peer name out1 && ip addr add 10.9.0.2/24 dev out0 && "
               "ip link set out0 up && ip link set out1 up && ip route add default via 10.9.0.1") == 0;
}

// Runs `body` in a child that has entered the network: 0 means good, everything else names the line.
template <typename F>
int in_own_network(F body) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::_exit(enter_own_network() ? body() : 200);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

launch::EgressSpec spec_for(const Container& container, Kind kind) {
    launch::EgressSpec spec;
    spec.init = container.pidfd();
    spec.init_pid = container.pid();
    spec.mode = kind == Kind::root ? plan::Mode::root : plan::Mode::root_userns;
    return spec;
}

enum class End { owner, init, lifeline };

int attach_and_end(Kind kind, End end) {
    Container container(kind);
    if (!container.ready()) return 1;
    if (has_route_out(container.pid())) return 2;  // the control: closed without pasta
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return 3;
    Fd lifeline(ends[0]), other_end(ends[1]);
    launch::EgressSpec spec = spec_for(container, kind);
    spec.lifeline = lifeline;
    auto started = launch::start_egress(spec);
    if (!started) return 4;
    launch::OwnedProcess guard = std::move(started).take();
    const pid_t guard_pid = guard.pid();
    const pid_t pasta = pasta_below(guard_pid);
    if (pasta < 0) return 5;
    if (!has_route_out(container.pid())) return 6;
    if (relay_test::status_line(guard_pid, "CapEff") != "0000000000000000") return 7;
    if (relay_test::status_line(guard_pid, "CapBnd") != "0000000000000000") return 8;
    if (relay_test::status_line(guard_pid, "NoNewPrivs") != "1") return 9;
    if (file_text(concat("/proc/", pasta, "/environ")) != "") return 10;
    relay_test::sleep_ms(100);
    if (!lives(pasta) || !lives(guard_pid)) return 11;  // the control: nothing ends by itself
    if (end == End::owner) guard.kill_and_reap();
    if (end == End::init) container.kill();
    if (end == End::lifeline) other_end.reset();
    return relay_test::becomes_true(1000, [&] { return !lives(pasta) && !lives(guard_pid); }) ? 0 : 12;
}

}  // namespace

TEST_CASE("egress: pasta gives a route, and ends with init, lifeline and owner" * doctest::skip(!have_pasta())) {
    for (const Kind kind : {Kind::root, Kind::root_userns})
        for (const End end : {End::owner, End::init, End::lifeline}) {
            CAPTURE(static_cast<int>(kind));
            CAPTURE(static_cast<int>(end));
            CHECK(in_own_network([&] { return attach_and_end(kind, end); }) == 0);
        }
}

TEST_CASE("egress: pasta's own complaint becomes the error, and nothing is left" * doctest::skip(!have_pasta())) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        // Without an interface or a route to copy pasta gives up.
        if (!sys::unshare(CLONE_NEWNET)) ::_exit(1);
        Container container;
        if (!container.ready()) ::_exit(2);
        const auto started = launch::start_egress(spec_for(container, Kind::root));
        if (started) ::_exit(3);
        const std::string text = started.error().text();
        if (!text.starts_with("pasta: it ended at once: ") || text.size() < 40) ::_exit(4);
        // No child is left: all were reaped but the container.
        container.kill();
        ::_exit(::waitpid(-1, nullptr, __WALL) < 0 && errno == ECHILD ? 0 : 5);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("egress: a missing pasta names the package") {
    const auto found = launch::find_pasta("/nonexistent:relative::/");
    REQUIRE(!found);
    CHECK(found.error().text().find("pasta is not installed") != std::string::npos);
    CHECK(found.error().hint_text().find("passt") != std::string::npos);
}

TEST_CASE("egress: without the right to open the tun device the error says so" * doctest::skip(!have_pasta())) {
    struct stat status {};
    REQUIRE(::stat("/dev/net/tun", &status) == 0);
    if (status.st_mode & 0006) return;  // udev's mode: everybody may
    const pid_t child = ::fork();
    if (child == 0) {
        if (!sys::set_groups({}) || !sys::set_ids(54321, 54321) || !sys::prctl(PR_SET_DUMPABLE, 1, "dumpable"))
            ::_exit(1);
        Container container(Kind::rootless);
        if (!container.ready()) ::_exit(2);
        launch::EgressSpec spec = spec_for(container, Kind::root);
        spec.mode = plan::Mode::rootless;
        const auto started = launch::start_egress(spec);
        if (started) ::_exit(3);
        ::_exit(started.error().text().find("/dev/net/tun") != std::string::npos && !started.error().hint_text().empty()
                    ? 0
                    : 4);
    }
    int ended = 0;
    ::waitpid(child, &ended, 0);
    CHECK(WIFEXITED(ended));
    CHECK(WEXITSTATUS(ended) == 0);
}

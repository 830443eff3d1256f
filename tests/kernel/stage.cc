// Namespaces joined by path: init is in them and nowhere else, is our own child, and nothing is left when one cannot be
// joined.
#include "launch/stage.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/joined.h"
#include "support/launched.h"
#include "support/temp_bundle.h"

using namespace casemate;
using namespace casemate::test;

namespace {

// A process that sits in new namespaces until it is told to go; its files in /proc are the paths.
class Holder {
public:
    explicit Holder(int flags, const std::string& map = {}) {
        int up[2], down[2];
        REQUIRE(::pipe2(up, O_CLOEXEC) == 0);
        REQUIRE(::pipe2(down, O_CLOEXEC) == 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::close(down[1]);
            char byte = ::unshare(flags & ~CLONE_NEWPID) == 0 ? 'y' : 'n';
            if (flags & CLONE_NEWPID && ::unshare(CLONE_NEWPID) != 0) byte = 'n';
            // A pid namespace without an init cannot be entered.
            const pid_t first = flags & CLONE_NEWPID ? ::fork() : 1;
            if (first == 0) ::pause();
            (void)!::write(up[1], &byte, 1);
            (void)!::read(down[0], &byte, 1);
            if (flags & CLONE_NEWPID) ::kill(first, SIGKILL);
            ::_exit(0);
        }
        release_ = Fd(down[1]);
        ::close(down[0]);
        ::close(up[1]);
        char byte = 0;
        const Fd heard(up[0]);
        REQUIRE(::read(heard.get(), &byte, 1) == 1);
        REQUIRE(byte == 'y');
        if (map.empty()) return;
        for (const char* file : {"/gid_map", "/uid_map"}) {
            const Fd out(::open(concat("/proc/", pid_, file).c_str(), O_WRONLY | O_CLOEXEC));
            REQUIRE(::write(out.get(), map.data(), map.size()) == static_cast<ssize_t>(map.size()));
        }
    }
    ~Holder() {
        release_.reset();
        ::waitpid(pid_, nullptr, 0);
    }
    std::string path(const char* file) const { return concat("/proc/", pid_, "/ns/", file); }
    std::string link(const char* file) const {
        char text[64] = {};
        (void)!::readlink(path(file).c_str(), text, sizeof text - 1);
        return text;
    }

private:
    pid_t pid_ = -1;
    Fd release_;
};

struct Member {
    const char *type, *file;
    const Holder& of;
};

// The app prints the link of `file`'s namespace; engine_config's namespaces of that type are replaced by the path.
Outcome run_joined(const TempBundle& bundle, std::initializer_list<Member> members, const std::string& script,
                   const std::function<void(oci::Config&)>& edit = {}) {
    runtime::Joined joined;
    std::string failed;
    const plan::Plan plan = bundle.oci_plan(
        [&](oci::Config& config) {
            config.process->args = {"/bin/sh", "-c", script};
            for (const Member& member : members) {
                std::erase_if(config.linux_.namespaces, [&](const oci::Namespace& known) { return known.type == member.type; });
                config.linux_.namespaces.push_back({member.type, member.of.path(member.file)});
            }
            if (edit) edit(config);
            auto opened = runtime::open_joined(config);
            if (opened) joined = std::move(opened).take();
            else failed = opened.error().text();
        },
        [&](plan::Request& request) { request.namespaces = joined.facts; });
    REQUIRE_MESSAGE(failed.empty(), failed);
    const Outcome outcome = launched(plan, {.prepare = [&](launch::Options& options) {
        options.joins = std::move(joined.files);
        options.before_go = [&](const launch::Waiting& waiting) { return verify_from_outside(waiting); };
    }});
    CHECK(outcome.children_left == 0);
    CHECK(outcome.mounts_grown == 0);
    CHECK(outcome.descriptors_grown <= 0);
    return outcome;
}

std::string error_of_path(const std::string& type, const std::string& path) {
    oci::Config config;
    config.linux_.namespaces = {{type, path}};
    const auto opened = runtime::open_joined(config);
    return opened ? "opened" : opened.error().text();
}

}  // namespace

TEST_CASE("joined by path: each kind is that namespace, and the control has its own") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const Holder holder(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWPID);
    for (const auto& [type, file] : {std::pair{"network", "net"}, {"ipc", "ipc"}, {"uts", "uts"}, {"cgroup", "cgroup"}}) {
        INFO(type);
        const std::string script = concat("readlink /proc/self/ns/", file);
        const Outcome outcome = run_joined(bundle, {{type, file, holder}}, script);
        CHECK_MESSAGE(!outcome.failure.failed, outcome.failure.text.str());
        CHECK(outcome.output.str() == holder.link(file) + "\n");
        CHECK(run_joined(bundle, {}, script).output.str() != holder.link(file) + "\n");
    }
}

TEST_CASE("joined by path: a pid namespace is shared with those who are in it") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const Holder holder(CLONE_NEWPID);
    const Outcome outcome = run_joined(bundle, {{"pid", "pid_for_children", holder}}, "test $$ -gt 1 && kill -0 1 && echo shared");
    CHECK_MESSAGE(!outcome.failure.failed, outcome.failure.text.str());
    CHECK(outcome.output.str() == "shared\n");
}

TEST_CASE("joined by path: a mount namespace becomes the container's") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const Holder holder(CLONE_NEWNS);
    const Outcome outcome = run_joined(bundle, {{"mount", "mnt", holder}}, "readlink /proc/self/ns/mnt; ls -d /bin /root 2>/dev/null");
    CHECK_MESSAGE(!outcome.failure.failed, outcome.failure.text.str());
    CHECK(outcome.output.contains(holder.link("mnt")));
}

TEST_CASE("joined by path: a user namespace with its maps, and what it owns") {
    if (!needs(Need::root) || !needs(Need::userns)) return;
    const TempBundle bundle;
    const Holder holder(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWUTS, concat("0 ", id_base, " 1000"));
    const auto edit = [](oci::Config& config) { config.hostname = "pod"; };
    const Outcome outcome = run_joined(bundle, {{"user", "user", holder}, {"network", "net", holder}, {"uts", "uts", holder}},
                                       "id -u; cat /proc/self/uid_map; readlink /proc/self/ns/user; readlink /proc/self/ns/net; hostname", edit);
    CHECK_MESSAGE(!outcome.failure.failed, outcome.failure.text.str());
    CHECK(outcome.output.contains(std::to_string(id_base)));
    CHECK(outcome.output.contains(concat(holder.link("user"), "\n", holder.link("net"), "\npod\n")));
}

TEST_CASE("paths that are no namespace of the kind are refused, and nothing waits") {
    const TempBundle bundle;
    const std::string plain = bundle.file("plain", "x"), fifo = bundle.path() + "/fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(error_of_path("network", plain) == concat("config.json: $.linux.namespaces[0].path: '", plain, "': is no namespace"));
    CHECK(error_of_path("network", fifo) == concat("config.json: $.linux.namespaces[0].path: '", fifo, "': is no namespace"));
    CHECK(error_of_path("network", "/proc/self/ns/uts") == "config.json: $.linux.namespaces[0].path: '/proc/self/ns/uts': is a uts namespace");
    CHECK(error_of_path("network", "/no/such").find("No such file") != std::string::npos);
    oci::Config config;
    config.linux_.namespaces = {{"network", "/proc/self/ns/net"}};
    const auto own = runtime::open_joined(config);
    REQUIRE(bool(own));
    CHECK(own.value().facts[0].is_hosts);
    CHECK(own.value().files.empty());
}

TEST_CASE("a namespace that cannot be joined: named, and no process is left") {
    if (!needs(Need::root)) return;
    struct Result {
        int code = 0;
        Text text;
        int left = 0;
    };
    const auto result = in_child<Result>([](Result& out) {
        std::vector<launch::NamespaceFile> joins;
        joins.push_back({"network", CLONE_NEWNET, Fd(::open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC))});
        launch::Birth birth;
        birth.joins = joins;
        const auto made = launch::make_init(birth);
        if (made && made.value().pid == 0) ::_exit(0);
        out.code = made ? 0 : made.error().code();
        if (!made) out.text = made.error().text();
        out.left = reap_leftovers();
    });
    REQUIRE(result.has_value());
    CHECK(result->code == EINVAL);
    CHECK(result->text.contains("join network namespace: setns: "));
    CHECK(result->left == 0);
}

TEST_CASE("init made by a stage is the host's own child, and its pidfd names it") {
    if (!needs(Need::root)) return;
    struct Result {
        bool made = false, pidfd_readable = false;
        int code = -1;
        pid_t parent = 0, host = 0;
    };
    const auto result = in_child<Result>([](Result& out) {
        std::vector<launch::NamespaceFile> joins;
        joins.push_back({"uts", CLONE_NEWUTS, Fd(::open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC))});
        launch::Birth birth;
        birth.joins = joins;
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return;
        auto made = launch::make_init(birth);
        if (!made) return;
        if (made.value().pid == 0) {
            const pid_t parent = ::getppid();
            (void)!::write(ends[1], &parent, sizeof parent);
            ::_exit(7);
        }
        out.made = true;
        out.host = ::getpid();
        (void)!::read(ends[0], &out.parent, sizeof out.parent);
        out.pidfd_readable = sys::wait_readable(made.value().pidfd, 5000).operator bool();
        int status = 0;
        if (::waitpid(made.value().pid, &status, __WALL) == made.value().pid && WIFEXITED(status)) out.code = WEXITSTATUS(status);
    });
    REQUIRE(result.has_value());
    CHECK(result->made);
    CHECK(result->parent == result->host);
    CHECK(result->pidfd_readable);
    CHECK(result->code == 7);
}

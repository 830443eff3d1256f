// A group from its making to its end: where its processes are, how they are stopped and ended, and that nothing is
// left.
#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "cgroup/directories.h"
#include "cgroup/events.h"
#include "cgroup/names.h"
#include "kernel/cgroup/groups.h"
#include "sys/call.h"
#include "sys/procfs.h"

using namespace casemate;
using namespace casemate::cgroup;
using namespace casemate::test;

namespace {

std::string text_of(const Result<void>& result) { return result ? "" : result.error().text(); }

int sleep_for_ever() {
    while (true) ::pause();
}

int count_for_ever(volatile long* value) {
    while (true) {
        *value = *value + 1;
        ::poll(nullptr, 0, 1);
    }
}

bool moves(volatile long* value, int within_ms) {
    const long before = *value;
    for (int waited = 0; waited < within_ms; waited += 5) {
        ::poll(nullptr, 0, 5);
        if (*value != before) return true;
    }
    return false;
}

// Two hundred children, while it is being killed.
int fork_on_and_on() {
    for (int i = 0; i < 200; ++i) {
        if (::fork() == 0) sleep_for_ever();
        ::poll(nullptr, 0, 1);
    }
    return sleep_for_ever();
}

}  // namespace

TEST_CASE("cgroup: a process is born in every hierarchy, and nothing is left afterwards") {
    if (!needs_view(View::host)) return;
    Request request;
    request.id = concat("born-", ::getpid());
    const auto draft = prepare(request);
    REQUIRE(draft);
    CHECK(existing_directories(draft.value()) == 0);
    auto group = Group::create(draft.value());
    REQUIRE_MESSAGE(group, group.error().text());
    CHECK(existing_directories(draft.value()) == static_cast<int>(draft.value().layout.hierarchies.size()));
    {
        Member member(group.value(), sleep_for_ever);
        REQUIRE(member.started());
        const std::string text = sys::Procfs::host().take().read(concat(member.pid(), "/cgroup")).take();
        for (const Path& path : group.value().paths())
            CHECK_MESSAGE(
                text.find(concat(":", path.controllers, ":/casemate/", request.id, "\n")) != std::string::npos, text);
        const std::string own = sys::Procfs::host().take().read("self/cgroup").take();
        CHECK(own.find(request.id) == std::string::npos);  // control
        CHECK(group.value().processes().take() == std::vector<pid_t>{member.pid()});
    }
    CHECK(text_of(group.value().remove()) == "");
    CHECK(existing_directories(draft.value()) == 0);
    for (const Hierarchy& hierarchy :
         draft.value().layout.hierarchies)  // another container's may be in it, or it is gone
        CHECK(::rmdir((hierarchy.mount_point + "/casemate").c_str()) != 0);
    CHECK(group.value().kind() == Kind::none);
    CHECK(text_of(group.value().remove()) == "");  // a second time
}

TEST_CASE("cgroup: frozen processes stand still until they are thawed") {
    for (const View view : views()) {
        TestGroup group({}, view);
        REQUIRE_MESSAGE(group.made(), group.error());
        Shared shared;
        Member member(*group, [&] { return count_for_ever(shared.value); });
        CHECK(moves(shared.value, 5000));  // control
        CHECK(text_of(group->freeze()) == "");
        CHECK(group->frozen().take());
        CHECK_FALSE(moves(shared.value, 60));
        CHECK(text_of(group->thaw()) == "");
        CHECK_FALSE(group->frozen().take());
        CHECK(moves(shared.value, 5000));
    }
}

TEST_CASE("cgroup: the freezer is waited for, however many there are to freeze") {
    if (!needs_view(View::v2)) return;
    TestGroup group({}, View::v2);
    REQUIRE_MESSAGE(group.made(), group.error());
    Shared shared;
    Member many(*group, [&] {
        for (int i = 0; i < 100; ++i)
            if (::fork() == 0) return count_for_ever(shared.value);
        return count_for_ever(shared.value);
    });
    for (int i = 0; i < 1000 && group->processes().take().size() < 101; ++i) ::poll(nullptr, 0, 5);
    CHECK(text_of(group->freeze()) == "");
    const std::string events = sys::read_file(group->unified()->fd, "cgroup.events", 4096).take();
    CHECK(keyed_value(events, "frozen") == uint64_t{1});
    const auto late = group->freeze(0);
    CHECK(late);  // it stands still already
}

TEST_CASE("cgroup: a kill ends all processes: forking, frozen and in groups below") {
    for (const View view : views()) {
        TestGroup group({}, view);
        REQUIRE_MESSAGE(group.made(), group.error());
        Member forking(*group, fork_on_and_on);
        for (const Path& path : group->paths()) REQUIRE(::mkdir((path.directory + "/below").c_str(), 0755) == 0);
        Member deep(*group, sleep_for_ever);
        std::vector<Path> below = group->paths();
        for (Path& path : below) {
            path.directory += "/below", path.inode = 0;
            const auto opened = open_member(path);
            REQUIRE(opened);
            if (path.controllers.find("cpuset") != std::string::npos) continue;  // its lists are empty
            CHECK(sys::write_file(opened.value().fd, "cgroup.procs", std::to_string(deep.pid())));
        }
        ::poll(nullptr, 0, 30);
        CHECK(group->processes().take().size() > 2);
        CHECK(text_of(group->freeze()) == "");
        CHECK(text_of(group->kill_all()) == "");
        CHECK(group->processes().take().empty());
        CHECK(forking.wait() == 128 + SIGKILL);
        CHECK(deep.wait() == 128 + SIGKILL);
    }
}

TEST_CASE("cgroup: a group with a living process is not removed, and says so in time") {
    for (const View view : views()) {
        TestGroup group({}, view);
        REQUIRE_MESSAGE(group.made(), group.error());
        Member member(*group, sleep_for_ever);
        auto again = Group::open_existing(group->paths()).take();
        const auto refused = again.remove(50);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == EBUSY);
    }
}

TEST_CASE("cgroup: removal waits for the killed, whoever reaps them") {
    for (const View view : views()) {
        for (int round = 0; round < 20; ++round) {
            const auto draft = draft_for({}, view);
            auto group = Group::create(draft.value()).take();
            Member member(group, sleep_for_ever);
            CHECK(sys::pidfd_send_signal(sys::pidfd_open(member.pid()).take(), SIGKILL));
            CHECK(text_of(group.remove()) == "");
            CHECK(existing_directories(draft.value()) == 0);
        }
    }
    TestGroup cleans_up;
}

TEST_CASE("cgroup: a group in use is not taken, an empty one is") {
    if (!needs_view(View::host)) return;
    const auto draft = draft_for({}, View::host);
    auto group = Group::create(draft.value()).take();
    {
        Member member(group, sleep_for_ever);
        const auto second = Group::create(draft.value());
        REQUIRE_FALSE(second);
        CHECK(second.error().code() == EEXIST);
        CHECK(existing_directories(draft.value()) > 0);  // nothing of the first was taken away
    }
    CHECK(Group::create(draft.value()));
    CHECK(text_of(group.freeze()) == "");
    CHECK_FALSE(Group::create(draft.value()));  // init would stand still for ever
    CHECK(text_of(group.thaw()) == "");
    CHECK(text_of(group.remove()) == "");
    TestGroup cleans_up;
}

TEST_CASE("cgroup: a state file's group is that very group") {
    if (!needs_view(View::host)) return;
    TestGroup group;
    REQUIRE_MESSAGE(group.made(), group.error());
    std::vector<Path> paths = group->paths();
    CHECK(Group::open_existing(paths).take().paths() == paths);
    {
        Member member(*group, sleep_for_ever);
        std::vector<Path> unproven = paths;
        for (Path& path : unproven) path.inode = 0;
        auto opened = Group::open_existing(unproven).take();
        const auto refused = opened.kill_all();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == EPERM);
        CHECK_FALSE(member.ended(20));
    }
    for (Path& path : paths) path.inode += 1;  // one of the same name, made later
    CHECK(Group::open_existing(paths).take().kind() == Kind::none);
    for (Path& path : paths) path.directory += "/gone";
    CHECK(Group::open_existing(paths).take().kind() == Kind::none);
    for (const Hierarchy& hierarchy : Layout::discover().take().hierarchies) {
        const std::string name = hierarchy.version == Version::v2 ? "" : join(hierarchy.controllers, ",");
        CHECK_FALSE(Group::open_existing({{name, hierarchy.mount_point, 0}}));  // the root: a kill would end the host
        CHECK_FALSE(Group::open_existing({{name, hierarchy.mount_point + "/x/..", 0}}));
    }
    CHECK_FALSE(Group::open_existing({{"", "/tmp", 0}}));
    CHECK_FALSE(Group::open_existing({{"memory", "relative", 0}}));
}

TEST_CASE("cgroup: a group below is named by component") {
    if (!needs_view(View::v2)) return;
    TestGroup group({}, View::v2), sibling({}, View::v2);
    REQUIRE(group.made());
    REQUIRE(::mkdir((group->paths()[0].directory + "/sub").c_str(), 0755) == 0);
    for (const std::string path : {"sub", "/sub/", "/", ""}) {
        const auto below = group->below({path});
        REQUIRE(below);
        const Path seen = below.value().paths()[0];
        const bool itself = path.find('s') == std::string::npos;
        CHECK(seen.directory == group->paths()[0].directory + (itself ? "" : "/sub"));
        CHECK((seen.inode == group->paths()[0].inode) == itself);
    }
    CHECK_FALSE(group->below({"missing"}));
    const std::string other = sibling->paths()[0].directory;
    CHECK_FALSE(group->below({concat("../", other.substr(other.rfind('/') + 1))}));
    CHECK_FALSE(group->below({"sub/../.."}));
    CHECK_FALSE(group->below({"sub", "sub"}));
    CHECK_FALSE(group->below({"memory:sub"}));  // v2 has one group for all controllers
    CHECK_FALSE(group->below({":sub"}));
    CHECK_FALSE(Group().below({"sub"}));
}

TEST_CASE("cgroup: below, by controller: the others stay, one hierarchy has one path") {
    if (!needs_controller("pids", View::v1) || !needs_controller("memory", View::v1)) return;
    TestGroup group({}, View::v1);
    REQUIRE(group.made());
    const std::string directory = group->holding("pids")->directory;
    REQUIRE(::mkdir((directory + "/sub").c_str(), 0755) == 0);
    const auto below = group->below({"pids:sub"});
    REQUIRE(below);
    CHECK(below.value().holding("pids")->directory == directory + "/sub");
    CHECK(below.value().holding("memory")->directory == group->holding("memory")->directory);
    const auto refused = [&](const std::vector<std::string>& arguments) { return group->below(arguments).error().text(); };
    CHECK(refused({"pids:missing"}).find("missing") != std::string::npos);
    CHECK(refused({"sub"}).find("No such file") != std::string::npos);  // in every hierarchy, and it is in one
    CHECK(refused({"pids:sub", "sub"}).find("stands alone") != std::string::npos);
    CHECK(refused({"pids:sub", "pids:sub"}).find("given twice") != std::string::npos);
    CHECK(refused({"pids,:sub"}).find("without a name") != std::string::npos);
    CHECK(refused({"none:sub"}).find("no group of it") != std::string::npos);
    CHECK(refused({"pids:../sub"}).find("'..'") != std::string::npos);
    if (group->holding("cpu") && group->holding("cpu") == group->holding("cpuacct"))
        CHECK(refused({"cpu:a", "cpuacct:b"}).find("one hierarchy") != std::string::npos);
}

TEST_CASE("cgroup: a full hierarchy and an unprivileged user: an error, and nothing left") {
    if (!needs_view(View::v2)) return;
    TestGroup parent({}, View::v2);
    REQUIRE(parent.made());
    REQUIRE(sys::write_file(parent->unified()->fd, "cgroup.max.descendants", "1"));
    auto draft = draft_for({}, View::v2).take();
    draft.components =
        path_components(parent->paths()[0].directory.substr(draft.layout.hierarchies[0].mount_point.size())).take();
    draft.components.insert(draft.components.end(), {"first", "second"});
    const auto full = Group::create(draft);
    REQUIRE_FALSE(full);
    CHECK(full.error().code() == EAGAIN);
    CHECK(::access((parent->paths()[0].directory + "/first").c_str(), F_OK) != 0);

    struct Seen {
        bool user, refused, accepted, unlimited;
        Text text;
    };
    const auto seen = in_child<Seen>([](Seen& out) {
        out.user = become_user(plain_user);
        Request request;
        request.id = "plain";
        request.limits.memory.limit = 1 << 24;
        if (!Layout::discover().take().holding("memory")) request.limits = {};
        const auto made = [](const Request& wanted) {
            const auto drafted = prepare(wanted);
            return drafted ? Group::create(drafted.value()) : Result<Group>(drafted.error());
        };
        const auto refused = made(request);
        out.refused = !refused;
        if (!refused) out.text = refused.error().text();
        request.if_none = IfNone::accept;
        const auto accepted = made(request);
        out.accepted = accepted && accepted.value().kind() == Kind::none;
        request.if_none = IfNone::fail_if_limited;
        request.limits = {};
        const auto unlimited = made(request);
        out.unlimited = unlimited && unlimited.value().kind() == Kind::none;
    });
    REQUIRE(seen);
    CHECK(seen->user);
    CHECK(seen->refused);
    CHECK_MESSAGE(seen->text.contains("limits are asked for, but there is no cgroup"), seen->text.str());
    CHECK(seen->accepted);
    CHECK(seen->unlimited);
}

TEST_CASE("cgroup: v2: an unprivileged user's group in a delegated one is limited all the same") {
    if (!needs_controller("memory", View::v2)) return;
    Limits limits;
    limits.memory.limit = 16 << 20, limits.memory.swap = 0, limits.pids = 10;
    TestGroup delegated(limits);
    REQUIRE_MESSAGE(delegated.made(), delegated.error());
    const std::string top = delegated->paths()[0].directory;
    REQUIRE(::mkdir((top + "/own").c_str(), 0755) == 0);
    for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control", "/own", "/own/cgroup.procs"})
        REQUIRE(::chown((top + file).c_str(), plain_user, plain_user) == 0);
    struct Seen {
        bool user, made, limited, born, gone;
        Text error, directory;
    };
    const auto seen = in_child<Seen>([&](Seen& out) {
        const Fd own = open_directory(top + "/own", Version::v2).take();
        if (!sys::write_file(own, "cgroup.procs", std::to_string(::getpid()))) return;
        out.user = become_user(plain_user);
        Request request;
        request.id = "plain";
        request.limits.memory.limit = 8 << 20, request.limits.pids = 5;
        const auto draft = prepare(request);
        auto group = draft ? Group::create(draft.value()) : Result<Group>(draft.error());
        out.made = bool(group);
        if (!group) {
            out.error = group.error().text();
            return;
        }
        out.directory = group.value().paths()[0].directory;
        const auto limit = sys::read_file(group.value().unified()->fd, "memory.max", 64);
        out.limited = limit && limit.value() == concat(8 << 20, "\n");
        Member member(group.value(), sleep_for_ever);
        out.born = group.value().processes().take() == std::vector<pid_t>{member.pid()};
        out.gone = group.value().kill_all() && group.value().remove();
    });
    REQUIRE(seen);
    CHECK(seen->user);
    CHECK_MESSAGE(seen->made, seen->error.str());
    CHECK(seen->directory.str() == top + "/casemate/plain");
    CHECK(seen->limited);
    CHECK(seen->born);
    CHECK(seen->gone);
    CHECK(::access((top + "/casemate").c_str(), F_OK) != 0);
    struct stat status {};
    CHECK(::stat(top.c_str(), &status) == 0);
}

// Each limit bites, and without it the same act succeeds. On whatever the host has: v1, hybrid or v2.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "base/text.h"
#include "cgroup/events.h"
#include "cgroup/names.h"
#include "cgroup/stats.h"
#include "kernel/cgroup/groups.h"
#include "sys/call.h"

using namespace casemate;
using namespace casemate::cgroup;
using namespace casemate::test;

namespace {

constexpr int64_t mebibyte = 1 << 20;

int touch(size_t bytes) {
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    std::memset(memory, 1, bytes);
    return 0;
}

// How many of 20 forks succeed.
int fork_some() {
    int made = 0;
    for (int i = 0; i < 20; ++i) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::pause();
            ::_exit(0);
        }
        made += child > 0 ? 1 : 0;
    }
    return made;
}

int64_t milliseconds(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

// Percent of one cpu that a busy process gets in 400 ms.
int busy_percent() {
    const int64_t begin = milliseconds(CLOCK_MONOTONIC), used = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
    while (milliseconds(CLOCK_MONOTONIC) - begin < 400) {}
    return static_cast<int>((milliseconds(CLOCK_PROCESS_CPUTIME_ID) - used) * 100 /
                            (milliseconds(CLOCK_MONOTONIC) - begin));
}

std::string read_of(TestGroup& group, std::string_view controller, const char* file) {
    const Group::Member* member = group->holding(controller);
    auto text =
        member ? sys::read_file(member->fd, file, 65536) : Result<std::string>(Error::invalid("no such controller"));
    return text ? std::string(trimmed(text.value())) : concat("! ", text.error().text());
}

bool on_v2(TestGroup& group, std::string_view controller) { return group->holding(controller)->version == Version::v2; }

}  // namespace

TEST_CASE("limits: memory: past it the process is killed, and the watch hears of it") {
    if (!needs_controller("memory")) return;
    Limits limits;
    limits.memory.limit = 16 * mebibyte;
    limits.memory.swap = 0;
    TestGroup group(limits), open;
    REQUIRE_MESSAGE(group.made(), group.error());
    auto watch = OomWatch::make(*group);
    REQUIRE_MESSAGE(watch, watch.error().text());
    CHECK(watch.value().wait(0).take() == OomWatch::News::nothing);
    CHECK(Member(*group, [] { return touch(8 * mebibyte); }).wait() == 0);
    CHECK(watch.value().wait(0).take() == OomWatch::News::nothing);
    CHECK(Member(*group, [] { return touch(64 * mebibyte); }).wait() == 128 + SIGKILL);
    CHECK(watch.value().wait(5000).take() == OomWatch::News::oom);
    CHECK(oom_kills(*group).take() == uint64_t{1});
    CHECK(Member(*open, [] { return touch(64 * mebibyte); }).wait() == 0);  // control
    CHECK(oom_kills(*open).take() == uint64_t{0});
    const Stats stats = read_stats(*group).take();
    REQUIRE(stats.memory);
    CHECK(stats.memory->limit == uint64_t{16 * mebibyte});
    CHECK(stats.memory->peak.value_or(0) >= 8 * mebibyte);
    CHECK(stats.memory->oom_kills == uint64_t{1});
    CHECK_FALSE(read_stats(*open).take().memory->limit);
}

TEST_CASE("limits: the watch ends with the group") {
    if (!needs_controller("memory")) return;
    const auto draft = draft_for({}, View::host);
    auto group = Group::create(draft.value()).take();
    auto watch = OomWatch::make(group).take();
    {
        Member member(group, [] { return ::pause(); });
        CHECK(watch.wait(20).take() == OomWatch::News::nothing);
    }
    CHECK(group.remove());
    CHECK(watch.wait(5000).take() == OomWatch::News::ended);
    TestGroup cleans_up;
}

TEST_CASE("limits: pids: no fork beyond") {
    if (!needs_controller("pids")) return;
    Limits limits;
    limits.pids = 5;
    TestGroup group(limits), open;
    REQUIRE_MESSAGE(group.made(), group.error());
    CHECK(Member(*group, fork_some).wait() == 4);
    CHECK(Member(*open, fork_some).wait() == 20);  // control
    CHECK(read_stats(*group).take().pids_limit == uint64_t{5});
    if (on_v2(group, "pids")) {  // a full group: nobody is born into it; v1 lets a pid in by attach
        CHECK(group->update([] {
            Limits none;
            none.pids = 0;
            return none;
        }()));
        CHECK_FALSE(sys::clone3(0, group->directory_fd()->get()));
        CHECK(errno == EAGAIN);
    }
    CHECK_FALSE(read_stats(*open).take().pids_limit);
}

TEST_CASE("limits: cpu time: a quota of a tenth throttles") {
    if (!needs_controller("cpu")) return;
    Limits limits;
    limits.cpu.quota = 2000, limits.cpu.period = 20000;
    TestGroup group(limits), open;
    REQUIRE_MESSAGE(group.made(), group.error());
    CHECK(Member(*group, busy_percent).wait() <= 25);
    CHECK(read_stats(*group).take().cpu->throttled_periods.value_or(0) > 5);
    Member(*open, busy_percent).wait();
    CHECK(read_stats(*open).take().cpu->throttled_periods.value_or(0) ==
          0);  // control; its share depends on the host's load
    CHECK(read_stats(*open).take().cpu->usage_ns.value_or(0) > 0);
}

TEST_CASE("limits: cpuset: the list holds, and without one the parent's is inherited") {
    if (!needs_controller("cpuset")) return;
    const auto cpus = [] {
        cpu_set_t set;
        return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : -1;
    };
    Limits limits;
    limits.cpu.cpus = "0";
    TestGroup group(limits), open;
    REQUIRE_MESSAGE(group.made(), group.error());
    CHECK(Member(*group, cpus).wait() == 1);
    CHECK(Member(*open, cpus).wait() == cpus());  // control
    limits.cpu.cpus = "60000";
    TestGroup refused(limits);
    CHECK_FALSE(refused.made());
    CHECK_MESSAGE(refused.error().find("cpuset: cannot set cpuset.cpus to '60000'") != std::string::npos,
                  refused.error());
}

TEST_CASE("limits: a weight, a burst and huge pages arrive in their files") {
    if (!needs_controller("cpu")) return;
    Limits limits;
    limits.cpu.shares = 512;
    limits.cpu.quota = 20000, limits.cpu.period = 50000, limits.cpu.burst = 10000;
    TestGroup group(limits);
    REQUIRE_MESSAGE(group.made(), group.error());
    CHECK(read_of(group, "cpu", on_v2(group, "cpu") ? "cpu.weight" : "cpu.shares") ==
          (on_v2(group, "cpu") ? "59" : "512"));
    CHECK(read_of(group, "cpu", on_v2(group, "cpu") ? "cpu.max.burst" : "cpu.cfs_burst_us") == "10000");
    if (!needs_controller("hugetlb")) return;
    limits = {};
    limits.hugetlb = {{"2MB", 4 * mebibyte}};
    TestGroup huge(limits);
    REQUIRE_MESSAGE(huge.made(), huge.error());
    CHECK(read_of(huge, "hugetlb", on_v2(huge, "hugetlb") ? "hugetlb.2MB.max" : "hugetlb.2MB.limit_in_bytes") ==
          std::to_string(4 * mebibyte));
    const Stats stats = read_stats(*huge).take();
    REQUIRE_FALSE(stats.hugetlb.empty());
    CHECK(stats.hugetlb.back().usage == uint64_t{0});
}

TEST_CASE("limits: an update raises and lowers bounds that hold each other") {
    if (!needs_controller("memory")) return;
    Limits limits;
    limits.memory.limit = 16 * mebibyte, limits.memory.swap = 4 * mebibyte;
    limits.cpu.quota = 10000, limits.cpu.period = 50000, limits.cpu.burst = 10000;
    TestGroup group(limits);
    REQUIRE_MESSAGE(group.made(), group.error());
    const char* file = on_v2(group, "memory") ? "memory.max" : "memory.limit_in_bytes";
    for (const int64_t size : {64, 8, 32}) {
        Limits next;
        next.memory.limit = size * mebibyte, next.memory.swap = mebibyte;
        next.cpu.quota = size * 1000, next.cpu.burst = size * 500;
        const auto updated = group->update(next);
        CHECK_MESSAGE(updated, updated.error().text());
        CHECK(read_of(group, "memory", file) == std::to_string(size * mebibyte));
    }
    // What is refused takes nothing with it.
    Limits bad;
    bad.memory.limit = 24 * mebibyte, bad.cpu.cpus = "60000";
    CHECK_FALSE(group->update(bad));
    CHECK(read_of(group, "memory", file) == std::to_string(32 * mebibyte));
    Limits period;
    period.cpu.period = 40000;
    CHECK(group->update(period));
    CHECK(read_of(group, "cpu", on_v2(group, "cpu") ? "cpu.max" : "cpu.cfs_quota_us") ==
          (on_v2(group, "cpu") ? "32000 40000" : "32000"));
    Limits small;
    small.memory.limit = 4096, small.memory.check_before_update = true;
    Member member(*group, [] { return touch(2 * mebibyte) + ::pause(); });
    for (int i = 0; i < 500 && read_stats(*group).take().memory->usage.value_or(0) < 2 * mebibyte; ++i) ::usleep(10000);
    const auto refused = group->update(small);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("below the present usage") != std::string::npos);
}

TEST_CASE("limits: what cannot be set is an error that names it, and nothing is left") {
    if (!needs_view(View::host)) return;
    const auto layout = Layout::discover().take();
    Limits limits;
    if (!layout.holding("rdma")) {
        limits.rdma = {{"mlx5_0", 1, 1}};
        const auto draft = draft_for(limits, View::host);
        REQUIRE_FALSE(draft);
        CHECK_MESSAGE(draft.error().text().find("controller 'rdma' is not available") != std::string::npos,
                      draft.error().text());
    }
    if (!needs_controller("pids")) return;
    // The second of two values is refused by the kernel: the group that was made goes again.
    auto draft = draft_for({}, View::host).take();
    draft.settings = {{"pids", "pids.max", "3", Missing::is_error, {}, {}},
                      {"pids", "pids.max", "-7", Missing::is_error, {}, {}}};
    const auto group = Group::create(draft);
    REQUIRE_FALSE(group);
    CHECK_MESSAGE(group.error().text().find("pids: cannot set pids.max to '-7'") != std::string::npos,
                  group.error().text());
    CHECK(existing_directories(draft) == 0);
    draft.settings = {{"pids", "pids.nothing", "3", Missing::is_error, {}, {}}};
    const auto missing = Group::create(draft);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().text().find("pids.nothing") != std::string::npos);
    CHECK(existing_directories(draft) == 0);
    TestGroup cleans_up;
}

TEST_CASE("limits: v2: OOM group, unified keys, controllers on the way, a group with processes above") {
    if (!needs_controller("memory", View::v2)) return;
    Limits limits;
    limits.memory.limit = 16 * mebibyte, limits.memory.swap = 0, limits.memory.oom_group = true;
    limits.unified = {{"memory.high", "max"}, {"cgroup.max.depth", "3"}, {"pids.max", "50"}};
    TestGroup group(limits);
    REQUIRE_MESSAGE(group.made(), group.error());
    CHECK(read_of(group, "memory", "memory.oom.group") == "1");
    CHECK(read_of(group, "memory", "cgroup.max.depth") == "3");
    Member bystander(*group, [] { return ::pause(); });
    CHECK(Member(*group, [] { return touch(64 * mebibyte); }).wait() == 128 + SIGKILL);
    CHECK(bystander.wait() == 128 + SIGKILL);

    // A group with processes of its own can limit none below it.
    TestGroup parent;
    Member member(*parent, [] { return ::pause(); });
    REQUIRE(parent->processes().take() == std::vector<pid_t>{member.pid()});
    auto draft = draft_for(limits, View::host).take();
    const std::string mount = draft.layout.hierarchies[0].mount_point;
    draft.components = path_components(parent->paths()[0].directory.substr(mount.size()) + "/below").take();
    const auto refused = Group::create(draft);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == EBUSY);
    CHECK_MESSAGE(refused.error().text().find("subtree_control") != std::string::npos, refused.error().text());
    CHECK(existing_directories(draft) == 0);
}

// Limits as files, for v2, v1 and where a controller is missing.
#include "cgroup/settings.h"

#include <doctest/doctest.h>

#include "base/text.h"

using namespace casemate;
using namespace casemate::cgroup;

namespace {

const Layout v2{{{Version::v2, "/sys/fs/cgroup", {"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"}}}};
const Layout v1{{{Version::v1, "/c/memory", {"memory"}},
                 {Version::v1, "/c/cpu", {"cpu", "cpuacct"}},
                 {Version::v1, "/c/cpuset", {"cpuset"}},
                 {Version::v1, "/c/blkio", {"blkio"}},
                 {Version::v1, "/c/pids", {"pids"}},
                 {Version::v1, "/c/hugetlb", {"hugetlb"}},
                 {Version::v1, "/c/net", {"net_cls", "net_prio"}}}};
const Layout bare{{{Version::v2, "/sys/fs/cgroup", {}}}};

// "memory.max=1 memory.swap.max=2"
std::string written(const Limits& limits, const Layout& layout) {
    const auto settings = settings_for(limits, layout);
    if (!settings) return concat("! ", settings.error().text());
    std::string text;
    for (const Setting& setting : settings.value())
        text += concat(text.empty() ? "" : "; ", setting.file, "=", setting.value);
    return text;
}

Limits with(void (*change)(Limits&)) {
    Limits limits;
    change(limits);
    return limits;
}

bool refused(const Limits& limits, const Layout& layout, std::string_view part) {
    const std::string text = written(limits, layout);
    return text.starts_with("!") && text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("settings: nothing asked for writes nothing, with or without controllers") {
    CHECK(written({}, v2).empty());
    CHECK(written({}, bare).empty());
    CHECK(Limits{}.empty());
    CHECK_FALSE(with([](Limits& l) { l.pids = 0; }).empty());
    CHECK_FALSE(with([](Limits& l) { l.devices.emplace(); }).empty());
}

TEST_CASE("settings: memory") {
    const Limits limits =
        with([](Limits& l) { l.memory.limit = 1000, l.memory.swap = 500, l.memory.reservation = 100; });
    CHECK(written(limits, v2) == "memory.max=1000; memory.swap.max=500; memory.low=100");
    CHECK(written(limits, v1) ==
          "memory.limit_in_bytes=1000; memory.memsw.limit_in_bytes=1500; memory.soft_limit_in_bytes=100");
    const Limits open = with([](Limits& l) { l.memory.limit = -1, l.memory.swap = -1; });
    CHECK(written(open, v2) == "memory.max=max; memory.swap.max=max");
    CHECK(written(open, v1) == "memory.limit_in_bytes=-1; memory.memsw.limit_in_bytes=-1");
    CHECK(refused(with([](Limits& l) { l.memory.swap = 5; }), v1, "takes one on memory"));
    CHECK(refused(with([](Limits& l) { l.memory.limit = INT64_MAX, l.memory.swap = 5; }), v1, "63 bits"));
    CHECK(written(with([](Limits& l) { l.memory.oom_group = true; }), v2) == "memory.oom.group=1");
}

TEST_CASE("settings: TCP's memory") {
    const Limits same = with([](Limits& l) { l.memory.limit = 4096, l.memory.kernel_tcp = 4096; });
    CHECK(written(same, v1) == "memory.limit_in_bytes=4096; memory.kmem.tcp.limit_in_bytes=4096");
    CHECK(written(same, v2) == "memory.max=4096");
    CHECK(written(with([](Limits& l) { l.memory.kernel_tcp = 5; }), v1) == "memory.kmem.tcp.limit_in_bytes=5");
    CHECK(written(with([](Limits& l) { l.memory.kernel_tcp = -1; }), v1) == "memory.kmem.tcp.limit_in_bytes=-1");
    CHECK(written(with([](Limits& l) { l.memory.kernel_tcp = -1; }), v2) == "");
}

TEST_CASE("settings: memory and swap together become swap alone") {
    CHECK(swap_alone(100, 300).value() == 200);
    CHECK(swap_alone(100, 100).value() == 0);
    CHECK(swap_alone({}, -1).value() == unlimited);
    CHECK(swap_alone(-1, -1).value() == unlimited);
    CHECK_FALSE(swap_alone({}, 300));
    CHECK_FALSE(swap_alone(-1, 300));
    CHECK_FALSE(swap_alone(300, 100));
}

TEST_CASE("settings: what a version lacks is refused by name") {
    CHECK(refused(with([](Limits& l) { l.memory.swappiness = 10; }), v2, "swappiness is not offered by cgroup v2"));
    CHECK(refused(with([](Limits& l) { l.memory.disable_oom_killer = true; }), v2, "OOM killer"));
    CHECK(refused(with([](Limits& l) { l.memory.oom_group = true; }), v1, "not offered by cgroup v1"));
    CHECK(refused(with([](Limits& l) { l.memory.kernel_tcp = 10; }), v2, "TCP's memory that is tighter than the memory limit is not offered by cgroup v2"));
    CHECK(refused(with([](Limits& l) { l.memory.limit = 11, l.memory.kernel_tcp = 10; }), v2, "TCP's memory"));
    CHECK(refused(with([](Limits& l) { l.cpu.realtime_runtime = 10; }), v2, "realtime"));
    CHECK(refused(with([](Limits& l) { l.unified = {{"memory.high", "1"}}; }), v1, "memory.high"));
    CHECK(refused(with([](Limits& l) { l.net_class = 1; }), v2, "net_cls"));
    CHECK(refused(with([](Limits& l) { l.rdma = {{"mlx5", 1, 2}}; }), v1, "rdma"));
}

TEST_CASE("settings: a missing controller is named") {
    CHECK(refused(with([](Limits& l) { l.memory.limit = 1; }), bare, "controller 'memory' is not available"));
    CHECK(refused(with([](Limits& l) { l.cpu.quota = 1; }), bare, "'cpu'"));
    CHECK(refused(with([](Limits& l) { l.cpu.cpus = "0"; }), bare, "'cpuset'"));
    CHECK(refused(with([](Limits& l) { l.pids = 1; }), bare, "'pids'"));
    CHECK(refused(with([](Limits& l) { l.io.weight = 100; }), bare, "'blkio'"));
    CHECK(refused(with([](Limits& l) { l.hugetlb = {{"2MB", 0}}; }), bare, "'hugetlb'"));
    CHECK(refused(with([](Limits& l) { l.unified = {{"misc.max", "x"}}; }), v2, "'misc'"));
}

TEST_CASE("settings: cpu") {
    const Limits limits =
        with([](Limits& l) { l.cpu.shares = 512, l.cpu.quota = 5000, l.cpu.period = 10000, l.cpu.burst = 100; });
    CHECK(written(limits, v2) == "cpu.weight=59; cpu.max=5000 10000; cpu.max.burst=100");
    CHECK(written(limits, v1) ==
          "cpu.shares=512; cpu.cfs_period_us=10000; cpu.cfs_quota_us=5000; cpu.cfs_burst_us=100");
    CHECK(written(with([](Limits& l) { l.cpu.quota = -1; }), v2) == "cpu.max=max");
    CHECK(written(with([](Limits& l) { l.cpu.quota = -1; }), v1) == "cpu.cfs_quota_us=-1");
    CHECK(written(with([](Limits& l) { l.cpu.idle = 1, l.cpu.shares = 100; }), v2) == "cpu.idle=1");
    CHECK(written(with([](Limits& l) { l.cpu.shares = 0; }), v2).empty());
    CHECK(refused(with([](Limits& l) { l.cpu.quota = 0; }), v2, "quota of 0"));
    CHECK(written(with([](Limits& l) { l.cpu.cpus = "0-1", l.cpu.mems = "0"; }), v2) ==
          "cpuset.cpus=0-1; cpuset.mems=0");
    CHECK(refused(with([](Limits& l) { l.cpu.cpus = "0-4294967295"; }), v2, "cpus: list"));
}

TEST_CASE("settings: shares become a weight that keeps the defaults equal") {
    CHECK(weight_of_shares(2) == 1);
    CHECK(weight_of_shares(1024) == 100);
    CHECK(weight_of_shares(262144) == 10000);
    CHECK(weight_of_shares(999999) == 10000);
    for (uint64_t shares = 3; shares < 262144; shares += 97)
        REQUIRE(weight_of_shares(shares) >= weight_of_shares(shares - 1));
    CHECK(weight_of_blkio(10) == 1);
    CHECK(weight_of_blkio(1000) == 10000);
}

TEST_CASE("settings: block I/O, huge pages, pids, network, RDMA, unified") {
    const Limits io = with([](Limits& l) {
        l.io.read_bps = {{{8, 0}, 100}}, l.io.write_iops = {{{8, 16}, 7}, {{8, 0}, 0}};
    });
    CHECK(written(io, v2) == "io.max=8:0 rbps=100; io.max=8:16 wiops=7; io.max=8:0 wiops=max");
    CHECK(written(io, v1) ==
          "blkio.throttle.read_bps_device=8:0 100; blkio.throttle.write_iops_device=8:16 7; "
          "blkio.throttle.write_iops_device=8:0 0");
    const auto weight = settings_for(with([](Limits& l) { l.io.weight = 500; }), v2).take();
    REQUIRE(weight.size() == 1);
    CHECK(weight[0] == Setting{"io", "io.bfq.weight", "500", Missing::is_alternative, "io.weight", "4950"});
    CHECK(refused(with([](Limits& l) { l.io.weight = 9; }), v2, "weight"));
    CHECK(refused(with([](Limits& l) { l.io.weight_devices = {{{8, 0}, 1001}}; }), v2, "weight"));
    CHECK(written(with([](Limits& l) {
                      l.hugetlb = {{"2MB", 4096}};
                  }),
                  v2) == "hugetlb.2MB.max=4096; hugetlb.2MB.rsvd.max=4096");
    CHECK(written(with([](Limits& l) {
                      l.hugetlb = {{"1GB", 1}};
                  }),
                  v1) == "hugetlb.1GB.limit_in_bytes=1; hugetlb.1GB.rsvd.limit_in_bytes=1");
    for (const std::string size : {"", "MB", "2", "2MB/../x", "2mb"}) {
        Limits limits;
        limits.hugetlb = {{size, 1}};
        CHECK(refused(limits, v2, "page size"));
    }
    CHECK(written(with([](Limits& l) { l.pids = 0; }), v2) == "pids.max=0");
    CHECK(written(with([](Limits& l) { l.pids = -1; }), v1) == "pids.max=max");
    CHECK(written(with([](Limits& l) {
                      l.net_class = 7, l.net_priorities = {{"eth0", 5}};
                  }),
                  v1) == "net_cls.classid=7; net_prio.ifpriomap=eth0 5");
    CHECK(refused(with([](Limits& l) { l.net_priorities = {{"eth 0", 5}}; }), v1, "interface"));
    CHECK(written(with([](Limits& l) { l.rdma = {{"mlx5_1", 3, {}}}; }), v2) == "rdma.max=mlx5_1 hca_handle=3");
    CHECK(written(with([](Limits& l) {
                      l.unified = {{"memory.high", "12"}, {"cgroup.max.depth", "2"}};
                  }),
                  v2) == "memory.high=12; cgroup.max.depth=2");
    CHECK(refused(with([](Limits& l) { l.unified = {{"cgroup.kill", "1"}}; }), v2, "cgroup.kill"));
}

// Which hierarchy holds what, from mount tables of three kinds of host.
#include "cgroup/layout.h"

#include <doctest/doctest.h>

using namespace casemate;
using cgroup::Kind;
using cgroup::Layout;
using cgroup::Version;

namespace {

constexpr const char* hybrid = R"(24 1 0:22 / /sys rw,nosuid shared:2 - sysfs sysfs rw
30 24 0:26 / /sys/fs/cgroup rw shared:5 - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw shared:6 - cgroup2 cgroup2 rw,nsdelegate
32 30 0:28 / /sys/fs/cgroup/systemd rw shared:7 - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd
33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:8 - cgroup cgroup rw,seclabel,cpu,cpuacct
34 30 0:30 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory
)";

}  // namespace

TEST_CASE("layout: a hybrid host") {
    const Layout layout = Layout::parse(hybrid).take();
    CHECK(layout.kind() == Kind::hybrid);
    REQUIRE(layout.hierarchies.size() == 4);
    CHECK(layout.hierarchies[1].controllers == std::vector<std::string>{"name=systemd"});
    CHECK(layout.hierarchies[2].controllers == std::vector<std::string>{"cpu", "cpuacct"});
    CHECK(layout.version_of("cpuacct") == Version::v1);
    CHECK(layout.holding("memory")->mount_point == "/sys/fs/cgroup/memory");
    CHECK_FALSE(layout.version_of("pids"));
}

TEST_CASE("layout: none, v1 alone, v2 alone") {
    CHECK(Layout::parse("").take().kind() == Kind::none);
    CHECK(Layout::parse("34 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n").take().kind() == Kind::v1);
    CHECK(Layout::parse("34 30 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n").take().kind() == Kind::v2);
}

TEST_CASE("layout: the mount of a hierarchy's root counts, not one of a part of it") {
    const Layout layout = Layout::parse(
                              "33 30 0:30 /part /elsewhere rw - cgroup cgroup rw,memory\n"
                              "34 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                              "35 30 0:30 / /later rw - cgroup cgroup rw,memory\n")
                              .take();
    REQUIRE(layout.hierarchies.size() == 1);
    CHECK(layout.hierarchies[0].mount_point == "/sys/fs/cgroup/memory");
}

TEST_CASE("layout: the own v2 group") {
    CHECK(cgroup::own_unified_path("9:name=systemd:/\n0::/user.slice/a.scope\n") == "/user.slice/a.scope");
    CHECK_FALSE(cgroup::own_unified_path("9:name=systemd:/\n1:cpu:/x\n"));
    CHECK_FALSE(cgroup::own_unified_path(""));
}

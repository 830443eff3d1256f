// A group before it is made: pure, for hosts of any layout.
#include "cgroup/draft.h"

#include <doctest/doctest.h>

using namespace casemate;
using namespace casemate::cgroup;

namespace {

Layout both() {
    Layout layout;
    layout.hierarchies = {{Version::v1, "/sys/fs/cgroup/pids", {"pids"}}, {Version::v2, "/sys/fs/cgroup/unified", {"hugetlb"}}};
    return layout;
}

Limits seven_processes() {
    Limits limits;
    limits.pids = 7;
    return limits;
}

}  // namespace

TEST_CASE("draft: one directory in every hierarchy, named before anything is made") {
    const auto draft = prepare({"web", "", IfNone::fail_if_limited, seven_processes()}, both());
    REQUIRE(draft);
    const std::vector<Path> paths = draft.value().paths();
    REQUIRE(paths.size() == 2);
    CHECK(paths[0] == Path{"pids", "/sys/fs/cgroup/pids/casemate/web", 0});
    CHECK(paths[1] == Path{"", "/sys/fs/cgroup/unified/casemate/web", 0});
    REQUIRE(draft.value().settings.size() == 1);
    CHECK(draft.value().settings[0].file == "pids.max");
    const auto named = prepare({"web", "/pod/one", IfNone::fail_if_limited, {}}, both());
    CHECK(named.value().paths()[0].directory == "/sys/fs/cgroup/pids/pod/one");
}

TEST_CASE("draft: a limit whose controller is missing is an error, before any side effect") {
    Limits limits;
    limits.memory.limit = 4096;
    const auto draft = prepare({"web", "", IfNone::accept, limits}, both());
    REQUIRE_FALSE(draft);
    CHECK(draft.error().text().find("cgroup controller 'memory' is not available") != std::string::npos);
}

TEST_CASE("draft: no hierarchy is accepted, refused, or refused where limits are asked for") {
    CHECK(prepare({"web", "", IfNone::accept, seven_processes()}, Layout()));
    CHECK(prepare({"web", "", IfNone::fail_if_limited, {}}, Layout()));
    CHECK_FALSE(prepare({"web", "", IfNone::fail_if_limited, seven_processes()}, Layout()));
    CHECK_FALSE(prepare({"web", "", IfNone::fail, {}}, Layout()));
    CHECK(prepare({"web", "", IfNone::accept, {}}, Layout()).value().paths().empty());
}

TEST_CASE("draft: ids and paths that leave the hierarchy are refused") {
    CHECK_FALSE(prepare({"..", "", IfNone::accept, {}}, both()));
    CHECK_FALSE(prepare({"a/b", "", IfNone::accept, {}}, both()));
    CHECK_FALSE(prepare({"web", "/a/../../b", IfNone::accept, {}}, both()));
}

TEST_CASE("layout: a hierarchy that is mounted read-only gives us nothing") {
    const auto layout = Layout::parse("34 30 0:30 / /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n"
                                      "35 30 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n");
    REQUIRE(layout);
    CHECK_FALSE(layout.value().holding("memory"));
    CHECK(layout.value().holding("pids"));
}

TEST_CASE("device rules: their text is the v1 controller's") {
    CHECK(device_rule_text({true, 'c', 1, 3, access::all}) == "c 1:3 rwm");
    CHECK(device_rule_text({false, 'b', 8, {}, access::read}) == "b 8:* r");
}

// The control group of a plan: config.json's resources and the profile's limits as limits for a given host.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.h"
#include "plan/expected.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

Input with_resources(const std::string& members) {
    Input input;
    input.config = with_linux(concat(R"("cgroupsPath": "/pod/one", "resources": {)", members, "}"));
    return input;
}

HostFacts hybrid() {
    HostFacts facts = root_facts();
    using cgroup::Version;
    facts.cgroups.hierarchies = {{Version::v1, "/sys/fs/cgroup/cpu", {"cpu"}},
                                 {Version::v1, "/sys/fs/cgroup/memory", {"memory"}},
                                 {Version::v1, "/sys/fs/cgroup/pids", {"pids"}},
                                 {Version::v1, "/sys/fs/cgroup/devices", {"devices"}},
                                 {Version::v2, "/sys/fs/cgroup/unified", {}}};
    return facts;
}

HostFacts no_cgroups(HostFacts facts = root_facts()) {
    facts.cgroups.hierarchies.clear();
    return facts;
}

const cgroup::Limits& limits_in(const Plan& plan) { return plan.cgroup().draft.request.limits; }

// What is written where: "pids.max=7".
bool writes(const Plan& plan, std::string_view file, std::string_view value) {
    for (const cgroup::Setting& setting : plan.cgroup().draft.settings)
        if (setting.file == file && setting.value == value) return true;
    return false;
}

// What verify says of a v1 file that reads TEXT, under a container with these resources.
Verdict verdict_on(const char* members, std::string_view file, const char* text) {
    Input input = with_resources(members);
    input.facts = hybrid();
    const Expected expected = expected_of(compiled(input), 0);
    Observed seen;
    for (const auto& [path, value] : expected.cgroup_limits) seen.cgroup_limits[path] = path.ends_with(file) ? text : value;
    const auto checks = compare(expected, seen, Viewpoint::outside);
    return std::ranges::find(checks, concat("cgroup.", file), &Check::what)->verdict;
}

}  // namespace

TEST_CASE("cgroup: config.json's resources become the files of this host") {
    const std::string asked = R"("memory": {"limit": 67108864, "swap": 100663296}, "cpu": {"quota": 20000, "period": 50000}, "pids": {"limit": 7})";
    const Plan v2 = compiled(with_resources(asked));
    CHECK(writes(v2, "memory.max", "67108864"));
    CHECK(writes(v2, "memory.swap.max", "33554432"));  // config.json's swap counts memory too
    CHECK(writes(v2, "cpu.max", "20000 50000"));
    CHECK(writes(v2, "pids.max", "7"));
    REQUIRE(v2.cgroup().paths().size() == 1);
    CHECK(v2.cgroup().paths()[0].directory == "/sys/fs/cgroup/pod/one");
    Input input = with_resources(asked);
    input.facts = hybrid();
    const Plan v1 = compiled(input);
    CHECK(writes(v1, "memory.limit_in_bytes", "67108864"));
    CHECK(writes(v1, "memory.memsw.limit_in_bytes", "100663296"));
    CHECK(writes(v1, "cpu.cfs_quota_us", "20000"));
    CHECK(v1.cgroup().paths().size() == 5);
}

TEST_CASE("cgroup: a container that names none has one of its own") {
    Input input;
    input.request.id = "web-1";
    CHECK(compiled(input).cgroup().paths().at(0).directory == "/sys/fs/cgroup/casemate/web-1");
    input.request.no_cgroup = true;
    CHECK(compiled(input).cgroup().none);
    input = with_resources(R"("pids": {"limit": 7})");
    input.request.no_cgroup = true;
    CHECK(refusal(input) == "limits are asked for, and cgroups are disabled");
}

TEST_CASE("cgroup: 0 asks for nothing, but of processes") {
    const Plan plan = compiled(with_resources(R"("memory": {"limit": 0, "swap": 0}, "cpu": {"quota": 0, "shares": 0}, "pids": {"limit": 0})"));
    CHECK(limits_in(plan).memory == cgroup::MemoryLimits());
    CHECK(limits_in(plan).cpu == cgroup::CpuLimits());
    CHECK(limits_in(plan).pids == 0);
    Input older = with_resources(R"("pids": {"limit": 0})");  // podman 4: --pids-limit -1
    older.config.oci_version = "1.0.2-dev";
    CHECK_FALSE(limits_in(compiled(older)).pids.has_value());
}

TEST_CASE("cgroup: what kernels no longer have is refused by name") {
    CHECK(refusal(with_resources(R"("memory": {"kernel": 1})")) ==
          "config.json: $.linux.resources.memory.kernel: refused: limits on kernel memory alone are gone since Linux 5.16");
    CHECK(contains(refusal(with_resources(R"("memory": {"limit": 4096, "kernel": 4095})")), "memory.kernel: refused"));
    CHECK(contains(refusal(with_resources(R"("memory": {"limit": -1, "kernel": 4096})")), "memory.kernel: refused"));
    // Kernel memory is part of what the limit counts.
    CHECK(limits_in(compiled(with_resources(R"("memory": {"limit": 4096, "kernel": 4096})"))).memory.limit == 4096);
    CHECK(contains(refusal(with_resources(R"("memory": {"useHierarchy": false})")), "memory.useHierarchy: refused"));
    CHECK(contains(refusal(with_resources(R"("blockIO": {"leafWeight": 10})")), "blockIO.leafWeight: refused"));
    CHECK(contains(refusal(with_resources(R"("blockIO": {"weightDevice": [{"major": 8, "minor": 0, "leafWeight": 10}]})")),
                   "leafWeight: refused"));
    CHECK(refusal(with_resources(R"("memory": {"kernel": -1, "useHierarchy": true})")) == "compiled");
}

TEST_CASE("cgroup: a limit whose controller this host lacks is an error") {
    Input input = with_resources(R"("rdma": {"mlx5_0": {"hcaHandles": 1}})");
    CHECK(contains(refusal(input), "cgroup controller 'rdma' is not available"));
    input = with_resources(R"("pids": {"limit": 7})");
    input.facts = no_cgroups();
    CHECK(contains(refusal(input), "limits are asked for, but there is no cgroup to set them on"));
    input = {};
    input.facts = no_cgroups();
    CHECK(compiled(input).cgroup().none);  // nothing was asked for
}

TEST_CASE("cgroup: the profile's limits, and the stricter of two") {
    const Plan plan = compiled(launching(shipped("hardened")));
    CHECK(limits_in(plan).memory.limit == 1 << 30);
    CHECK(limits_in(plan).memory.swap == 0);
    CHECK(limits_in(plan).memory.oom_group);
    CHECK(limits_in(plan).cpu.quota == 200000);
    CHECK(limits_in(plan).cpu.period == 100000);
    CHECK(limits_in(plan).pids == 512);
    Input both = with_resources(R"("memory": {"limit": 4096}, "cpu": {"quota": 90000, "period": 10000}, "pids": {"limit": 4000})");
    both.profile.limits.memory = 8192, both.profile.limits.cpu_milli = 500, both.profile.limits.pids = 100;
    const Plan tightened = compiled(both);
    CHECK(limits_in(tightened).memory.limit == 4096);
    CHECK(limits_in(tightened).cpu.quota == 5000);
    CHECK(limits_in(tightened).cpu.period == 10000);
    CHECK(limits_in(tightened).pids == 100);
}

TEST_CASE("cgroup: out of memory ends the whole app: the kernel's task on v2, the supervisor's on v1") {
    CHECK_FALSE(compiled(launching(shipped("hardened"))).cgroup().kill_on_oom);
    const Plan v1 = compiled(launching(shipped("hardened"), hybrid()));
    CHECK(v1.cgroup().kill_on_oom);
    CHECK_FALSE(limits_in(v1).memory.oom_group);
    Input engine;
    engine.facts = hybrid();
    engine.profile.limits.oom_group = true;
    CHECK_FALSE(compiled(engine).cgroup().kill_on_oom);
    CHECK(has_note(compiled(engine), "limits.oomGroup"));
}

TEST_CASE("cgroup: without any, launch goes on and says so, unless the profile requires one") {
    const Plan plan = compiled(launching(shipped("hardened"), no_cgroups()));
    CHECK(plan.cgroup().none);
    CHECK(has_note(plan, "no cgroup: limits.memory"));
    CHECK(compiled(launching(shipped("hardened"), user_facts())).cgroup().none == false);  // v2 may be delegated
    HostFacts user = user_facts();
    user.cgroups = hybrid().cgroups;
    CHECK(compiled(launching(shipped("hardened"), user)).cgroup().none);  // v1 never is
    const policy::Profile required = child_of("hardened", R"("limits": {"cgroup": "required"})");
    CHECK(contains(refusal(launching(required, no_cgroups())), "no cgroup hierarchy that this caller may use"));
    CHECK(refusal(launching(required)) == "compiled");
}

TEST_CASE("cgroup: devices are config.json's rules, then the container's own nodes, then the standard ones") {
    Input input;
    input.config = parsed(R"({"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/",
        "args": ["/app"]}, "mounts": [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}], "linux": {"namespaces": [{"type": "mount"}],
        "devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}],
        "resources": {"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "b", "major": 8, "minor": -1, "access": "r"}]}}})");
    const auto rules = limits_in(compiled(input)).devices.value();
    const auto has = [&](const cgroup::DeviceRule& rule) { return std::find(rules.begin(), rules.end(), rule) != rules.end(); };
    CHECK(rules.at(0) == cgroup::DeviceRule{false, 'a', {}, {}, cgroup::access::all});
    CHECK(rules.at(1) == cgroup::DeviceRule{true, 'b', 8, {}, cgroup::access::read});
    CHECK(has({true, 'c', 10, 229, cgroup::access::all}));
    CHECK(has({true, 'c', 1, 3, cgroup::access::all}));
    input.config.linux_.resources->devices.push_back({true, "c", 10, 229, "r"});  // --device /dev/fuse:/dev/fuse:r
    const auto narrow = limits_in(compiled(input)).devices.value();
    CHECK(std::find(narrow.begin(), narrow.end(), cgroup::DeviceRule{true, 'c', 10, 229, cgroup::access::read}) != narrow.end());
    CHECK(std::find(narrow.begin(), narrow.end(), cgroup::DeviceRule{true, 'c', 10, 229, cgroup::access::all}) == narrow.end());
    CHECK(limits_in(compiled({})).devices.has_value());  // also where nobody asked
    input.facts.nested = true;
    CHECK_FALSE(limits_in(compiled(input)).devices.has_value());
    Input rootless = launching(shipped("hardened"), user_facts());
    CHECK_FALSE(limits_in(compiled(rootless)).devices.has_value());
}

TEST_CASE("devices: a node that a bind mount covers is not made") {
    Input input;
    input.config = parsed(R"({"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/",
        "args": ["/app"]}, "mounts": [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
        {"destination": "/dev/null", "type": "bind", "source": "/dev/null", "options": ["bind"]}], "linux": {"namespaces": [{"type": "mount"}]}})");
    const Plan plan = compiled(input);  // as podman --privileged binds every node without root
    CHECK(std::ranges::none_of(plan.mounts().devices, [](const DeviceNode& node) { return node.path == "/dev/null"; }));
    CHECK(std::ranges::any_of(plan.mounts().devices, [](const DeviceNode& node) { return node.path == "/dev/zero"; }));
}

TEST_CASE("cgroup: verify reads memory.oom_control's first line") {
    const char* members = R"("memory": {"disableOOMKiller": true})";
    CHECK(verdict_on(members, "memory.oom_control", "oom_kill_disable 1\nunder_oom 0\noom_kill 0") == Verdict::ok);
    CHECK(verdict_on(members, "memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill 1") == Verdict::different);
    CHECK(verdict_on(members, "memory.oom_control", "") == Verdict::different);
}

TEST_CASE("cgroup: verify takes bytes by pages, and nothing else") {
    const char* members = R"("memory": {"limit": 8193}, "pids": {"limit": 33})";
    CHECK(verdict_on(members, "memory.limit_in_bytes", "8192") == Verdict::ok);
    CHECK(verdict_on(members, "memory.limit_in_bytes", "12288") == Verdict::different);
    CHECK(verdict_on(members, "pids.max", "33") == Verdict::ok);
    CHECK(verdict_on(members, "pids.max", "0") == Verdict::different);
}

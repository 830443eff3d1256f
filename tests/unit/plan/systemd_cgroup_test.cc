// --systemd-cgroup in the plan: which scope, whose systemd, and what is refused before anything is touched.
#include "unit/plan/compiling.h"

namespace casemate::plan::test {
namespace {

Input under_systemd(const std::string& cgroups_path, const HostFacts& facts = root_facts()) {
    Input input{.facts = facts};
    input.config.linux_.cgroups_path = cgroups_path;
    input.facts.systemd = true;
    input.facts.host_uid = facts.euid;
    input.facts.cgroups.hierarchies = {{cgroup::Version::v2, "/sys/fs/cgroup", {"cpu", "cpuset", "io", "memory", "pids"}}};
    input.request.id = "web";
    input.request.systemd_cgroup = true;
    input.request.systemd_program = "/usr/libexec/casemate/casemate-systemd-cgroup";
    return input;
}

TEST_CASE("systemd cgroup: the scope's directory is the container's group, and the journal knows the unit") {
    const Plan plan = compiled(under_systemd("machine.slice:libpod:ab"));
    REQUIRE(plan.cgroup().paths().size() == 1);
    CHECK(plan.cgroup().paths()[0].directory == "/sys/fs/cgroup/machine.slice/libpod-ab.scope");
    CHECK(plan.cgroup().paths()[0].unit == "libpod-ab.scope");
    CHECK(plan.cgroup().draft.request.scope->manager == cgroup::Manager::system);
}

TEST_CASE("systemd cgroup: without root it is the user's own systemd, by the uid that the host knows") {
    Input input = under_systemd("", user_facts());
    input.config.linux_.namespaces.push_back({"user", ""});
    input.config.linux_.uid_mappings = input.config.linux_.gid_mappings = {{0, 1000, 1}};
    CHECK(compiled(input).cgroup().paths()[0].directory ==
          "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/casemate-web.scope");
    input.facts.host_uid = 1234;  // inside podman's user namespace
    CHECK(contains(compiled(input).cgroup().paths()[0].directory, "/user@1234.service/"));
}

TEST_CASE("systemd cgroup: refused where systemd is not PID 1, with a remedy") {
    Input input = under_systemd("machine.slice:libpod:ab");
    input.facts.systemd = false;
    CHECK(contains(refusal(input), "systemd is not PID 1"));
    CHECK(contains(hint_of(input), "--cgroup-manager=cgroupfs"));
    input.request.systemd_cgroup = false;
    CHECK(compiled(input).cgroup().paths()[0].unit.empty());
}

TEST_CASE("systemd cgroup: a path of the other driver and a property that limits are refused") {
    CHECK(contains(refusal(under_systemd("/machine/web")), "slice:prefix:name"));
    Input input = under_systemd("");
    input.config.annotations["org.systemd.property.MemoryMax"] = "uint64 1";
    CHECK(contains(refusal(input), "org.systemd.property.MemoryMax"));
    input.request.systemd_cgroup = false;  // nobody reads it then
    input.config.linux_.cgroups_path.clear();
    CHECK(compiled(input).cgroup().draft.request.properties.empty());
}

}  // namespace
}  // namespace casemate::plan::test

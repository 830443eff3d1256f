// The plan of one more process in a running container: the container's namespaces, all of them by path, and of the rest only
// what concerns the process.
#include "base/text.h"
#include "plan/expected.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

// As runtime/exec.cc makes it of what was stored.
Input exec_into(Input input) {
    uint64_t inode = 100;
    std::vector<oci::Namespace> by_path;
    const Plan first = compiled(input);
    for (const oci::Namespace& own : input.config.linux_.namespaces) {
        NamespaceFact fact;
        fact.type = own.type;
        fact.path = "/proc/9/ns/" + own.type;
        fact.inode = ++inode;
        if (own.type == "user") fact.uid_map = first.ids().uid_map, fact.gid_map = first.ids().gid_map;
        input.request.namespaces.push_back(fact);
        by_path.push_back({own.type, fact.path});
    }
    input.config.linux_.namespaces = by_path;
    input.config.linux_.uid_mappings.clear();
    input.config.linux_.gid_mappings.clear();
    input.request.exec = true;
    input.request.id_base = 0;
    return input;
}

}  // namespace

TEST_CASE("exec: the same confinement as the first process, nothing of the container made again") {
    for (const char* name : {"hardened", "strict", "web"}) {
        CAPTURE(name);
        const Input input = launching(shipped(name));
        const Plan first = compiled(input), plan = compiled(exec_into(input));
        CHECK(plan.exec());
        CHECK(plan.namespaces().clone_flags == 0);
        CHECK(plan.namespaces().joined.size() == input.config.linux_.namespaces.size());
        CHECK_FALSE(plan.namespaces().loopback_up);
        CHECK_FALSE(plan.namespaces().new_time);
        CHECK_FALSE(plan.namespaces().restrict_user_namespaces);
        CHECK_FALSE(plan.process().own_init);
        CHECK_FALSE(plan.process().parent_death_signal);
        CHECK_FALSE(plan.process().runtime_max_ms.has_value());
        CHECK(plan.ids().uid_map == first.ids().uid_map);
        CHECK(plan.ids().uid == first.ids().uid);
        CHECK(plan.ids().mode == first.ids().mode);
        CHECK(plan.capabilities().bounding == first.capabilities().bounding);
        CHECK(plan.capabilities().drop == first.capabilities().drop);
        CHECK(plan.capabilities().no_new_privs);
        CHECK(plan.capabilities().securebits == first.capabilities().securebits);
        CHECK_FALSE(plan.seccomp().program.empty());
        CHECK(plan.landlock().enabled == first.landlock().enabled);
        CHECK(plan.landlock().rules.size() == first.landlock().rules.size());
        CHECK(plan.process().mdwe == first.process().mdwe);
        const Expected expected = expected_of(plan, 0);
        CHECK(expected.mounts.empty());
        CHECK(expected.sysctls.empty());
        CHECK(expected.own_namespaces.empty());
        CHECK(expected.joined_namespaces.size() == input.config.linux_.namespaces.size());
        CHECK(expected.seccomp_program.has_value());
    }
}

TEST_CASE("exec: what the profile refuses the first process, it refuses every other") {
    Input input = exec_into(launching(shipped("hardened")));
    input.config.process->user.uid = 0;
    CHECK(contains(refusal(input), "uid 0 is refused"));
    input = exec_into(launching(shipped("hardened")));
    input.config.process->capabilities = oci::Capabilities{};
    input.config.process->capabilities->bounding = input.config.process->capabilities->permitted = {"CAP_NET_ADMIN"};
    CHECK(compiled(input).capabilities().bounding == 0);
    input = exec_into(launching(shipped("hardened")));
    input.config.process->env.push_back("AWS_SECRET_ACCESS_KEY=x");
    CHECK(contains(refusal(input), "environment.deny"));
}

TEST_CASE("exec: the container's own filter, whatever the profile would make today") {
    Input input = exec_into(launching(shipped("hardened")));
    const auto today = compiled(input).seccomp().program;
    const std::vector<sock_filter> own{{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    REQUIRE(today.size() > own.size());
    input.request.filter.emplace().program = own;
    CHECK(program_hex(compiled(input).seccomp().program) == program_hex(own));
}

TEST_CASE("exec: CPU lists") {
    CHECK(parse_cpu_list("0").value() == std::vector<unsigned>{0});
    CHECK(parse_cpu_list("0-2, 7").value() == std::vector<unsigned>{0, 1, 2, 7});
    for (const char* wrong : {"", "x", "3-1", "1-", "-1", "1024", "0,,1", "0-2-3"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_cpu_list(wrong));
    }
    Input input = exec_into(Input{});
    input.config.process->exec_cpu_affinity = oci::CpuAffinity{"0-1", "1"};
    CHECK(compiled(input).process().initial_cpus.size() == 2);
    CHECK(compiled(input).process().final_cpus == std::vector<unsigned>{1});
    input.config.process->exec_cpu_affinity->final = "a";
    CHECK(contains(refusal(input), "execCPUAffinity.final: 'a' is no list of CPUs"));
}

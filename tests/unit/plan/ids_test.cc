// Who the app is in each of the three modes, and every map and id that is refused (SECURITY 3.F, I11, I14).
#include "base/text.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

using Maps = std::vector<oci::IdMap>;

Input with_user_namespace(const HostFacts& facts, const Maps& uids = {}, const Maps& gids = {}) {
    Input input;
    input.facts = facts;
    input.config.linux_.namespaces.push_back({"user", ""});
    input.config.linux_.uid_mappings = uids;
    input.config.linux_.gid_mappings = gids;
    return input;
}

}  // namespace

TEST_CASE("ids: root without a user namespace") {
    Input input;
    input.config.process->user = {7, 8, std::nullopt, {20, 5}};
    const IdsPlan ids = compiled(input).ids();
    CHECK(ids.mode == Mode::root);
    CHECK(ids.uid_map.empty());
    CHECK(ids.uid == 7);
    CHECK(ids.gid == 8);
    CHECK(ids.groups == std::vector<uint32_t>{20, 5, 8});  // the primary group is one of them (CVE-2022-36109)
    CHECK(ids.set_groups);
    CHECK_FALSE(ids.deny_setgroups);
    CHECK_FALSE(ids.use_map_helpers);
    input.config.process->user.additional_gids = {8};
    CHECK(compiled(input).ids().groups == std::vector<uint32_t>{8});
}

TEST_CASE("ids: root with a user namespace") {
    const IdsPlan slot = compiled(launching(shipped("hardened"))).ids();
    CHECK(slot.mode == Mode::root_userns);
    CHECK(slot.uid_map == std::vector<IdMapping>{{0, 524288, 65536}});
    CHECK(slot.gid_map == slot.uid_map);
    CHECK(slot.uid == 1001);
    CHECK(slot.owner_uid == 524288);
    CHECK(slot.owner_gid == 524288);
    CHECK(slot.set_groups);

    const Input bundle = with_user_namespace(root_facts(), {{0, 100000, 65536}}, {{0, 200000, 65536}});
    const IdsPlan ids = compiled(bundle).ids();
    CHECK(ids.mode == Mode::root_userns);
    CHECK(ids.owner_uid == 100000);
    CHECK(ids.owner_gid == 200000);
}

TEST_CASE("ids: rootless with a range of ids") {
    const IdsPlan ids = compiled(launching(shipped("hardened"), user_facts())).ids();
    CHECK(ids.mode == Mode::rootless);
    CHECK(ids.uid_map == std::vector<IdMapping>{{0, 1000, 1}, {1, 100000, 65535}});
    CHECK(ids.gid_map == ids.uid_map);
    CHECK(ids.use_map_helpers);
    CHECK(ids.set_groups);
    CHECK_FALSE(ids.deny_setgroups);
}

TEST_CASE("ids: rootless with one id") {
    const IdsPlan ids = compiled(launching(shipped("hardened"), user_facts(false))).ids();
    CHECK(ids.mode == Mode::rootless);
    CHECK(ids.uid_map == std::vector<IdMapping>{{1001, 1000, 1}});
    CHECK(ids.gid_map == std::vector<IdMapping>{{1001, 1000, 1}});
    CHECK(ids.deny_setgroups);  // CVE-2014-8989
    CHECK_FALSE(ids.set_groups);
    CHECK_FALSE(ids.use_map_helpers);
    CHECK(ids.groups == std::vector<uint32_t>{1001});
    // A range that is too small is none.
    HostFacts small = user_facts();
    small.subuid->count = 1000;
    CHECK(compiled(launching(shipped("hardened"), small)).ids().single_id());
}

TEST_CASE("ids: a range for users only is a range for neither") {
    Input input = with_user_namespace(user_facts(), {{0, 1000, 1}}, {{0, 1000, 1}, {1, 100000, 10}});
    const IdsPlan ids = compiled(input).ids();
    CHECK_FALSE(ids.single_id());
    CHECK(ids.use_map_helpers);
}

TEST_CASE("ids: groups that a one-id map keeps are refused, unless waived") {
    HostFacts facts = user_facts(false);
    facts.groups = {27, 998};
    const Input input = launching(shipped("hardened"), facts);
    CHECK(refusal(input) == "the caller is in 2 more groups, which a one-id user namespace cannot drop");
    CHECK(hint_of(input) ==
          "add a range of 65536 ids for this user to /etc/subuid and /etc/subgid, or waive identity.denyRootGroup");
    const policy::Profile waived = child_of(
        "hardened",
        R"("identity": {"denyRootGroup": false}, "waive": [{"what": "identity.denyRootGroup", "because": "no range on this host"}])");
    CHECK(compiled(launching(waived, facts)).ids().single_id());
    facts.subuid = facts.subgid = SubIdRange{100000, 65536};
    CHECK_FALSE(compiled(launching(shipped("hardened"), facts)).ids().single_id());
}

TEST_CASE("ids: no user namespace where one is needed, or none to be had") {
    Input input;
    input.facts = user_facts();
    CHECK(refusal(input) == "without root a user namespace is needed");
    CHECK(hint_of(input) == "run casemate as root, or keep 'user' in namespaces.private");

    HostFacts forbidden = root_facts();
    forbidden.user_namespaces = false;
    forbidden.user_namespaces_why = "user.max_user_namespaces=1024";
    CHECK(refusal(launching(shipped("hardened"), forbidden)) ==
          "user namespaces are forbidden on this host: user.max_user_namespaces=1024");
    CHECK(hint_of(launching(shipped("hardened"), forbidden)) ==
          "set user.max_user_namespaces=1024, or run casemate as root under a profile without 'user' in "
          "namespaces.private");
    forbidden.euid = forbidden.egid = 1000;
    CHECK(refusal(launching(shipped("hardened"), forbidden)) ==
          "user namespaces are forbidden on this host: user.max_user_namespaces=1024");
    Input without;
    without.facts = forbidden;
    without.facts.euid = 0;
    CHECK(refusal(without) == "compiled");
}

TEST_CASE("ids: maps that the kernel refuses, or that would be ignored") {
    struct Row {
        Maps uids, gids;
        const char* text;
    };
    const Maps good{{0, 100000, 65536}};
    const Row rows[] = {
        {{}, {}, "config.json: $.linux.uidMappings: a user namespace needs id maps"},
        {good, {}, "config.json: $.linux.uidMappings: a user namespace needs id maps"},
        {{{1, 100000, 65536}},
         good,
         "config.json: $.linux.uidMappings: a map without id 0 is not applied by this version of casemate"},
        {{{0, 100000, 10}, {5, 200000, 10}}, good, "uidMappings[1]: overlaps range 0"},
        {{{0, 100000, 10}, {10, 100009, 10}}, good, "uidMappings[1]: overlaps range 0"},
        {good, {{0, 100000, 10}, {9, 200000, 1}}, "gidMappings[1]: overlaps range 0"},
        {{{0, 100000, 0}}, good, "uidMappings[0]: empty, or beyond 2^32-2"},
        {{{0, 4294967290, 10}}, good, "uidMappings[0]: empty, or beyond 2^32-2"},
        {{{0, 1, 4294967295}}, good, "uidMappings[0]: empty, or beyond 2^32-2"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(refusal(with_user_namespace(root_facts(), row.uids, row.gids)) == row.text);
    }
    Maps many;
    for (uint32_t i = 0; i <= 340; ++i) many.push_back({i, 100000 + i, 1});
    CHECK(refusal(with_user_namespace(root_facts(), many, good)) == "uidMappings: more than 340 ranges");
    many.pop_back();
    CHECK(refusal(with_user_namespace(root_facts(), many, good)) == "compiled");
    CHECK(refusal(with_user_namespace(root_facts(), {{0, 0, 4294967295}}, {{0, 0, 4294967295}})) == "compiled");
}

TEST_CASE("ids: maps without the namespace that they belong to are refused, not ignored") {
    const Maps good{{0, 100000, 65536}};
    Input input;
    input.config.linux_.uid_mappings = good;
    CHECK(refusal(input) == "config.json: $.linux.uidMappings: needs a user namespace");
    input.config.linux_.uid_mappings.clear();
    input.config.linux_.gid_mappings = good;
    CHECK(refusal(input) == "config.json: $.linux.gidMappings: needs a user namespace");
    CHECK(refusal(with_user_namespace(user_facts(), {}, good)) ==
          "config.json: $.linux.uidMappings: a user namespace needs id maps");
    CHECK(refusal(with_user_namespace(user_facts(), good, {})) ==
          "config.json: $.linux.uidMappings: a user namespace needs id maps");
    Input launched = launching(shipped("hardened"));
    launched.config.linux_.uid_mappings = launched.config.linux_.gid_mappings = good;
    CHECK(refusal(launched) ==
          "config.json: $.linux.uidMappings: the launcher gives this container a range of its own");
}

TEST_CASE("ids: an id that the map does not have") {
    Input input = with_user_namespace(root_facts(), {{0, 100000, 1000}}, {{0, 100000, 1000}});
    input.config.process->user = {1000, 0, std::nullopt, {}};
    CHECK(refusal(input) == "config.json: $.process.user: uid 1000 is not in the user namespace's map");
    input.config.process->user = {999, 1000, std::nullopt, {}};
    CHECK(refusal(input) == "config.json: $.process.user: gid 1000 is not in the user namespace's map");
    input.config.process->user = {999, 999, std::nullopt, {4000}};
    CHECK(refusal(input) == "config.json: $.process.user: gid 4000 is not in the user namespace's map");
    input.config.process->user = {999, 999, std::nullopt, {998}};
    CHECK(refusal(input) == "compiled");
    Input big = launching(shipped("hardened"));
    big.config.process->user.uid = 65536;
    CHECK(refusal(big) == "config.json: $.process.user: uid 65536 is not in the user namespace's map");
}

TEST_CASE("ids: root is refused inside and on the host") {
    Input input;
    input.profile.identity.run_as_non_root = true;
    CHECK(refusal(input) == "uid 0 is refused: identity.runAsNonRoot holds");
    CHECK(hint_of(input) == "set another user with --user, or waive identity.runAsNonRoot");
    input.config.process->user.uid = 5;
    CHECK(refusal(input) == "compiled");
    input.profile.identity.deny_root_group = true;
    CHECK(refusal(input) == "gid 0 is refused: identity.denyRootGroup holds");
    input.config.process->user.gid = 5;
    CHECK(refusal(input) == "compiled");
    input.config.process->user.additional_gids = {6, 0};
    CHECK(refusal(input) == "gid 0 is refused: identity.denyRootGroup holds");

    Input mapped = with_user_namespace(root_facts(), {{0, 0, 65536}}, {{0, 100000, 65536}});
    mapped.config.process->user = {5, 5, std::nullopt, {}};
    CHECK(refusal(mapped) == "compiled");
    mapped.profile.identity.run_as_non_root = true;
    CHECK(refusal(mapped) == "uidMappings: host uid 0 is in the map, and identity.runAsNonRoot holds");
}

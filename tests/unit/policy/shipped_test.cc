// The shipped profiles load and say what the documentation says of them; the schema knows every field and no other.
#include <doctest/doctest.h>

#include <algorithm>

#include "policy/fields.h"
#include "unit/policy/files.h"

namespace casemate::policy {
using namespace test;

namespace {

Profile shipped(const std::string& name) {
    BuiltInReader reader;
    auto profile = load(name, reader);
    REQUIRE_MESSAGE(profile, error_of(profile));
    return std::move(profile).take();
}

// How many calls of this machine the profile allows; its list also has those of the other architectures.
long native_calls(const Profile& profile) {
    return std::ranges::count_if(*profile.seccomp.layers.front().allow, [](const seccomp::Rule& rule) {
        return rule.syscall->on(seccomp::native_arch()) >= 0;
    });
}

// The dotted paths of the schema's leaves: `table` holds those of the loader, where a walk ends.
void collect(const json::Value& schema, const std::string& prefix, std::vector<std::string>& out) {
    const json::Value* const properties = schema.find("properties");
    REQUIRE(properties);
    for (const json::Member& member : properties->members()) {
        const std::string path = concat(prefix, member.key);
        const bool has_fields =
            std::ranges::any_of(fields(), [&](const Field& field) { return field.path.starts_with(path + "."); });
        if (has_fields)
            collect(member.value, path + ".", out);
        else
            out.push_back(path);
    }
}

}  // namespace

TEST_CASE("shipped profiles: each loads from the binary, as its file says") {
    CHECK(built_in_names() == std::vector<std::string_view>{"batch", "hardened", "oci", "strict", "web"});
    for (const std::string_view name : built_in_names()) {
        CHECK(shipped(std::string(name)).name == name);
        CHECK(contents(concat(SOURCE_DIR, "/profiles/", name, ".json")) == built_in_profile(name));
    }
    CHECK(built_in_profile("profile.schema") == nullptr);
}

TEST_CASE("oci says nothing: hardened is the base of the others") {
    const Profile oci = shipped("oci"), hardened = shipped("hardened");
    for (const Field& field : fields()) CHECK_FALSE(field.present(oci));
    CHECK(hardened.capabilities == Strings{});
    CHECK(hardened.no_new_privileges == true);
    CHECK(hardened.limits.memory == 1u << 30);
    CHECK(hardened.limits.cpu_milli == 2000);
    if (seccomp::native_arch() == seccomp::Arch::x86_64) CHECK(native_calls(hardened) == 295);
    CHECK(hardened.waivers.empty());

    const Profile web = shipped("web");
    CHECK(web.network.mode == NetworkMode::sockets);
    CHECK(web.waivers ==
          std::vector{WaiverRecord{"network.mode", "none", "sockets", "a server must be reachable", "web", ""}});
    const Profile batch = shipped("batch");
    CHECK(batch.limits.runtime_max_ms == 3'600'000);
    CHECK(batch.seccomp.socket_families == Strings{"AF_UNIX"});
}

TEST_CASE("strict is hardened, only stricter: merging them changes nothing") {
    const Profile strict = shipped("strict"), merged = merge(strict, restrictions_only(shipped("hardened"))).take();
    if (seccomp::native_arch() == seccomp::Arch::x86_64) CHECK(native_calls(strict) == 192);
    CHECK(strict.filesystem.mounts->empty());
    CHECK(strict.limits.cgroup == CgroupNeed::required);
    for (const Field& field : fields())
        if (!field.in_layer) CHECK_MESSAGE(field.equal(merged, strict), field.path);
}

TEST_CASE("the schema's properties are the field table") {
    const auto document = json::Document::parse(profile_schema());
    REQUIRE(document);
    std::vector<std::string> in_schema;
    collect(document.value().root(), "", in_schema);
    std::vector<std::string> in_table{"schemaVersion", "$schema", "description", "extends", "waive"};
    for (const Field& field : fields()) in_table.emplace_back(field.path);
    std::ranges::sort(in_schema);
    std::ranges::sort(in_table);
    CHECK(in_schema == in_table);
}

}  // namespace casemate::policy

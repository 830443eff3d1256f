// A profile that is kept beside a container reads back to the same value, merged ones included.
#include "policy/stored.h"

#include <doctest/doctest.h>

using namespace casemate;
using namespace casemate::policy;

namespace {

Profile shipped(std::string_view name) {
    BuiltInReader reader;
    auto profile = load(std::string(name), reader);
    REQUIRE_MESSAGE(bool(profile), (profile ? "" : profile.error().text()));
    return std::move(profile).take();
}

void check_round_trip(Profile profile) {
    const auto back = from_documents(profile.name, to_documents(profile));
    REQUIRE_MESSAGE(bool(back), (back ? "" : back.error().text()));
    profile.waivers.clear();
    CHECK(back.value() == profile);
}

}  // namespace

TEST_CASE("stored: every shipped profile") {
    for (const std::string_view name : built_in_names()) {
        INFO(std::string(name));
        check_round_trip(shipped(name));
    }
}

TEST_CASE("stored: a merged profile keeps each layer of its filter") {
    for (const std::string_view a : built_in_names())
        for (const std::string_view b : built_in_names()) {
            INFO(std::string(a), " with ", std::string(b));
            auto merged = merge(shipped(a), shipped(b));
            if (!merged) continue;  // they contradict
            check_round_trip(std::move(merged).take());
            check_round_trip(restrictions_only(shipped(a)));
        }
}

TEST_CASE("stored: a profile that says nothing is what its text resolves to") {
    const auto kept = from_documents("x", to_documents({})), resolved = from_documents("x", {R"({ "schemaVersion" : 1 })"});
    REQUIRE(kept);
    REQUIRE(resolved);
    CHECK(to_documents({}) == std::vector<std::string>{"{\n  \"schemaVersion\": 1\n}"});
    CHECK(kept.value() == resolved.value());
}

TEST_CASE("stored: waived fields stay waived, a broken document is an error") {
    const auto child = refine(shipped("hardened"), {"child", R"({"schemaVersion": 1,
        "waive": [{"what": "filesystem.readonlyRoot", "because": "the app writes there"}], "filesystem": {"readonlyRoot": false}})", "/"});
    REQUIRE_MESSAGE(bool(child), (child ? "" : child.error().text()));
    check_round_trip(child.value());
    CHECK_FALSE(from_documents("x", {}));
    CHECK_FALSE(from_documents("x", {"{}"}));
    CHECK_FALSE(from_documents("x", {R"({"schemaVersion": 1, "unknown": 1})"}));
}

// Every file of the corpus: the good ones load, the bad ones are refused with exactly their text.
#include <doctest/doctest.h>

#include "policy/fields.h"
#include "unit/policy/files.h"

namespace casemate::policy {
using namespace test;

TEST_CASE("corpus: good profiles load") {
    std::vector<std::string> names{"api", "thumbs", "orders-db"};
    for (int i = 1; exists(data(concat("good/g", i, ".json"))); ++i) names.push_back(concat("g", i));
    REQUIRE(names.size() >= 15);
    for (const std::string& name : names) {
        CAPTURE(name);
        const auto profile = load_text(contents(data("good/" + name + ".json")), name + ".json");
        CHECK_MESSAGE(profile, error_of(profile));
    }
}

TEST_CASE("corpus: bad profiles are refused with their exact text") {
    int count = 0;
    for (int i = 1; exists(data(concat("bad/b", i, ".json"))); ++i, ++count) {
        const std::string name = concat("b", i, ".json");
        std::string expected;
        const std::string table = contents(data(concat("bad/b", i, ".error")));
        const auto lines = split(trimmed(table), '\n');
        REQUIRE(lines.size() >= 2);
        for (size_t line = 1; line < lines.size(); ++line)
            expected += concat(line > 1 ? "\n" : "", "profile '", name, "': ", lines[line]);
        CHECK(error_of(load_text(contents(data("bad/" + name)), name)) == expected);
    }
    CHECK(count >= 50);
}

TEST_CASE("g1 is the identity's value, g2 to g10 say what they show") {
    const auto good = [](const std::string& name) { return load_text(contents(data("good/" + name + ".json")), name); };
    BuiltInReader reader;
    const Profile oci = load("oci", reader).take(), hardened = load("hardened", reader).take();

    Profile smallest = good("g1").take();
    smallest.name = oci.name;
    smallest.description = oci.description;
    CHECK(smallest == oci);

    const Profile g2 = good("g2").take();
    CHECK(g2.network.publish == std::vector<Publish>{{"127.0.0.1", 8000, 80}});
    CHECK(g2.limits.memory == 256u << 20);
    CHECK(g2.waivers.size() == 1);  // web's own

    const Profile g3 = good("g3").take();
    CHECK(g3.memory.deny_write_execute == false);
    REQUIRE(g3.waivers.size() == 2);
    CHECK(g3.waivers.back() ==
          WaiverRecord{"memory.denyWriteExecute", "true", "false", "V8 compiles to memory", "g3", ""});

    const Profile g4 = good("g4").take();
    REQUIRE(g4.filesystem.mounts->size() == 3);
    CHECK(g4.filesystem.mounts->front().destination == "/data");
    CHECK(g4.filesystem.mounts->front().source == "/home/me/data");
    CHECK_FALSE(g4.filesystem.mounts->front().readonly);

    const Profile g5 = good("g5").take();
    REQUIRE(g5.filesystem.mounts->size() == 1);
    CHECK(g5.filesystem.mounts->front().destination == "/dev/shm");

    CHECK(good("g8").value().capabilities == Strings{"CAP_CHOWN"});
    const Profile g9 = good("g9").take();
    CHECK(g9.limits.cpu_milli == 500);
    CHECK(g9.limits.runtime_max_ms == 90'000);
    CHECK(g9.limits.rlimits->at("RLIMIT_NOFILE") == RlimitPair{256, 256});
    CHECK(g9.limits.rlimits->at("RLIMIT_FSIZE") == RlimitPair{10 << 20, 10 << 20});
    CHECK(g9.limits.rlimits->at("RLIMIT_NPROC") == hardened.limits.rlimits->at("RLIMIT_NPROC"));
}

TEST_CASE("what is printed reads back to the same") {
    std::map<std::string, std::string> texts;
    for (const std::string_view name : built_in_names()) texts[std::string(name)] = std::string(built_in_profile(name));
    for (int i = 1; exists(data(concat("good/g", i, ".json"))); ++i)
        texts[concat("g", i)] = contents(data(concat("good/g", i, ".json")));
    for (const auto& entry : texts) {
        const std::string &name = entry.first, &text = entry.second;
        CAPTURE(name);
        Profile first = load_text(text, name).take();
        first.waivers.clear();  // `waived` is a report, no member of the language
        auto second = load_text(to_json(first), name);
        REQUIRE_MESSAGE(second, error_of(second));
        CHECK(to_json(second.value()) == to_json(first));
        CHECK(second.value() == first);
    }
}

TEST_CASE("docs/profile.md: its examples load, and it names every field") {
    const std::string page = contents(concat(SOURCE_DIR, "/docs/profile.md"));
    int examples = 0;
    for (size_t at = page.find("```json\n"); at != std::string::npos; at = page.find("```json\n", at + 1), ++examples) {
        const size_t start = at + 8, end = page.find("```", start);
        const auto profile = load_text(page.substr(start, end - start), "example.json");
        CHECK_MESSAGE(profile, error_of(profile));
    }
    CHECK(examples == 3);
    for (const Field& field : fields()) {
        const std::string_view last = field.path.substr(field.path.rfind('.') + 1);
        const bool named = page.find(last) != std::string::npos || field.path.starts_with("limits.rlimits.");
        CHECK_MESSAGE(named, field.path);
    }
}

}  // namespace casemate::policy

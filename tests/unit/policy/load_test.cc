// The loader's limits, chains of ancestors, waivers beyond the corpus, and refining by flags.
#include <doctest/doctest.h>

#include <algorithm>

#include "policy/fields.h"
#include "unit/policy/files.h"

namespace casemate::policy {
using namespace test;

TEST_CASE("limits: size, depth, items, names, control characters") {
    const std::string blanks(257 << 10, ' ');
    CHECK(error_of(load_text("{\"schemaVersion\": 1}" + blanks)) == "profile 'p.json': larger than 262144 bytes");
    std::string deep;
    for (int i = 0; i < 16; ++i) deep += "[";
    CHECK(error_of(load_members("\"capabilities\": " + deep)).find("nested deeper than 16") != std::string::npos);
    std::string many = "\"/a\"";
    for (int i = 0; i < 4096; ++i) many += ",\"/a\"";
    CHECK(error_of(load_members("\"filesystem\": {\"maskedPaths\": [" + many + "]}")) ==
          "profile 'p.json': $.filesystem.maskedPaths: more than 4096 items");
    CHECK(error_of(load_members("\"description\": \"\\u0007\"")) ==
          "profile 'p.json': $.description: a control character in a string");
    const std::string long_name(300, 'x');
    CHECK(error_of(load_members("\"environment\": {\"set\": {\"" + long_name + "\": \"\"}}"))
              .find("is not a variable's name") != std::string::npos);
    CHECK(error_of(load_text("{\"schemaVersion\": 1} {}")).find("profile 'p.json': line 1, column ") == 0);
    CHECK(error_of(load_text("{}")) == "profile 'p.json': $: missing key 'schemaVersion'");
}

TEST_CASE("at most 20 errors of a file are reported") {
    std::string keys;
    for (int i = 0; i < 30; ++i) keys += concat(i ? ", " : "", "\"unknown", i, "\": 0");
    const std::string text = error_of(load_members(keys));
    CHECK(std::ranges::count(text, '\n') == 19);
}

TEST_CASE("ancestors: cycles and depth") {
    Texts reader;
    reader.put("./a.json", R"({"schemaVersion": 1, "extends": "./b.json"})");
    reader.put("./b.json", R"({"schemaVersion": 1, "extends": "./a.json"})");
    CHECK(error_of(load("./a.json", reader)) == "profile './b.json': $.extends: './a.json' is its own ancestor");
    reader.put("./self.json", R"({"schemaVersion": 1, "extends": "./self.json"})");
    CHECK(error_of(load("./self.json", reader)) ==
          "profile './self.json': $.extends: './self.json' is its own ancestor");

    for (int i = 0; i <= 9; ++i)
        reader.put(
            concat("./", i, ".json"),
            i == 0 ? R"({"schemaVersion": 1})" : concat("{\"schemaVersion\": 1, \"extends\": \"./", i - 1, ".json\"}"));
    CHECK(load("./8.json", reader));
    CHECK(error_of(load("./9.json", reader)) == "profile './1.json': $.extends: more than 8 ancestors");
    CHECK(error_of(load("hardend", reader)) == "no profile 'hardend'; did you mean 'hardened'?");
}

TEST_CASE("an ancestor's error names the ancestor") {
    Texts reader;
    reader.put("./a.json", R"({"schemaVersion": 1, "extends": "./b.json"})");
    reader.put("./b.json", R"({"schemaVersion": 1, "noNewPrivileges": 1})");
    CHECK(error_of(load("./a.json", reader)) ==
          "profile './b.json': $.noNewPrivileges: expected true or false, got a number");
}

TEST_CASE("refining: a child's lists") {
    const std::string parent = R"("extends": "hardened", )";
    // Union: added; a waiver replaces.
    const Profile added = load_members(parent + R"("filesystem": {"readonlyPaths": ["/proc/acpi"]})").take();
    CHECK(added.filesystem.readonly_paths->size() == 6);
    const Profile replaced = load_members(parent + R"("filesystem": {"readonlyPaths": ["/proc/acpi"]},
        "waive": [{"what": "filesystem.readonlyPaths", "because": "tests the rest"}])")
                                 .take();
    CHECK(replaced.filesystem.readonly_paths == Strings{"/proc/acpi"});
    CHECK(
        error_of(load_members(
            parent +
            R"("environment": {"deny": ["X*"]}, "waive": [{"what": "environment.deny", "because": "not needed"}])")) ==
        "no error");
    // A superset takes nothing away: the waiver is vain.
    const std::string all =
        R"("namespaces": {"private": ["pid", "mount", "ipc", "uts", "network", "user", "cgroup", "time"]})";
    CHECK(
        error_of(load_members(parent + all + R"(, "waive": [{"what": "namespaces.private", "because": "not needed"}])"))
            .find("the waiver is not needed") != std::string::npos);
    CHECK(load_members(parent + all));
    // Intersection: within the parent's, or waived.
    CHECK(load_members(parent + R"("seccomp": {"socketFamilies": ["AF_UNIX"]})").value().seccomp.socket_families ==
          Strings{"AF_UNIX"});
    CHECK(error_of(load_members(parent + R"("seccomp": {"socketFamilies": ["AF_VSOCK"]})")) ==
          "profile 'p.json': $.seccomp.socketFamilies[0]: 'AF_VSOCK' is not allowed by 'hardened'; name "
          "seccomp.socketFamilies in "
          "'waive' with a reason");
}

TEST_CASE("refining: flags are an anonymous child") {
    BuiltInReader reader;
    const Profile hardened = load("hardened", reader).take();
    const auto flags = [&](const std::string& members) {
        return refine(hardened, {"command line", "{\"schemaVersion\": 1, " + members + "}", "/work"});
    };
    CHECK(flags(R"("limits": {"memory": "64MiB"})").value().limits.memory == 64u << 20);
    CHECK(error_of(flags(R"("limits": {"memory": "2GiB"})")) ==
          "profile 'command line': $.limits.memory: '2GiB' is weaker than 'hardened' ('1GiB'); tighten it, or name it "
          "in 'waive' "
          "with a reason");
    const Profile waived =
        flags(R"("limits": {"memory": "2GiB"}, "waive": [{"what": "limits.memory", "because": "model in memory"}])")
            .take();
    CHECK(waived.limits.memory == 2048u << 20);
    CHECK(waived.waivers ==
          std::vector{WaiverRecord{"limits.memory", "1GiB", "2GiB", "model in memory", "command line", ""}});
    CHECK(error_of(flags(R"("extends": "web")")) == "profile 'command line': $.extends: the parent is given already");
    CHECK(flags(R"("filesystem": {"mounts": [{"destination": "/d", "type": "bind", "source": "../data"}]})")
              .value()
              .filesystem.mounts->front()
              .source == "/data");
}

TEST_CASE("grants: the nearest layer wins on the same key, others are united") {
    Texts reader;
    reader.put("./a.json",
               R"({"schemaVersion": 1, "environment": {"set": {"A": "1", "B": "1"}}, "process": {"hostname": "a"}})");
    reader.put(
        "./b.json",
        R"({"schemaVersion": 1, "extends": "./a.json", "environment": {"set": {"B": "2"}}, "process": {"hostname": "b"}})");
    const Profile b = load("./b.json", reader).take();
    CHECK(b.environment.set == std::map<std::string, std::string>{{"A", "1"}, {"B", "2"}});
    CHECK(b.process.hostname == "b");
}

TEST_CASE("a child's restriction is held against inherited grants") {
    Texts reader;
    reader.put("./a.json", R"({"schemaVersion": 1, "extends": "web", "network": {"publish": ["8000:80"]}})");
    reader.put("./b.json", R"({"schemaVersion": 1, "extends": "./a.json", "network": {"mode": "none"}})");
    CHECK(error_of(load("./b.json", reader)) ==
          "profile './b.json': $.network.publish[0]: needs network.mode 'published', and it is 'none' (./b.json); "
          "extend 'web'");
}

TEST_CASE("every restriction has a waiver path, every field a row that prints") {
    for (const Field& field : fields()) {
        CAPTURE(field.path);
        CHECK(find_field(field.path) == &field);
        CHECK(shown(field, Profile()) == "not set");
    }
    CHECK(find_field("network") == nullptr);
}

}  // namespace casemate::policy

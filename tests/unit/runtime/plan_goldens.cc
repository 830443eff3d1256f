// Goldens of `casemate plan`, text and JSON, for each shipped profile on one fixed image and host: a change of what a
// launch does shows as a change of these files. UPDATE_GOLDENS=1 writes them.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "runtime/plan_report.h"

using namespace casemate;

namespace {

plan::HostFacts host(bool root) {
    plan::HostFacts facts;
    facts.kernel = "6.18.0";
    facts.bounding = (uint64_t{1} << 41) - 1;
    facts.permitted = root ? facts.bounding : 0;
    facts.euid = facts.egid = root ? 0 : 1000;
    facts.landlock_abi = 7;
    facts.cgroup2_mountable = true;
    facts.cgroups.hierarchies = {{cgroup::Version::v2, "/sys/fs/cgroup", {"cpuset", "cpu", "io", "memory", "pids"}}};
    facts.hard_limits = {{7, 524288}};  // RLIMIT_NOFILE
    facts.path_matches = {
        {"/sys/devices/system/cpu/cpu*/thermal_throttle",
         {"/sys/devices/system/cpu/cpu0/thermal_throttle", "/sys/devices/system/cpu/cpu1/thermal_throttle"}}};
    return facts;
}

policy::Profile resolved(const std::string& name, const std::string& child) {
    policy::BuiltInReader reader;
    auto profile = policy::load(name, reader);
    REQUIRE(profile);
    if (child.empty()) return std::move(profile).take();
    auto refined = policy::refine(profile.value(), {"command line", child, "/"});
    REQUIRE_MESSAGE(refined, (refined ? std::string() : refined.error().text()));
    return std::move(refined).take();
}

runtime::PlanReport report(const policy::Profile& profile, bool root) {
    plan::AppSource app;
    app.root_path = "/var/lib/casemate/web/image/rootfs";
    app.args = {"/srv/app", "--port", "80"};
    app.env = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"};
    app.cwd = "/srv";
    plan::Request request;
    request.launch = true;
    const plan::HostFacts facts = host(root);
    auto config = plan::synthesize(app, profile, facts);
    REQUIRE(config);
    if (root && config.value().find_namespace("user")) request.id_base = 524288;
    const auto plan = plan::compile(config.value(), profile, facts, request);
    REQUIRE_MESSAGE(plan, (plan ? std::string() : plan.error().text()));
    return runtime::report_of(plan.value(), profile);
}

std::string read(const std::string& path) {
    std::string text;
    std::FILE* const file = std::fopen(path.c_str(), "re");
    if (!file) return text;
    char buffer[4096];
    while (const size_t got = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, got);
    std::fclose(file);
    return text;
}

// The first line that differs: a whole plan on the terminal helps nobody.
std::string first_difference(const std::string& expected, const std::string& seen) {
    const auto a = split(expected, '\n'), b = split(seen, '\n');
    for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
        const std::string_view left = i < a.size() ? a[i] : "(end)", right = i < b.size() ? b[i] : "(end)";
        if (left != right) return concat("line ", i + 1, ": expected '", left, "', is '", right, "'");
    }
    return {};
}

// What the compiler or the room that it belongs to may change without changing a launch: the stub's size, the filter's
// very bytes. Everything after `prefix`, up to `end`.
void blank(std::string& text, std::string_view prefix, std::string_view end) {
    for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + prefix.size())) {
        const size_t from = at + prefix.size(), to = text.find(end, from);
        REQUIRE(to != std::string::npos);
        text.replace(from, to - from, "...");
    }
}

void compare(const std::string& name, std::string text) {
    blank(text, "memfd of ", " bytes");
    blank(text, "\"program\": \"", "\"");
    const std::string path = concat(TEST_DATA "/plan/", name, ".golden");
    if (std::getenv("UPDATE_GOLDENS")) {
        std::FILE* const file = std::fopen(path.c_str(), "we");
        REQUIRE(file);
        std::fwrite(text.data(), 1, text.size(), file);
        std::fclose(file);
    }
    const std::string golden = read(path);
    INFO("UPDATE_GOLDENS=1 writes the goldens anew: look at their diff");
    CHECK_MESSAGE(!golden.empty(), path);
    CHECK_MESSAGE(golden == text, concat(name, ": ", first_difference(golden, text)));
}

}  // namespace

// Their filters are x86_64's.
TEST_CASE("plan: goldens of the shipped profiles, as root" *
          doctest::skip(seccomp::native_arch() != seccomp::Arch::x86_64)) {
    struct Row {
        const char *profile, *child;
    };
    const Row rows[] = {
        {"hardened", ""},
        {"strict", ""},
        {"web", R"({"schemaVersion": 1, "network": {"publish": ["8000:80"]}, "limits": {"memory": "4GiB"},)"
                R"( "waive": [{"what": "limits.memory", "because": "a big cache"}]})"},
        {"batch", ""},
        {"oci", ""}};
    for (const Row& row : rows) {
        CAPTURE(row.profile);
        const runtime::PlanReport seen = report(resolved(row.profile, row.child), true);
        compare(concat(row.profile, ".txt"), seen.text());
        compare(concat(row.profile, ".json"), seen.json());
    }
}

TEST_CASE("plan: golden of a rootless launch" * doctest::skip(seccomp::native_arch() != seccomp::Arch::x86_64)) {
    const runtime::PlanReport seen = report(resolved("hardened", ""), false);
    compare("hardened-rootless.txt", seen.text());
    compare("hardened-rootless.json", seen.json());
}

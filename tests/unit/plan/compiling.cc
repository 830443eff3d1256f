#include "unit/plan/compiling.h"

#include <cstdio>

#include "base/text.h"

namespace casemate::plan::test {

HostFacts root_facts() {
    HostFacts facts;
    facts.kernel = "6.18.0";
    facts.bounding = facts.permitted = every_capability;
    facts.landlock_abi = 7;
    facts.cgroup2_mountable = true;
    facts.cgroups.hierarchies = {{cgroup::Version::v2, "/sys/fs/cgroup", {"cpuset", "cpu", "io", "memory", "pids", "hugetlb"}}};
    return facts;
}

HostFacts user_facts(bool with_range) {
    HostFacts facts = root_facts();
    facts.euid = facts.egid = 1000;
    facts.permitted = 0;
    if (with_range) facts.subuid = facts.subgid = SubIdRange{100000, 65536};
    return facts;
}

HostFacts old_kernel(int landlock_abi, bool mdwe) {
    HostFacts facts = root_facts();
    facts.kernel = "6.1.0";
    facts.landlock_abi = landlock_abi;
    facts.mdwe = mdwe;
    return facts;
}

policy::Profile silent() {
    policy::Profile profile;
    profile.name = "oci";
    return profile;
}

policy::Profile shipped(const std::string& name) {
    policy::BuiltInReader reader;
    auto profile = policy::load(name, reader);
    REQUIRE_MESSAGE(profile, (profile ? name : profile.error().text()));
    return std::move(profile).take();
}

policy::Profile child_of(const std::string& parent, const std::string& statements) {
    const std::string text = concat(R"({"schemaVersion": 1, )", statements, "}");
    auto profile = policy::refine(shipped(parent), {"child", text, "/"});
    REQUIRE_MESSAGE(profile, (profile ? text : profile.error().text()));
    return std::move(profile).take();
}

oci::Config parsed(const std::string& text) {
    auto config = oci::parse_config(text);
    REQUIRE_MESSAGE(config, (config ? text : config.error().text()));
    return std::move(config).take();
}

namespace {
constexpr std::string_view head =
    R"("ociVersion": "1.3.0", "root": {"path": "rootfs"}, "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/app"])";
constexpr std::string_view namespaces = R"("namespaces": [{"type": "mount"}])";
}  // namespace

oci::Config smallest() { return parsed(concat("{", head, R"(}, "linux": {)", namespaces, "}}")); }
oci::Config with_linux(const std::string& members) {
    const std::string spaces = contains(members, R"("namespaces")") ? "" : concat(namespaces, ", ");
    return parsed(concat("{", head, R"(}, "linux": {)", spaces, members, "}}"));
}
oci::Config with_mount(const std::string& mount) {
    return parsed(concat("{", head, R"(}, "mounts": [)", mount, R"(], "linux": {)", namespaces, "}}"));
}
oci::Config with_process(const std::string& members) {
    return parsed(concat("{", head, ", ", members, R"(}, "linux": {)", namespaces, "}}"));
}

AppSource image() {
    AppSource app;
    app.root_path = "/srv/app/rootfs";
    app.args = {"/app", "--serve"};
    app.env = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
    app.cwd = "/srv";
    return app;
}

Request launch_request() {
    Request request;
    request.launch = true;
    request.id_base = 524288;
    return request;
}

Request bundle_request() {
    Request request;
    request.bundle = "/srv/bundle";
    return request;
}

Input launching(const policy::Profile& profile, const HostFacts& facts, const AppSource& app) {
    auto config = synthesize(app, profile, facts);
    REQUIRE_MESSAGE(config, (config ? std::string() : config.error().text()));
    Input input{std::move(config).take(), profile, facts, launch_request()};
    input.request.stop_signal = app.stop_signal;
    if (!facts.root() || !input.config.find_namespace("user")) input.request.id_base = 0;
    return input;
}

Plan compiled(const Input& input) {
    auto plan = compile(input.config, input.profile, input.facts, input.request);
    REQUIRE_MESSAGE(plan, (plan ? std::string() : plan.error().text()));
    return std::move(plan).take();
}

std::string refusal(const Input& input) {
    const auto plan = compile(input.config, input.profile, input.facts, input.request);
    return plan ? "compiled" : plan.error().text();
}

std::string hint_of(const Input& input) {
    const auto plan = compile(input.config, input.profile, input.facts, input.request);
    return plan ? "compiled" : plan.error().hint_text();
}

std::string read_data(const std::string& name) {
    std::string text;
    std::FILE* const file = std::fopen(concat(TEST_DATA "/", name).c_str(), "re");
    if (!file) return text;
    char buffer[4096];
    while (const size_t got = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, got);
    std::fclose(file);
    return text;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::optional<MountPlan> find_mount(const Plan& plan, std::string_view destination) {
    for (const MountPlan& mount : plan.mounts().mounts)
        if (mount.destination == destination) return mount;
    return std::nullopt;
}

std::optional<Rlimit> find_limit(const Plan& plan, std::string_view name) {
    for (const Rlimit& limit : plan.process().rlimits)
        if (limit.name == name) return limit;
    return std::nullopt;
}

bool has_note(const Plan& plan, std::string_view part) {
    for (const std::string& note : plan.notes())
        if (contains(note, part)) return true;
    return false;
}

}  // namespace casemate::plan::test

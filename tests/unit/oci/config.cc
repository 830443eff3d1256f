// config.json: real documents, the whole of the specification and back, and what is left out.
#include "oci/config.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "documents.h"
#include "oci/unsupported.h"

using namespace casemate;
using namespace casemate::oci;

namespace {

Config parsed(const std::string& text) {
    Result<Config> config = parse_config(text);
    INFO((config ? std::string() : config.error().text()));
    REQUIRE(config);
    return std::move(config).take();
}

}  // namespace

TEST_CASE("config: documents of runc, crun and podman are read and survive a round trip") {
    for (const char* name :
         {"runc.json", "runc-rootless.json", "crun.json", "podman-read-only.json", "podman-limits.json", "full.json"}) {
        CAPTURE(name);
        const Config config = parsed(read_data(name));
        CHECK(config.unknown_keys.empty());
        CHECK(parsed(to_json(config)) == config);
        CHECK(to_json(parsed(to_json(config))) == to_json(config));
    }
}

TEST_CASE("config: runc's own example, value by value") {
    const Config config = parsed(read_data("runc.json"));
    CHECK(config.root_path == "rootfs");
    CHECK(config.root_readonly);
    CHECK(config.hostname == "runc");
    REQUIRE(config.process);
    CHECK(config.process->terminal);
    CHECK(config.process->args == std::vector<std::string>{"sh"});
    CHECK(config.process->cwd == "/");
    CHECK(config.process->no_new_privileges);
    CHECK(config.process->user == User());
    REQUIRE(config.process->capabilities);
    CHECK(config.process->capabilities->bounding->size() == 3);
    CHECK_FALSE(config.process->capabilities->inheritable);
    CHECK(config.process->rlimits == std::vector<Rlimit>{{"RLIMIT_NOFILE", 1024, 1024}});
    CHECK(config.mounts.size() == 7);
    CHECK(config.mounts[1].destination == "/dev");
    CHECK(config.mounts[1].options == std::vector<std::string>{"nosuid", "strictatime", "mode=755", "size=65536k"});
    CHECK(config.find_namespace("network") != nullptr);
    CHECK(config.find_namespace("user") == nullptr);
    CHECK(config.linux_.masked_paths.size() == 10);
    CHECK(config.linux_.resources->devices == std::vector<DeviceRule>{{false, "", {}, {}, "rwm"}});
    CHECK_FALSE(config.linux_.seccomp);
}

TEST_CASE("config: podman's limits, value by value") {
    const Config config = parsed(read_data("podman-limits.json"));
    const Resources& resources = *config.linux_.resources;
    CHECK(resources.memory->limit == 67108864);
    CHECK(resources.memory->swap == 134217728);
    CHECK(resources.cpu->quota == 50000);
    CHECK(resources.cpu->cpus == "0");
    CHECK(resources.pids_limit == 77);
    CHECK(config.process->user == User{33, 44, 0077, {44, 55}});
    CHECK(config.process->oom_score_adj == 100);
    CHECK(config.linux_.sysctl.at("net.ipv4.ping_group_range") == "0 0");
    CHECK(config.linux_.uid_mappings == std::vector<IdMap>{{0, 100000, 1000}});
    CHECK(config.linux_.seccomp->syscalls.size() > 3);
    CHECK(config.linux_.seccomp->default_errno_ret == 38);
}

TEST_CASE("config: the fixture uses every field, so the round trip covers every field") {
    const Config config = parsed(read_data("full.json"));
    std::vector<std::string> all = all_fields();
    // Named by their own path only when they are empty, which this document tests elsewhere.
    std::erase_if(all, [&](const std::string& field) {
        return std::ranges::any_of(all, [&](const std::string& other) { return other.starts_with(field + "."); });
    });
    const std::vector<std::string> present = present_fields(config);
    for (const std::string& field : all) {
        CAPTURE(field);
        CHECK(std::ranges::find(present, field) != present.end());
    }
    CHECK(all.size() > 130);
    CHECK(config.process->user.additional_gids == std::vector<uint32_t>{5, 4294967294});
    CHECK(config.linux_.seccomp->syscalls[1].args[0].value == UINT64_MAX);
    CHECK(config.linux_.time_offsets.at("monotonic").secs == -172800);
    CHECK(config.linux_.net_devices.at("eth1").name == "web0");
    CHECK(config.linux_.resources->pids_limit == 0);
    CHECK(config.process->console_size == std::pair<uint32_t, uint32_t>{25, 80});
}

TEST_CASE("config: absent is not empty") {
    const std::string head = R"({"ociVersion":"1.0.0","root":{"path":"r"})";
    const Config bare = parsed(head + "}");
    CHECK_FALSE(bare.process);
    CHECK_FALSE(bare.linux_.resources);
    CHECK(present_fields(bare) == std::vector<std::string>{"$.ociVersion", "$.root.path"});

    const Config empty = parsed(head + R"(,"linux":{"resources":{"memory":{}},"intelRdt":{}}})");
    REQUIRE(empty.linux_.resources);
    CHECK(empty.linux_.resources->memory);
    CHECK(empty.linux_.resources->empty());
    CHECK(parsed(to_json(empty)) == empty);
    CHECK(unsupported(empty, std::vector<std::string_view>{"$.ociVersion", "$.root.path"}) ==
          std::vector<std::string>{"$.linux.resources.memory", "$.linux.intelRdt"});

    // Go writes null, "" and 0 for what is absent.
    const Config nulls = parsed(
        head + R"(,"mounts":null,"process":null,"hooks":null,"annotations":null,"hostname":"","linux":{"seccomp":null,)"
               R"("namespaces":[{"type":"pid","path":""}],"rootfsPropagation":""}})");
    CHECK_FALSE(nulls.process);
    CHECK_FALSE(nulls.linux_.seccomp);
    CHECK(nulls.linux_.namespaces.size() == 1);
}

TEST_CASE("config: a relative destination lies below the root (config.md, Mounts)") {
    const Config config = parsed(R"({"ociVersion":"1.0.0","root":{"path":"r"},"mounts":[{"destination":"data/x"}]})");
    CHECK(config.mounts[0].destination == "/data/x");
}

TEST_CASE("config: unknown keys are collected, with the word that was meant") {
    const Config config = parsed(
        R"({"ociVersion":"1.0.0","root":{"path":"r","readOnly":true},"procces":{},"windows":{},"process":{"user":{"uid":1,"gid":1,"username":"x"},)"
        R"("cwd":"/","noNewPriviledges":true,"capabilites":{}},"mounts":[{"destination":"/a","option":[]}]})");
    CHECK(config.unknown_keys == std::vector<std::string>{"$.root.readOnly; did you mean 'readonly'?",
                                                          "$.mounts[0].option; did you mean 'options'?",
                                                          "$.process.user.username",
                                                          "$.process.noNewPriviledges; did you mean 'noNewPrivileges'?",
                                                          "$.process.capabilites; did you mean 'capabilities'?",
                                                          "$.procces; did you mean 'process'?", "$.windows"});
    CHECK_FALSE(config.root_readonly);

    std::string many = R"({"ociVersion":"1.0.0","root":{"path":"r"})";
    for (int i = 0; i < 1000; ++i) many += ",\"zzzzzzzzzzzz" + std::to_string(i) + "\":0";
    CHECK(parsed(many + "}").unknown_keys.size() == 100);
}

TEST_CASE("config: what is not applied is named by its place") {
    const Config config = parsed(read_data("full.json"));
    std::vector<std::string> all = all_fields();
    std::vector<std::string_view> applied(all.begin(), all.end());
    CHECK(unsupported(config, applied).empty());
    std::erase(applied, "$.mounts[].uidMappings[].size");
    std::erase(applied, "$.linux.timeOffsets.*.secs");
    std::erase(applied, "$.linux.sysctl");
    std::erase(applied, "$.process.scheduler.policy");
    CHECK(unsupported(config, applied) ==
          std::vector<std::string>{"$.mounts[1].uidMappings[0].size", "$.process.scheduler.policy", "$.linux.sysctl",
                                   "$.linux.timeOffsets.boottime.secs", "$.linux.timeOffsets.monotonic.secs"});
    CHECK_FALSE(unsupported(config, {}).empty());
}

TEST_CASE("config: process and resources alone, as exec and update get them") {
    const Config config = parsed(read_data("full.json"));
    const Result<Process> process = parse_process(to_json(*config.process));
    REQUIRE(process);
    CHECK(process.value() == *config.process);
    const Result<Resources> resources = parse_resources(to_json(*config.linux_.resources));
    REQUIRE(resources);
    CHECK(resources.value() == *config.linux_.resources);
    CHECK(parse_process("{}").error().text() == "process: $.user: missing");
    CHECK(parse_resources(R"({"devices":[{"allow":true,"access":"x"}]})").error().text() ==
          "resources: $.devices[0].access: expected letters of 'rwm', got 'x'");
}

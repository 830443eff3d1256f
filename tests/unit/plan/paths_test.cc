// Masked and read-only paths, and the nodes of /dev.
#include <algorithm>

#include "base/text.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

bool has(const std::vector<std::string>& list, std::string_view item) {
    return std::ranges::find(list, item) != list.end();
}

constexpr std::string_view pattern = "/sys/devices/system/cpu/cpu*/thermal_throttle";

Input with_dev(const std::string& devices) {
    Input input;
    input.config = with_linux(concat(R"("devices": [)", devices, "]"));
    input.config.mounts.push_back({"/dev", "tmpfs", "tmpfs", {}, {}, {}});
    return input;
}

}  // namespace

TEST_CASE("paths: config.json's and the profile's, each once") {
    Input input;
    input.config = with_linux(R"("maskedPaths": ["/proc/kcore", "/a"], "readonlyPaths": ["/proc/sys"])");
    input.profile.filesystem.masked_paths = {"/a", "/b"};
    input.profile.filesystem.readonly_paths = {"/proc/bus", "/proc/sys"};
    const Plan plan = compiled(input);
    CHECK(plan.mounts().masked_paths == std::vector<std::string>{"/proc/kcore", "/a", "/b"});
    CHECK(plan.mounts().readonly_paths == std::vector<std::string>{"/proc/sys", "/proc/bus"});
}

TEST_CASE("paths: a wildcard becomes what the host has") {
    HostFacts facts = root_facts();
    facts.path_matches = {
        {std::string(pattern),
         {"/sys/devices/system/cpu/cpu0/thermal_throttle", "/sys/devices/system/cpu/cpu1/thermal_throttle"}}};
    const Plan plan = compiled(launching(shipped("hardened"), facts));
    CHECK(has(plan.mounts().masked_paths, "/sys/devices/system/cpu/cpu1/thermal_throttle"));
    CHECK_FALSE(has(plan.mounts().masked_paths, pattern));
    facts.path_matches = {{std::string(pattern), {}}};
    CHECK_FALSE(has(compiled(launching(shipped("hardened"), facts)).mounts().masked_paths, pattern));
}

TEST_CASE("paths: a star in config.json is a star") {  // OCI has no wildcards: it must not unmask the path
    Input input;
    input.config = with_linux(R"("maskedPaths": ["/srv/a*b"], "readonlyPaths": ["/srv/*"])");
    CHECK(compiled(input).mounts().masked_paths == std::vector<std::string>{"/srv/a*b"});
    CHECK(compiled(input).mounts().readonly_paths == std::vector<std::string>{"/srv/*"});
}

TEST_CASE("paths: absolute and normal, never the root") {
    for (const char* path : {"/", "/a/../b", "/a//b", "/a/", "proc/kcore", ""}) {
        CAPTURE(path);
        Input input;
        input.config.linux_.masked_paths = {path};
        CHECK(refusal(input) ==
              concat("config.json: $.linux.maskedPaths: '", path, "' is not an absolute, normal path"));
        input.config.linux_.masked_paths.clear();
        input.config.linux_.readonly_paths = {path};
        CHECK(refusal(input) ==
              concat("config.json: $.linux.readonlyPaths: '", path, "' is not an absolute, normal path"));
        input.config.linux_.readonly_paths.clear();
        input.profile.filesystem.masked_paths = {path};
        CHECK(refusal(input) == concat("filesystem.maskedPaths: '", path, "' is not an absolute, normal path"));
    }
}

TEST_CASE("devices: the six of OCI, and what config.json names") {
    const Plan plan = compiled(with_dev(
        R"({"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 432, "uid": 3, "gid": 4},)"
        R"( {"path": "/dev/sd/a", "type": "b", "major": 8, "minor": 0, "fileMode": 25008},)"
        R"( {"path": "/dev/u", "type": "u", "major": 1, "minor": 5}, {"path": "/dev/pipe", "type": "p"})"));
    const auto& nodes = plan.mounts().devices;
    REQUIRE(nodes.size() == 10);
    const std::pair<const char*, std::pair<uint32_t, uint32_t>> defaults[] = {
        {"/dev/null", {1, 3}},   {"/dev/zero", {1, 5}},    {"/dev/full", {1, 7}},
        {"/dev/random", {1, 8}}, {"/dev/urandom", {1, 9}}, {"/dev/tty", {5, 0}}};
    for (size_t i = 0; i < 6; ++i) {
        CHECK(nodes[i].path == defaults[i].first);
        CHECK(std::pair(nodes[i].major, nodes[i].minor) == defaults[i].second);
        CHECK(nodes[i].mode == 0666);
    }
    CHECK(nodes[6].mode == 0660);
    CHECK(nodes[6].uid == 3);
    CHECK(nodes[6].gid == 4);
    CHECK(nodes[7].type == 'b');
    CHECK(nodes[7].mode == 0660);  // the file type that Docker writes along is not a permission
    CHECK(nodes[8].type == 'c');
    CHECK(nodes[9].type == 'p');
}

TEST_CASE("devices: a default one is replaced, not doubled") {
    const Plan plan =
        compiled(with_dev(R"({"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 384})"));
    CHECK(plan.mounts().devices.size() == 6);
    CHECK(plan.mounts().devices.back().mode == 0600);
}

TEST_CASE("devices: ptmx is the container's own, whatever is asked") {
    const Plan plan = compiled(with_dev(R"({"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2})"));
    CHECK(plan.mounts().devices.size() == 6);
}

TEST_CASE("devices: where they are made follows what is mounted there") {
    const std::string fuse = R"({"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229})";
    CHECK(compiled(with_dev(fuse)).mounts().devices.size() == 7);
    Input bare = with_dev(fuse);
    bare.config.mounts.clear();
    CHECK(compiled(bare).mounts().devices.empty());
    CHECK(compiled(bare).mounts().root_devices.size() == 7);
    Input outside = with_dev(fuse);
    outside.config.linux_.devices[0].path = "/srv/fuse";
    CHECK(compiled(outside).mounts().devices.size() == 6);
    CHECK(compiled(outside).mounts().root_devices.size() == 1);
    // A bind has the nodes of its source: said, as it is not what was asked.
    Input bound = with_dev(fuse);
    bound.config.mounts = {{"/dev", "bind", "/dev", {"rbind"}, {}, {}}};
    CHECK(compiled(bound).mounts().devices.empty());
    CHECK(has_note(compiled(bound), "'/dev/fuse': not made"));
    // Rootless the host's node is bound on it.
    Input rootless = with_dev(fuse);
    rootless.facts = user_facts();
    rootless.config.linux_.namespaces.push_back({"user", ""});
    CHECK(compiled(rootless).mounts().devices.size() == 7);
}

TEST_CASE("devices: what is refused") {
    const std::string fuse = R"({"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229})";
    const std::pair<const char*, const char*> paths[] = {
        {"/dev", ": '/dev' is a directory"},
        {"/dev/../srv/x", ".path: '/dev/../srv/x' is not an absolute, normal path"},
        {"/dev/", ".path: '/dev/' is not an absolute, normal path"},
        {"/dev//x", ".path: '/dev//x' is not an absolute, normal path"},
        {"/proc/self/x", ".path: '/proc/self/x' is at or below /proc"}};
    for (const auto& [path, text] : paths) {
        const std::string_view name = path;  // clang 14: no binding in a lambda
        CAPTURE(name);
        Input input = with_dev(fuse);
        input.config.linux_.devices[0].path = path;
        CHECK(refusal(input) == concat("config.json: $.linux.devices[0]", text));
    }
    Input covered = with_dev(fuse);
    covered.config.mounts.push_back({"/srv", "tmpfs", "tmpfs", {}, {}, {}});
    covered.config.linux_.devices[0].path = "/srv/fuse";
    CHECK(refusal(covered) == "config.json: $.linux.devices[0]: '/srv/fuse' would be on the tmpfs at '/srv'");
    Input unlisted = with_dev(fuse);
    unlisted.profile.filesystem.devices = {"/dev/kvm"};
    CHECK(refusal(unlisted) == "config.json: $.linux.devices[0]: '/dev/fuse' is not in filesystem.devices");
    unlisted.profile.filesystem.devices->push_back("/dev/fuse");
    CHECK(refusal(unlisted) == "compiled");
    // By its name in the list, by its numbers another device: only the parser's numbers are taken, none is invented.
    Input numberless = with_dev(fuse);
    numberless.config.linux_.devices[0].major.reset();
    CHECK(refusal(numberless) == "config.json: $.linux.devices[0]: a device needs type, major and minor");
    numberless = with_dev(fuse);
    numberless.config.linux_.devices[0].type.clear();
    CHECK(refusal(numberless) == "config.json: $.linux.devices[0]: a device needs type, major and minor");
}

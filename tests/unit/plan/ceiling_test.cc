// PROFILE 3.4, row by row: what a ceiling changes in a config.json, what it refuses, and that `oci` does neither.
#include "plan/ceiling.h"

#include <algorithm>
#include <functional>

#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

policy::Profile profile_of(const char* name) {
    policy::BuiltInReader reader;
    auto loaded = policy::load(name, reader);
    REQUIRE(loaded);
    return loaded.value();
}

// What an engine sends for a plain run: root, a few capabilities, every namespace but user and cgroup.
oci::Config engine_config() {
    oci::Config config;
    config.oci_version = "1.0.2";
    config.root_path = "rootfs";
    config.process.emplace();
    config.process->args = {"sh"};
    config.process->env = {"PATH=/bin", "HOME=/root"};
    const std::vector<std::string> some{"CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
    config.process->capabilities = oci::Capabilities{some, some, {}, some, {}};
    for (const char* type : {"pid", "mount", "ipc", "uts", "network"}) config.linux_.namespaces.push_back({type, ""});
    config.mounts = {{"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}, {}, {}},
                     {"/dev", "tmpfs", "tmpfs", {"nosuid", "mode=755"}, {}, {}},
                     {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev"}, {}, {}},
                     {"/data", "bind", "/srv/data", {"rbind", "rw"}, {}, {}}};
    return config;
}

bool mentions(const std::vector<std::string>& list, std::string_view text) {
    return std::any_of(list.begin(), list.end(), [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

bool has(const std::vector<std::string>& list, std::string_view item) { return std::find(list.begin(), list.end(), item) != list.end(); }

}  // namespace

TEST_CASE("ceiling: oci changes nothing, byte for byte") {
    const oci::Config config = engine_config();
    const Tightened out = tighten(config, profile_of("oci"));
    CHECK(out.config == config);
    CHECK(oci::to_json(out.config) == oci::to_json(config));
    CHECK(out.changes.empty());
    CHECK(out.refusals.empty());
}

TEST_CASE("ceiling: a plain run is tightened, each change said once, and doing it again changes nothing") {
    const policy::Profile hardened = profile_of("hardened");
    const Tightened out = tighten(engine_config(), hardened);
    REQUIRE(out.refusals.empty());
    const oci::Process& process = *out.config.process;
    CHECK(process.no_new_privileges);
    CHECK(process.user.uid == 1001);
    CHECK(process.user.gid == 1001);
    CHECK(process.capabilities->bounding->empty());
    CHECK(process.capabilities->permitted->empty());
    CHECK(out.config.root_readonly);
    CHECK(out.config.find_namespace("cgroup"));
    CHECK(has(out.config.mounts[0].options, "hidepid=ptraceable"));
    CHECK_FALSE(has(out.config.mounts[1].options, "nodev"));  // the device nodes must work
    CHECK(has(out.config.mounts[2].options, "ro"));
    for (const char* flag : {"nosuid", "nodev", "noexec"}) CHECK(has(out.config.mounts[3].options, flag));
    for (const char* said : {"process.capabilities: 3 -> 0", "process.noNewPrivileges: false -> true", "process.user: 0 -> 1001:1001", "root.readonly", "+ cgroup",
                             "mounts /data: + nosuid,nodev,noexec", "mounts /sys: + ro", "linux.seccomp", "landlock", "linux.maskedPaths: 0 -> "})
        CHECK_MESSAGE(mentions(out.changes, said), said);
    const Tightened again = tighten(out.config, hardened);
    CHECK(again.config == out.config);
    CHECK(again.refusals.empty());
}

TEST_CASE("ceiling: what cannot be tightened without changing its meaning is refused") {
    struct Row {
        const char* name;
        std::function<void(oci::Config&)> edit;
        const char* refusal;
    };
    const Row rows[] = {
        {"CAP_SYS_ADMIN", [](oci::Config& c) { c.process->capabilities->bounding->emplace_back("CAP_SYS_ADMIN"); }, "CAP_SYS_ADMIN"},
        {"the host's network", [](oci::Config& c) { c.linux_.namespaces.pop_back(); }, "the host's network namespace"},
        {"the host's pids", [](oci::Config& c) { c.linux_.namespaces.erase(c.linux_.namespaces.begin()); }, "the host's pid namespace"},
        {"the engine's socket", [](oci::Config& c) { c.mounts[3].source = "/run/docker.sock"; }, "'/run/docker.sock' is in filesystem.deniedSources"},
        {"above the engine's socket", [](oci::Config& c) { c.mounts[3].source = "/run"; }, "is in filesystem.deniedSources"},
        {"the whole host", [](oci::Config& c) { c.mounts[3].source = "/"; }, "is in filesystem.deniedSources"},
        {"a bind over /sys", [](oci::Config& c) { c.mounts[2] = {"/sys", "bind", "/srv/sys", {"rbind"}, {}, {}}; }, "a mount over a kernel file system"},
        {"a tmpfs below /proc", [](oci::Config& c) { c.mounts.push_back({"/proc/scsi", "tmpfs", "tmpfs", {}, {}, {}}); }, "a mount over a kernel file system"},
        {"a device", [](oci::Config& c) { c.linux_.devices.push_back({"/dev/kvm", "c", 10, 232, {}, {}, {}}); }, "'/dev/kvm' not in filesystem.devices"},
        {"a hook", [](oci::Config& c) { c.hooks.prestart.push_back({"/bin/true", {}, {}, {}}); }, "$.hooks"},
        {"a shared root", [](oci::Config& c) { c.linux_.rootfs_propagation = "rshared"; }, "$.linux.rootfsPropagation"},
        {"a secret in a variable", [](oci::Config& c) { c.process->env.emplace_back("DB_PASSWORD=x"); }, "'DB_PASSWORD'"},
        {"root's group", [](oci::Config& c) { c.process->user = {1000, 0, {}, {}}; }, "gid 0 of uid 1000"},
        {"root's group among others", [](oci::Config& c) { c.process->user = {1000, 1000, {}, {0}}; }, "gid 0 of uid 1000"},
        {"the host's root in the map", [](oci::Config& c) { c.linux_.uid_mappings = {{0, 0, 1}}; }, "host id 0"},
    };
    const policy::Profile hardened = profile_of("hardened");
    CHECK(tighten(engine_config(), hardened).refusals.empty());
    for (const Row& row : rows) {
        oci::Config config = engine_config();
        row.edit(config);
        const Tightened out = tighten(config, hardened);
        CHECK_MESSAGE(mentions(out.refusals, row.refusal), row.name);
        CHECK_MESSAGE(tighten(config, profile_of("oci")).refusals.empty(), row.name);
    }
}

TEST_CASE("ceiling: the switches of the oci section") {
    policy::Profile profile = profile_of("hardened");
    profile.oci.root_user = policy::OciRootUser::refuse;
    CHECK(mentions(tighten(engine_config(), profile).refusals, "oci.rootUser"));
    profile = profile_of("hardened");
    profile.oci.user_namespace = policy::OciUserNamespace::require;
    CHECK(mentions(tighten(engine_config(), profile).refusals, "oci.userNamespace"));
    profile = profile_of("hardened");
    profile.filesystem.volumes = policy::Volumes::readonly;
    CHECK(mentions(tighten(engine_config(), profile).refusals, "a writable bind"));
    profile.filesystem.volumes = policy::Volumes::none;
    CHECK(mentions(tighten(engine_config(), profile).refusals, "'none'"));
}

TEST_CASE("ceiling: device rules beyond the standard nodes go, the standard ones stay") {
    oci::Config config = engine_config();
    config.linux_.resources.emplace();
    config.linux_.resources->devices = {{false, "", {}, {}, "rwm"}, {true, "c", 1, 3, "rwm"}, {true, "a", {}, {}, "rwm"}};
    const Tightened out = tighten(config, profile_of("hardened"));
    REQUIRE(out.config.linux_.resources->devices.size() == 2);
    CHECK(out.config.linux_.resources->devices[1].major == 1);
    CHECK(mentions(out.changes, "1 rules beyond the standard nodes"));
}

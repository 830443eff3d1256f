// The config.json that a profile makes of an image. What the image says is hostile data: it chooses a command, a
// directory, variables and a user, and nothing else.
#include <algorithm>

#include "base/text.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

oci::Config made(const policy::Profile& profile, const AppSource& app = image(),
                 const HostFacts& facts = root_facts()) {
    auto config = synthesize(app, profile, facts);
    REQUIRE(config);
    return std::move(config).take();
}
const oci::Mount* mount_at(const oci::Config& config, std::string_view destination) {
    for (const oci::Mount& mount : config.mounts)
        if (mount.destination == destination) return &mount;
    return nullptr;
}
bool has(const std::vector<std::string>& list, std::string_view item) {
    return std::ranges::find(list, item) != list.end();
}

}  // namespace

TEST_CASE("synthesize: what it writes, parse_config reads back") {
    for (const char* name : {"hardened", "strict", "web", "batch", "oci"}) {
        CAPTURE(name);
        for (const HostFacts& facts : {root_facts(), user_facts(), user_facts(false)}) {
            const oci::Config config = made(shipped(name), image(), facts);
            const auto again = oci::parse_config(oci::to_json(config));
            REQUIRE_MESSAGE(again, (again ? std::string() : again.error().text()));
            CHECK(again.value() == config);
        }
    }
}

TEST_CASE("synthesize: the user") {
    struct Row {
        bool given;
        uint32_t uid, gid;
        bool defaulted, ignored;
        uint32_t want_uid, want_gid;
    };
    const Row rows[] = {
        {false, 0, 0, false, false, 1001, 1001},  // names none
        {true, 0, 0, false, false, 1001, 1001},   // names root
        {true, 33, 34, false, false, 33, 34},     // its own
        {true, 33, 0, true, false, 33, 1001},     // no group, not in its passwd
        {true, 33, 34, false, true, 1001, 1001},  // the profile ignores it
    };
    for (const Row& row : rows) {
        CAPTURE(row.uid);
        AppSource app = image();
        app.has_user = row.given;
        app.uid = row.uid;
        app.gid = row.gid;
        app.group_defaulted = row.defaulted;
        app.additional_gids = {row.gid, 500};
        policy::Profile profile = shipped("hardened");
        if (row.ignored) profile.identity.image_user = policy::ImageUser::ignore;
        const oci::User user = made(profile, app).process->user;
        CHECK(user.uid == row.want_uid);
        CHECK(user.gid == row.want_gid);
        CHECK(user.additional_gids.size() == (row.want_uid == 33 ? 2 : 0));
        CHECK(user.umask == 0027u);
    }
    AppSource root = image();
    root.has_user = true;
    CHECK(made(silent(), root).process->user.uid == 0);  // `oci` says nothing against it
    // A group 0 that the image names by itself is not replaced: it is refused.
    AppSource group = image();
    group.has_user = true;
    group.uid = 33;
    CHECK(refusal(launching(shipped("hardened"), root_facts(), group)) ==
          "gid 0 is refused: identity.denyRootGroup holds");
}

TEST_CASE("synthesize: variables of the image, the launcher's defaults, the profile's last") {
    AppSource app = image();
    app.env = {"A=1", "B=2", "A=3"};
    app.home = "/home/app";
    policy::Profile profile = shipped("hardened");
    profile.environment.set.emplace().emplace("B", "9");
    const std::vector<std::string> env = made(profile, app).process->env;
    CHECK(env == std::vector<std::string>{"A=3", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                          "HOME=/home/app", "B=9"});
    CHECK(has(made(shipped("hardened")).process->env, "PATH=/usr/bin:/bin"));
    CHECK(has(made(shipped("hardened")).process->env, "HOME=/"));
    // `strict` takes none of the image's.
    CHECK_FALSE(has(made(shipped("strict"), app).process->env, "A=3"));
    app.env = {"NOEQUALS"};
    CHECK(made(shipped("hardened"), app).process->env.size() == 2);  // PATH and HOME
}

TEST_CASE("synthesize: every restriction that OCI has a field for is in it") {
    const oci::Config config = made(shipped("hardened"));
    CHECK(config.root_readonly);
    CHECK(config.hostname == "casemate");
    CHECK(config.process->no_new_privileges);
    REQUIRE(config.process->capabilities);
    CHECK(config.process->capabilities->bounding->empty());
    CHECK(config.linux_.rootfs_propagation == "private");
    CHECK(config.linux_.masked_paths.size() == 22);
    CHECK(has(config.linux_.readonly_paths, "/proc/sys"));
    for (const char* type : {"pid", "mount", "ipc", "uts", "network", "cgroup", "user"})
        CHECK(config.find_namespace(type));
    CHECK_FALSE(config.find_namespace("time"));
    CHECK(has(mount_at(config, "/proc")->options, "hidepid=ptraceable"));
    CHECK(has(mount_at(config, "/sys")->options, "ro"));
    CHECK(has(mount_at(config, "/sys/fs/cgroup")->options, "ro"));
    CHECK(has(mount_at(config, "/tmp")->options, "noexec"));
    CHECK(has(mount_at(config, "/tmp")->options, "mode=1777"));
    CHECK(config.linux_.sysctl.at("net.ipv4.ip_unprivileged_port_start") == "0");

    const oci::Config strict = made(shipped("strict"));
    CHECK(has(mount_at(strict, "/proc")->options, "subset=pid"));
    CHECK_FALSE(mount_at(strict, "/sys"));
    CHECK_FALSE(mount_at(strict, "/tmp"));
}

TEST_CASE("synthesize: a silent profile still makes a container, and hides nothing of what it leaves out") {
    const oci::Config config = made(silent());
    CHECK(config.linux_.namespaces.size() == 1);
    CHECK(config.find_namespace("mount"));
    CHECK_FALSE(mount_at(config, "/sys"));  // it would show the host's network
    CHECK_FALSE(mount_at(config, "/dev/mqueue"));
    CHECK(config.linux_.sysctl.empty());
    CHECK(config.hostname.empty());
    CHECK_FALSE(config.process->capabilities);
    CHECK(made(silent(), image(), user_facts()).find_namespace("user"));  // no other way without root
}

TEST_CASE("synthesize: cgroup and sysfs where the host and the namespaces allow them") {
    HostFacts facts = root_facts();
    facts.cgroup2_mountable = false;
    CHECK_FALSE(mount_at(made(shipped("hardened"), image(), facts), "/sys/fs/cgroup"));
    CHECK(mount_at(made(shipped("hardened"), image(), facts), "/sys"));
    policy::Profile no_sys = shipped("hardened");
    no_sys.filesystem.sys = policy::Access::none;
    CHECK_FALSE(mount_at(made(no_sys), "/sys/fs/cgroup"));
}

TEST_CASE("synthesize: grants become mounts: nosuid and nodev, noexec unless it cannot be written") {
    const policy::Profile profile = child_of(
        "hardened", R"("filesystem": {"mounts": [)"
                    R"({"destination": "/rw", "type": "bind", "source": "/srv/rw", "readonly": false},)"
                    R"({"destination": "/ro", "type": "bind", "source": "/srv/ro"},)"
                    R"({"destination": "/t", "type": "tmpfs", "size": "1MiB", "inodes": 5, "mode": "0700"}]})");
    const oci::Config config = made(profile);
    CHECK(mount_at(config, "/rw")->options == std::vector<std::string>{"nosuid", "nodev", "noexec", "rbind"});
    CHECK(mount_at(config, "/ro")->options == std::vector<std::string>{"nosuid", "nodev", "rbind", "ro"});
    CHECK(mount_at(config, "/t")->options ==
          std::vector<std::string>{"nosuid", "nodev", "noexec", "mode=0700", "size=1048576", "nr_inodes=5"});
}

TEST_CASE("synthesize: nothing of the image's annotations or labels has a way in") {
    AppSource app = image();
    app.env = {"LD_PRELOAD=/x", "CASEMATE_PROFILE=oci"};
    const oci::Config config = made(shipped("hardened"), app);
    CHECK(config.annotations.empty());
    CHECK(config.hooks.empty());
    CHECK(to_json(compiled(launching(shipped("hardened"), root_facts(), app))).find("\"mode\": \"none\"") !=
          std::string::npos);
}

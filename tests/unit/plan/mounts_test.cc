// Root, mounts, their options and their order: what each option does, and what is refused in which words.
#include <linux/mount.h>

#include "base/text.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

std::string mount_json(std::string_view destination, std::string_view type, std::string_view source,
                       std::string_view options) {
    return concat(R"({"destination": ")", destination, R"(", "type": ")", type, R"(", "source": ")", source,
                  R"(", "options": [)", options, "]}");
}
Input one_mount(std::string_view destination, std::string_view type, std::string_view source,
                std::string_view options) {
    Input input;
    input.config = with_mount(mount_json(destination, type, source, options));
    return input;
}
MountPlan bind_of(std::string_view options) {
    return compiled(one_mount("/d", "none", "/srv/d", options)).mounts().mounts.at(0);
}
MountPlan tmpfs_of(std::string_view options) {
    return compiled(one_mount("/d", "tmpfs", "tmpfs", options)).mounts().mounts.at(0);
}

constexpr uint64_t ro = MOUNT_ATTR_RDONLY, nosuid = MOUNT_ATTR_NOSUID, nodev = MOUNT_ATTR_NODEV,
                   noexec = MOUNT_ATTR_NOEXEC;

}  // namespace

TEST_CASE("mounts: every option sets or clears its own flag, and the last of two wins") {
    struct Row {
        const char* options;
        uint64_t set, clear;
    };
    const Row rows[] = {
        {R"("ro")", ro, 0},
        {R"("rw")", 0, ro},
        {R"("ro", "rw")", 0, ro},
        {R"("rw", "ro")", ro, 0},
        {R"("nosuid", "nodev", "noexec")", nosuid | nodev | noexec, 0},
        {R"("nosuid", "suid")", 0, nosuid},
        {R"("nodev", "dev")", 0, nodev},
        {R"("exec", "noexec")", noexec, 0},
        {R"("nosymfollow")", MOUNT_ATTR_NOSYMFOLLOW, 0},
        {R"("nosymfollow", "symfollow")", 0, MOUNT_ATTR_NOSYMFOLLOW},
        {R"("nodiratime")", MOUNT_ATTR_NODIRATIME, 0},
        {R"("defaults", "async", "loud")", 0, 0},
    };
    for (const Row& row : rows) {
        CAPTURE(row.options);
        const MountPlan mount = bind_of(concat(R"("bind", )", row.options));
        CHECK(mount.attributes == row.set);
        CHECK(mount.clear_attributes == row.clear);
        CHECK_FALSE(mount.recursive);
        CHECK(tmpfs_of(row.options).attributes == row.set);
    }
}

// mount_setattr(2): access times are one field of two bits; whoever sets it must clear the whole field in the same
// call.
TEST_CASE("mounts: access times are one field, changed as a whole") {
    struct Row {
        const char* options;
        uint64_t set;
    };
    const Row rows[] = {
        {R"("noatime")", MOUNT_ATTR_NOATIME},
        {R"("relatime")", MOUNT_ATTR_RELATIME},
        {R"("strictatime")", MOUNT_ATTR_STRICTATIME},
        {R"("noatime", "atime")", MOUNT_ATTR_RELATIME},
        {R"("norelatime")", MOUNT_ATTR_STRICTATIME},
        {R"("strictatime", "nostrictatime")", MOUNT_ATTR_RELATIME},
        {R"("noatime", "strictatime")", MOUNT_ATTR_STRICTATIME},
    };
    for (const Row& row : rows) {
        CAPTURE(row.options);
        const MountPlan mount = bind_of(concat(R"("bind", )", row.options));
        CHECK(mount.attributes == row.set);
        CHECK(mount.clear_attributes == MOUNT_ATTR__ATIME);
        CHECK(tmpfs_of(row.options).attributes == row.set);
    }
    CHECK(bind_of(R"("bind", "noatime", "ro")").attributes == (MOUNT_ATTR_NOATIME | ro));
}

TEST_CASE("mounts: binds, recursion and propagation") {
    CHECK(bind_of(R"("bind")").kind == MountKind::bind);
    CHECK(bind_of(R"("rbind")").recursive);
    CHECK(compiled(one_mount("/d", "bind", "/srv/d", "")).mounts().mounts[0].kind == MountKind::bind);
    CHECK(bind_of(R"("rbind", "rprivate")").propagation == 1 << 18);
    CHECK(bind_of(R"("rbind", "rslave")").propagation == 1 << 19);
    CHECK(bind_of(R"("rbind", "shared")").propagation == 1 << 20);
    CHECK(bind_of(R"("bind", "runbindable")").propagation == 1 << 17);
    CHECK(bind_of(R"("bind", "shared", "private")").propagation == 1 << 18);
    // Relative to the bundle.
    CHECK(compiled(one_mount("/d", "bind", "data", "")).mounts().mounts[0].source == "/srv/bundle/data");
}

TEST_CASE("mounts: a rootless bind is always the whole tree") {
    Input input = one_mount("/d", "bind", "/srv/d", R"("ro")");
    input.config.linux_.namespaces.push_back({"user", ""});
    input.facts = user_facts();
    CHECK(compiled(input).mounts().mounts[0].recursive);
    // The submounts that came along unasked have what was said of the one mount.
    CHECK(compiled(input).mounts().mounts[0].tree_attributes == ro);
    input.config.mounts[0].options = {"rbind", "ro"};
    CHECK(compiled(input).mounts().mounts[0].tree_attributes == 0);
}

TEST_CASE("mounts: recursive attributes are the whole tree's, plain ones the top's") {  // config.md, Mounts
    struct Row {
        const char* options;
        uint64_t set, clear, tree_set, tree_clear;
    };
    constexpr uint64_t atime = MOUNT_ATTR__ATIME;
    const Row rows[] = {
        {R"("ro")", ro, 0, 0, 0},
        {R"("rro")", ro, 0, ro, 0},
        {R"("rro", "rw")", 0, ro, ro, 0},
        {R"("rrw")", 0, ro, 0, ro},
        {R"("rro", "rrw")", 0, ro, 0, ro},
        {R"("rnosuid", "nodev", "rnoexec")", nosuid | nodev | noexec, 0, nosuid | noexec, 0},
        {R"("rsuid", "rdev", "rexec")", 0, nosuid | nodev | noexec, 0, nosuid | nodev | noexec},
        {R"("rnodiratime")", MOUNT_ATTR_NODIRATIME, 0, MOUNT_ATTR_NODIRATIME, 0},
        {R"("rdiratime")", 0, MOUNT_ATTR_NODIRATIME, 0, MOUNT_ATTR_NODIRATIME},
        {R"("rnosymfollow")", MOUNT_ATTR_NOSYMFOLLOW, 0, MOUNT_ATTR_NOSYMFOLLOW, 0},
        {R"("rsymfollow")", 0, MOUNT_ATTR_NOSYMFOLLOW, 0, MOUNT_ATTR_NOSYMFOLLOW},
        {R"("rnoatime")", MOUNT_ATTR_NOATIME, atime, MOUNT_ATTR_NOATIME, atime},
        {R"("rstrictatime")", MOUNT_ATTR_STRICTATIME, atime, MOUNT_ATTR_STRICTATIME, atime},
        {R"("ratime")", MOUNT_ATTR_RELATIME, atime, MOUNT_ATTR_RELATIME, atime},
        {R"("rrelatime", "noatime")", MOUNT_ATTR_NOATIME, atime, MOUNT_ATTR_RELATIME, atime},
    };
    for (const Row& row : rows) {
        CAPTURE(row.options);
        const MountPlan mount = bind_of(concat(R"("rbind", )", row.options));
        CHECK(mount.attributes == row.set);
        CHECK(mount.clear_attributes == row.clear);
        CHECK(mount.tree_attributes == row.tree_set);
        CHECK(mount.tree_clear_attributes == row.tree_clear);
    }
}

TEST_CASE("mounts: flags of a super-block go to a new file system, and are nothing to a bind") {
    using Options = std::vector<std::pair<std::string, std::string>>;
    CHECK(tmpfs_of(R"("sync", "dirsync", "lazytime", "mand")").options == Options{{"sync", ""}, {"dirsync", ""}, {"lazytime", ""}, {"mand", ""}});
    CHECK(bind_of(R"("bind", "sync", "dirsync", "lazytime", "mand", "mode=755", "size=1k")").options.empty());
    CHECK(tmpfs_of(R"("async", "silent", "nolazytime", "nomand", "iversion", "noiversion")").options.empty());
}

TEST_CASE("mounts: other file systems are the kernel's to judge") {
    const MountPlan overlay = compiled(one_mount("/d", "overlay", "overlay", R"("lowerdir=/a:/b", "ro", "volatile")")).mounts().mounts.at(0);
    CHECK(overlay.kind == MountKind::other);
    CHECK(overlay.type == "overlay");
    CHECK(overlay.source == "overlay");
    CHECK(overlay.attributes == ro);
    const std::vector<std::pair<std::string, std::string>> data{{"lowerdir", "/a:/b"}, {"volatile", ""}};
    CHECK(overlay.options == data);
    const MountPlan again = compiled(one_mount("/d", "tmpfs", "tmpfs", R"("remount", "ro", "nosuid")")).mounts().mounts.at(0);
    CHECK(again.kind == MountKind::remount);
    CHECK(again.attributes == (ro | nosuid));
}

TEST_CASE("mounts: idmapped by maps of their own, or by the container's") {
    Input own;
    own.config = with_mount(R"({"destination": "/d", "type": "none", "source": "/srv/d", "options": ["rbind", "ridmap"],
        "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}], "gidMappings": [{"containerID": 0, "hostID": 2000, "size": 20}]})");
    const MountPlan mount = compiled(own).mounts().mounts.at(0);
    CHECK(mount.idmap);
    CHECK(mount.idmap_recursive);
    CHECK(mount.uid_map == std::vector<IdMapping>{{0, 1000, 10}});
    CHECK(mount.gid_map == std::vector<IdMapping>{{0, 2000, 20}});
    own.config.mounts[0].options = {"bind"};
    CHECK(compiled(own).mounts().mounts.at(0).idmap);
    CHECK_FALSE(compiled(own).mounts().mounts.at(0).idmap_recursive);
    own.config.mounts[0].options = {};
    own.config.mounts[0].type = "tmpfs";
    CHECK(refusal(own) == "config.json: $.mounts[0]: only a bind mount can be idmapped");

    Input container = one_mount("/d", "bind", "/srv/d", R"("idmap")");
    CHECK(refusal(container) ==
          "config.json: $.mounts[0]: an idmapped mount needs uidMappings and gidMappings, or a user namespace of the container's own");
    container.config.linux_.namespaces.push_back({"user", ""});
    container.config.linux_.uid_mappings = container.config.linux_.gid_mappings = {{0, 100000, 65536}};
    CHECK(compiled(container).mounts().mounts.at(0).idmap);
    container.facts = user_facts();
    container.config.linux_.uid_mappings.clear();
    container.config.linux_.gid_mappings.clear();
    CHECK(refusal(container) == "config.json: $.mounts[0]: an idmapped mount needs root");
}

TEST_CASE("mounts: what is no option of the file system is refused by name") {
    struct Row {
        const char *type, *option, *text;
    };
    const Row rows[] = {
        {"tmpfs", "hidepid=2", "option 'hidepid=2': unknown for a mount of type 'tmpfs'"},
        {"proc", "size=1k", "option 'size=1k': unknown for a mount of type 'proc'"},
        {"sysfs", "mode=0755", "option 'mode=0755': unknown for a mount of type 'sysfs'"},
        {"mqueue", "uid=0", "option 'uid=0': unknown for a mount of type 'mqueue'"},
        {"bind", "modes=0755", "option 'modes=0755': unknown for a mount of type 'bind'"},
        {"tmpfs", "copy-symlink", "option 'copy-symlink': unknown for a mount of type 'tmpfs'"},
        {"tmpfs", "RO", "option 'RO': unknown for a mount of type 'tmpfs'"},
        {"tmpfs", "", "option '': unknown for a mount of type 'tmpfs'"},
        {"tmpfs", "=1", "option '=1': unknown for a mount of type 'tmpfs'"},
        {"tmpfs", "ro=1", "option 'ro=1': unknown for a mount of type 'tmpfs'"},
        {"tmpfs", "private,shared", "option 'private,shared': unknown for a mount of type 'tmpfs'"},  // CVE-2024-9407
        {"tmpfs", "rshared ", "option 'rshared ': unknown for a mount of type 'tmpfs'"},
        {"bind", "tmpcopyup", "option 'tmpcopyup': only a tmpfs has it"},
        {"overlay", "", "option '': unknown for a mount of type 'file system'"},
        {"", "ro", "a mount needs a type, or the option 'bind'"},
        {"none", "ro", "a mount needs a type, or the option 'bind'"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(refusal(one_mount("/d", row.type, "src", concat('"', row.option, '"'))) ==
              concat("config.json: $.mounts[0]: ", row.text));
    }
    CHECK(refusal(one_mount("/d", "bind", "", "")) == "config.json: $.mounts[0]: a bind mount needs a source");
}

TEST_CASE("mounts: each file system takes its own options") {
    const std::vector<std::pair<std::string, std::string>> expected{
        {"mode", "1777"}, {"size", "64k"}, {"nr_inodes", "8"}};
    CHECK(tmpfs_of(R"("mode=1777", "size=64k", "nr_inodes=8")").options == expected);
    const Plan pts = compiled(one_mount("/dev/pts", "devpts", "devpts", R"("newinstance", "ptmxmode=0666", "gid=5")"));
    const std::vector<std::pair<std::string, std::string>> pts_options{{"ptmxmode", "0666"}, {"gid", "5"}};
    CHECK(pts.mounts().mounts[0].options == pts_options);
    const Plan proc = compiled(one_mount("/proc", "proc", "proc", R"("hidepid=ptraceable", "subset=pid")"));
    CHECK(proc.mounts().mounts[0].kind == MountKind::proc);
    CHECK(proc.mounts().mounts[0].options.size() == 2);
}

TEST_CASE("mounts: ids of options go where the namespace has one id only") {
    Input input = one_mount("/dev/pts", "devpts", "devpts", R"("mode=0620", "gid=5", "uid=0")");
    input.config.linux_.namespaces.push_back({"user", ""});
    input.facts = user_facts(false);
    const std::vector<std::pair<std::string, std::string>> expected{{"mode", "0620"}};
    CHECK(compiled(input).mounts().mounts[0].options == expected);
}

TEST_CASE("mounts: nothing but the procfs itself is mounted at or below /proc") {  // CVE-2019-16884
    for (const char* destination : {"/proc", "/proc/self", "/proc/self/attr", "/proc/sys"}) {
        CAPTURE(destination);
        const std::string text =
            concat("config.json: $.mounts[0].destination: '", destination, "' is at or below /proc");
        CHECK(refusal(one_mount(destination, "tmpfs", "tmpfs", "")) == text);
        CHECK(refusal(one_mount(destination, "bind", "/srv/d", "")) == text);
        CHECK(refusal(one_mount(destination, "sysfs", "sysfs", "")) == text);
    }
    CHECK(refusal(one_mount("/proc/self", "proc", "proc", "")) ==
          "config.json: $.mounts[0].destination: '/proc/self' is at or below /proc");
    CHECK(refusal(one_mount("/proc", "proc", "proc", R"("bind")")) ==
          "config.json: $.mounts[0].destination: '/proc' is at or below /proc");
    CHECK(refusal(one_mount("/proc", "proc", "proc", "")) == "compiled");
    // What lxcfs and engines bind, and the host's own procfs.
    CHECK(refusal(one_mount("/proc/cpuinfo", "bind", "/var/lib/lxcfs/proc/cpuinfo", "")) == "compiled");
    CHECK(refusal(one_mount("/proc", "bind", "/proc", R"("rbind")")) == "compiled");
    CHECK(refusal(one_mount("/proc/cpuinfo", "tmpfs", "tmpfs", "")) ==
          "config.json: $.mounts[0].destination: '/proc/cpuinfo' is at or below /proc");
    CHECK(refusal(one_mount("/process", "tmpfs", "tmpfs", "")) == "compiled");
}

TEST_CASE("mounts: a destination is absolute, normal and not the root") {
    const std::pair<const char*, const char*> cleaned[] = {{"/a//b", "/a/b"}, {"/a/.", "/a"}, {"/a/", "/a"}, {"//a/./b//", "/a/b"}};
    for (const auto& [said, meant] : cleaned) {
        const std::string_view name = said;  // clang 14: no binding in a lambda
        CAPTURE(name);
        CHECK(compiled(one_mount(said, "tmpfs", "tmpfs", "")).mounts().mounts.at(0).destination == meant);
    }
    CHECK(refusal(one_mount("//proc/", "tmpfs", "tmpfs", "")) == "config.json: $.mounts[0].destination: '/proc' is at or below /proc");
    for (const char* destination : {"/a/../proc", "/.."}) {
        CAPTURE(destination);
        CHECK(refusal(one_mount(destination, "tmpfs", "tmpfs", "")) ==
              concat("config.json: $.mounts[0].destination: '", destination, "' is not an absolute, normal path"));
    }
    CHECK(refusal(one_mount("/", "tmpfs", "tmpfs", "")) ==
          "config.json: $.mounts[0].destination: '/' is the root file system");
}

TEST_CASE("mounts: a tmpfs at /dev becomes the launcher's own /dev, once") {
    const Plan plan = compiled(one_mount("/dev", "tmpfs", "tmpfs", R"("nosuid", "nodev", "mode=0755")"));
    CHECK(plan.mounts().make_dev);
    CHECK(plan.mounts().mounts[0].kind == MountKind::dev);
    CHECK((plan.mounts().mounts[0].attributes & nodev) == 0);  // its nodes are to work
    CHECK(plan.mounts().devices.size() == 6);
    Input twice;
    twice.config =
        with_mount(concat(mount_json("/dev", "tmpfs", "tmpfs", ""), ", ", mount_json("/dev", "tmpfs", "tmpfs", "")));
    CHECK(refusal(twice) == "config.json: $.mounts[1].destination: a second file system at '/dev'");
    const Plan bound = compiled(one_mount("/dev", "bind", "/dev", R"("rbind")"));
    CHECK_FALSE(bound.mounts().make_dev);
    CHECK(bound.mounts().devices.empty());
    CHECK(bound.mounts().root_devices.empty());
    // Nothing at /dev: the root file system has it.
    CHECK(compiled(Input()).mounts().devices.empty());
    CHECK(compiled(Input()).mounts().root_devices.size() == 6);
}

TEST_CASE("mounts: a cgroup mount of v2 is a fresh one in a namespace of its own, else a bind of the container's group") {
    Input input = one_mount("/sys/fs/cgroup", "cgroup", "cgroup", R"("ro")");
    input.request.id = "web";
    MountPlan mount = compiled(input).mounts().mounts.at(0);
    CHECK(mount.kind == MountKind::bind);
    CHECK(mount.source == "/sys/fs/cgroup/casemate/web");
    input.config.linux_.namespaces.push_back({"cgroup", ""});
    CHECK(compiled(input).mounts().mounts.at(0).kind == MountKind::cgroup2);
}

TEST_CASE("mounts: a cgroup mount of v1 is a tmpfs with a read-only bind of the container's group a hierarchy") {
    Input input = one_mount("/sys/fs/cgroup", "cgroup", "cgroup", R"("nosuid", "rw")");
    input.config.linux_.cgroups_path = "/pod/web";
    using cgroup::Version;
    input.facts.cgroups.hierarchies = {{Version::v1, "/sys/fs/cgroup/devices", {"devices"}},
                                       {Version::v1, "/sys/fs/cgroup/systemd", {"name=systemd"}},
                                       {Version::v2, "/sys/fs/cgroup/unified", {}}};
    const std::vector<MountPlan> mounts = compiled(input).mounts().mounts;
    REQUIRE(mounts.size() == 3);
    CHECK(mounts[0].kind == MountKind::tmpfs);
    CHECK(mounts[2].kind == MountKind::bind);
    CHECK(mounts[2].destination == "/sys/fs/cgroup/systemd");
    CHECK(mounts[2].source == "/sys/fs/cgroup/systemd/pod/web");
    CHECK(mounts[2].parent == 0);
    CHECK((mounts[2].attributes & MOUNT_ATTR_RDONLY) != 0);  // also where "rw" was asked for: release_agent
    input.request.no_cgroup = true;
    CHECK(compiled(input).mounts().mounts.size() == 1);
}

TEST_CASE("mounts: the parent is the deepest earlier mount, the last of equals") {
    Input input;
    std::string mounts;
    for (const char* destination : {"/a", "/a/b", "/a", "/ab", "/a/b/c", "/a/x"})
        mounts += concat(mounts.empty() ? "" : ", ", mount_json(destination, "tmpfs", "tmpfs", ""));
    input.config = with_mount(mounts);
    std::vector<int> parents;
    const Plan plan = compiled(input);
    for (const MountPlan& mount : plan.mounts().mounts) parents.push_back(mount.parent);
    CHECK(parents == std::vector<int>{-1, 0, -1, -1, 1, 2});
}

TEST_CASE("mounts: a volume is nosuid and nodev under launch, and idmapped with the root or without") {
    Input input = launching(child_of(
        "hardened",
        R"("filesystem": {"mounts": [{"destination": "/data", "type": "bind", "source": "/srv/data", "readonly": false}]})"));
    for (const bool shifted : {false, true}) {
        input.request.root_shifted = shifted;
        const MountPlan mount = *find_mount(compiled(input), "/data");
        CHECK((mount.attributes & (nosuid | nodev | noexec)) == (nosuid | nodev | noexec));
        CHECK(mount.idmap);
        // What the host mounted read-only stays so, at the top and below.
        CHECK(mount.clear_attributes == 0);
    }
}

TEST_CASE("root: propagation weaker than the profile's is refused, of mounts too") {
    using policy::Propagation;
    struct Row {
        const char* word;
        Propagation bound;
        bool sound;
    };
    const Row rows[] = {{"rprivate", Propagation::private_, true}, {"rslave", Propagation::private_, false},
                        {"shared", Propagation::private_, false},  {"unbindable", Propagation::private_, true},
                        {"rslave", Propagation::slave, true},      {"rshared", Propagation::slave, false},
                        {"private", Propagation::slave, true},     {"rshared", Propagation::shared, true}};
    constexpr const char* names[] = {"shared", "slave", "private"};
    for (const Row& row : rows) {
        CAPTURE(row.word);
        const std::string bound = names[static_cast<size_t>(row.bound)];
        Input input;
        input.profile.filesystem.rootfs_propagation = row.bound;
        input.config.linux_.rootfs_propagation = row.word;
        CHECK(refusal(input) ==
              (row.sound ? "compiled"
                         : concat("config.json: $.linux.rootfsPropagation: weaker than filesystem.rootfsPropagation '",
                                  bound, "'")));
        Input mount = one_mount("/d", "bind", "/srv/d", concat("\"", row.word, '"'));
        mount.profile.filesystem.rootfs_propagation = row.bound;
        CHECK(refusal(mount) ==
              (row.sound
                   ? "compiled"
                   : concat("config.json: $.mounts[0].options: propagation weaker than filesystem.rootfsPropagation '",
                            bound, "'")));
    }
}

// Namespaces, what is said in them, and the closed list of sysctls (SECURITY 3.B, CVE-2022-0811).
#include <sched.h>

#include "base/text.h"
#include "plan/expected.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

NamespacesPlan owning(std::vector<std::string> types) {
    NamespacesPlan plan;
    plan.own_types = std::move(types);
    return plan;
}
std::string path_or_error(std::string_view key, const NamespacesPlan& namespaces) {
    const auto path = sysctl_path(key, namespaces);
    return path ? path.value() : path.error().text();
}
Input in_namespaces(const std::string& types, const std::string& more = {}) {
    std::string list;
    for (const std::string_view type : split(types, ' '))
        list += concat(list.empty() ? "" : ", ", R"({"type": ")", type, "\"}");
    Input input;
    input.config = with_linux(concat(R"("namespaces": [)", list, "]", more));
    return input;
}

NamespaceFact found_at(const char* type, const char* path, uint64_t inode) {
    NamespaceFact fact;
    fact.type = type;
    fact.path = path;
    fact.inode = inode;
    return fact;
}

}  // namespace

TEST_CASE("namespaces: flags of the clone, and the two that are unshared later") {
    Input v1 = in_namespaces("mount pid ipc uts network cgroup time");
    v1.facts.cgroups.hierarchies = {{cgroup::Version::v1, "/sys/fs/cgroup/devices", {"devices"}}};
    const NamespacesPlan plan = compiled(v1).namespaces();
    CHECK(plan.clone_flags == (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET));
    CHECK(plan.new_cgroup);
    const NamespacesPlan v2 = compiled(in_namespaces("mount cgroup")).namespaces();
    CHECK(v2.clone_flags == (CLONE_NEWNS | CLONE_NEWCGROUP));  // born into its group
    CHECK_FALSE(v2.new_cgroup);
    CHECK(plan.new_time);
    CHECK(plan.loopback_up);
    CHECK(plan.owns("cgroup"));
    CHECK_FALSE(plan.owns("user"));
    CHECK_FALSE(compiled(in_namespaces("mount")).namespaces().loopback_up);
    CHECK((compiled(launching(shipped("hardened"))).namespaces().clone_flags & CLONE_NEWUSER) != 0);
}

TEST_CASE("namespaces: without a mount namespace only where nobody but config.json has a say, and root mounts") {
    const auto without = [](std::vector<std::string> types) {
        Input input;
        input.config.linux_.namespaces.clear();
        for (std::string& type : types) input.config.linux_.namespaces.push_back({std::move(type), ""});
        return input;
    };
    CHECK_FALSE(compiled(without({"pid"})).namespaces().is_apart("mount"));
    const std::string always = "config.json: $.linux.namespaces: a mount namespace is always made here; add {\"type\": \"mount\"}";
    Input ceiling = without({});
    ceiling.request.sources_resolved = true;
    CHECK(refusal(ceiling) == always);
    Input launch = without({});
    launch.request.launch = true;
    CHECK(refusal(launch) == always);
    Input user = without({"user"});
    user.config.linux_.uid_mappings = user.config.linux_.gid_mappings = {{0, 100000, 65536}};
    CHECK(contains(refusal(user), "a user namespace gives no right to mount in the caller's mount namespace"));
    user.config.linux_.uid_mappings = user.config.linux_.gid_mappings = {};
    user.facts = user_facts();
    CHECK(contains(refusal(user), "a user namespace gives no right to mount"));

    Input remount = without({});
    remount.config.mounts = {{"/d", "none", "/d", {"remount", "ro"}, {}, {}}};
    CHECK(contains(refusal(remount), "config.json: $.mounts[0].options: 'remount' needs a mount namespace"));
    Input hooked = without({});
    hooked.config.hooks.poststop.push_back({});
    CHECK(compiled(hooked).hooks().poststop.size() == 1);
    hooked.config.hooks.start_container.push_back({});
    CHECK(contains(refusal(hooked), "config.json: $.hooks.startContainer: needs a mount namespace"));
}

TEST_CASE("namespaces: given twice, or unknown") {
    const auto parse = [](const std::string& list) {
        const auto config = oci::parse_config(
            concat(R"({"ociVersion": "1.3.0", "root": {"path": "r"}, "linux": {"namespaces": [)", list, "]}}"));
        return config ? "parsed" : config.error().text();
    };
    CHECK(parse(R"({"type": "mount"}, {"type": "pid"}, {"type": "pid"})") ==
          "config.json: $.linux.namespaces[2]: namespace 'pid' given twice");
    CHECK(parse(R"({"type": "pid"}, {"type": "pid", "path": "/proc/1/ns/pid"})") ==
          "config.json: $.linux.namespaces[1]: namespace 'pid' given twice");
    CHECK(contains(parse(R"({"type": "pids"})"), "did you mean 'pid'"));
    // A configuration that no parser made is judged too.
    Input twice = in_namespaces("mount pid");
    twice.config.linux_.namespaces.push_back({"pid", ""});
    CHECK(refusal(twice) == "config.json: $.linux.namespaces[2]: 'pid' given twice");
    Input unknown = in_namespaces("mount");
    unknown.config.linux_.namespaces.push_back({"syslog", ""});
    CHECK(refusal(unknown) == "config.json: $.linux.namespaces[1].type: unknown namespace 'syslog'");
}

TEST_CASE("namespaces: by path: what was found there decides") {
    Input input = in_namespaces("mount", R"(, "sysctl": {"net.ipv4.ip_forward": "1"})");
    input.config.linux_.namespaces.push_back({"network", "/run/netns/web"});
    input.config.linux_.namespaces.push_back({"uts", "/proc/9/ns/uts"});
    input.config.hostname = "web";
    CHECK(refusal(input) == "config.json: $.linux.namespaces[1].path: '/run/netns/web' was not opened");
    input.request.namespaces = {found_at("network", "/run/netns/web", 17), found_at("uts", "/proc/9/ns/uts", 18)};
    const Plan plan = compiled(input);
    CHECK(plan.namespaces().clone_flags == CLONE_NEWNS);
    REQUIRE(plan.namespaces().joined.size() == 2);
    CHECK(plan.namespaces().joined[0].type == "network");
    CHECK(plan.namespaces().joins("uts"));
    CHECK_FALSE(plan.namespaces().owns("network"));
    CHECK_FALSE(plan.namespaces().loopback_up);  // its owner's
    CHECK(plan.namespaces().hostname == "web");
    CHECK(expected_of(plan, 0).joined_namespaces == std::map<std::string, uint64_t>{{"net", 17}, {"uts", 18}});
    CHECK(contains(to_json(plan), R"("network": "/run/netns/web")"));

    // The host's own, named by a path, is the host's.
    input.request.namespaces[0].is_hosts = true;
    CHECK(contains(refusal(input), "'net.ipv4.ip_forward': needs an own network namespace"));
    input.config.linux_.sysctl.clear();
    CHECK(compiled(input).namespaces().joined.size() == 1);
    input.profile.namespaces.private_ = {"network"};
    CHECK(contains(refusal(input), "the host's network namespace is refused"));
}

TEST_CASE("namespaces: the host's mount namespace cannot be joined, another's can") {
    Input input = in_namespaces("pid");
    input.config.linux_.namespaces.push_back({"mount", "/proc/1/ns/mnt"});
    input.request.namespaces = {found_at("mount", "/proc/1/ns/mnt", 5)};
    input.request.namespaces[0].is_hosts = true;
    CHECK(refusal(input) == "config.json: $.linux.namespaces[1].path: '/proc/1/ns/mnt' is the host's own mount namespace");
    input.request.namespaces[0].is_hosts = false;
    CHECK(compiled(input).namespaces().clone_flags == CLONE_NEWPID);
}

TEST_CASE("namespaces: a joined user namespace has its maps already") {
    Input input = in_namespaces("mount pid");
    input.config.linux_.namespaces.push_back({"user", "/proc/9/ns/user"});
    NamespaceFact fact = found_at("user", "/proc/9/ns/user", 5);
    fact.uid_map = fact.gid_map = {{0, 100000, 1000}, {1000, 5000, 10}};
    input.request.namespaces = {fact};
    const Plan plan = compiled(input);
    CHECK(plan.ids().mode == Mode::root_userns);
    CHECK(plan.ids().uid_map == fact.uid_map);
    CHECK(plan.ids().owner_uid == 100000);
    CHECK((plan.namespaces().clone_flags & CLONE_NEWUSER) == 0);
    CHECK_FALSE(plan.namespaces().restrict_user_namespaces);
    // Engines say the maps once more, in any order; other ones are an error.
    input.config.linux_.uid_mappings = {{1000, 5000, 10}, {0, 100000, 1000}};
    CHECK(refusal(input) == "compiled");
    input.config.linux_.uid_mappings = {{0, 100000, 1001}};
    CHECK(refusal(input) == "config.json: $.linux.uidMappings: not the map of the user namespace '/proc/9/ns/user'");
    input.config.linux_.uid_mappings.clear();
    input.config.process->user.uid = 3000;
    CHECK(contains(refusal(input), "uid 3000 is not in the user namespace's map"));

    input.config.process->user.uid = 0;
    input.facts = user_facts(false);
    CHECK_FALSE(compiled(input).ids().use_map_helpers);
    CHECK(compiled(input).ids().set_groups);
    input.request.namespaces[0].setgroups_denied = true;
    CHECK_FALSE(compiled(input).ids().set_groups);
}

TEST_CASE("namespaces: the host's is refused where the profile names it") {
    for (const char* type : {"pid", "ipc", "uts", "network", "user", "cgroup", "time"}) {
        CAPTURE(type);
        Input input;
        input.profile = silent();
        input.profile.name = "ceiling";
        input.profile.namespaces.private_ = {type};
        CHECK(refusal(input) ==
              concat("the host's ", type, " namespace is refused: namespaces.private of 'ceiling' names it"));
        input.config.linux_.namespaces.push_back({type, ""});
        input.config.linux_.uid_mappings = input.config.linux_.gid_mappings =
            type == std::string("user") ? std::vector<oci::IdMap>{{0, 100000, 1000}} : std::vector<oci::IdMap>{};
        CHECK(refusal(input) == "compiled");
    }
}

TEST_CASE("namespaces: names need their own uts namespace, offsets their own time namespace") {
    Input input = in_namespaces("mount");
    input.config.hostname = "web";
    CHECK(refusal(input) == "config.json: $.hostname: needs a uts namespace");
    input.config.hostname.clear();
    input.config.domainname = "example.org";
    CHECK(refusal(input) == "config.json: $.domainname: needs a uts namespace");
    input.config.linux_.namespaces.push_back({"uts", ""});
    input.config.hostname = "web";
    CHECK(compiled(input).namespaces().hostname == "web");
    CHECK(compiled(input).namespaces().domainname == "example.org");

    const std::string offsets = R"(, "timeOffsets": {"monotonic": {"secs": 60, "nanosecs": 1}})";
    CHECK(refusal(in_namespaces("mount", offsets)) == "config.json: $.linux.timeOffsets: needs a time namespace");
    const Plan plan = compiled(in_namespaces("mount time", offsets));
    REQUIRE(plan.namespaces().time_offsets.size() == 1);
    CHECK(plan.namespaces().time_offsets[0].second == oci::TimeOffset{60, 1});
}

TEST_CASE("namespaces: the limit of user namespaces only inside an own one, where it is not the host's") {
    CHECK(compiled(launching(shipped("hardened"))).namespaces().restrict_user_namespaces);
    CHECK(compiled(launching(shipped("hardened"), user_facts())).namespaces().restrict_user_namespaces);
    Input input;
    input.profile.namespaces.restrict_namespaces = true;
    CHECK_FALSE(compiled(input).namespaces().restrict_user_namespaces);
}

TEST_CASE("sysctl: those of owned namespaces, in both spellings") {
    const NamespacesPlan all = owning({"network", "ipc", "uts", "user"});
    CHECK(path_or_error("net.ipv4.ip_unprivileged_port_start", all) == "net/ipv4/ip_unprivileged_port_start");
    CHECK(path_or_error("net/ipv4/conf/eth0.1/forwarding", all) == "net/ipv4/conf/eth0.1/forwarding");
    CHECK(path_or_error("kernel.shmmax", all) == "kernel/shmmax");
    CHECK(path_or_error("kernel.shm_rmid_forced", all) == "kernel/shm_rmid_forced");
    CHECK(path_or_error("kernel.msgmnb", all) == "kernel/msgmnb");
    CHECK(path_or_error("kernel.sem", all) == "kernel/sem");
    CHECK(path_or_error("fs.mqueue.msg_max", all) == "fs/mqueue/msg_max");
    const NamespacesPlan none = owning({"mount", "pid"});
    CHECK(path_or_error("net.ipv4.ip_forward", none) == "'net.ipv4.ip_forward': needs an own network namespace");
    CHECK(path_or_error("kernel.shmmax", none) == "'kernel.shmmax': needs an own ipc namespace");
    CHECK(path_or_error("fs.mqueue.msg_max", none) == "'fs.mqueue.msg_max': needs an own ipc namespace");
}

TEST_CASE("sysctl: the host's are refused, however they are written") {
    const NamespacesPlan all = owning({"network", "ipc", "uts", "user", "pid", "mount", "cgroup", "time"});
    for (const char* key : {"kernel.core_pattern",
                            "kernel/core_pattern",
                            "kernel.hostname",
                            "kernel.domainname",
                            "kernel.modprobe",
                            "kernel.sysrq",
                            "kernel.semaphore",
                            "kernel.sem.x",
                            "kernel",
                            "net",
                            "fs.mqueue",
                            "fs.suid_dumpable",
                            "vm.overcommit_memory",
                            "vm.memfd_noexec",
                            "user.max_user_namespaces",
                            "debug.x",
                            "abi.x",
                            "sunrpc.x",
                            "crypto.fips_enabled",
                            "dev.tty.legacy_tiocsti",
                            "Net.ipv4.ip_forward",
                            "netx.a",
                            "NET/ipv4/x",
                            "kernel.shm/../core_pattern."}) {
        CAPTURE(key);
        const std::string text = path_or_error(key, all);
        const bool refused = text == concat("'", key, "': belongs to the host, not to a namespace") ||
                             text == concat("'", key, "': not a sysctl");
        CHECK_MESSAGE(refused, text);
    }
    for (const char* key : {"", ".", "..", "net..ipv4", "net.", ".net.x", "net/../kernel/core_pattern", "net/./x",
                            "/net/x", "net//x", "net/x/", "net/.."}) {
        CAPTURE(key);
        CHECK(path_or_error(key, all) == concat("'", key, "': not a sysctl"));
    }
    // A key of another case, with a control byte, or with a second assignment in it.
    CHECK(path_or_error("net.ipv4.x\nkernel.core_pattern", all) ==
          "'net.ipv4.x\\x0akernel.core_pattern': not a sysctl");
    CHECK(path_or_error("net.x=1+kernel.core_pattern", all) == "'net.x=1+kernel.core_pattern': not a sysctl");
}

TEST_CASE("sysctl: values") {
    const auto value = [](const std::string& text) {
        Input input = in_namespaces("mount network ipc");
        input.config.linux_.sysctl = {{"kernel.sem", text}};
        return input;
    };
    const std::vector<std::pair<std::string, std::string>> expected{{"kernel/sem", "250\t32000 32 128"}};
    CHECK(compiled(value("250\t32000 32 128")).sysctl().values == expected);
    for (const char* text : {"1\nkernel.core_pattern=|/x", "1\r", "\x01", "\x7f"})
        CHECK(refusal(value(text)) == "config.json: $.linux.sysctl: 'kernel.sem': a control character in the value");
    CHECK(refusal(value(std::string("1\0 2", 4))) ==
          "config.json: $.linux.sysctl: 'kernel.sem': a control character in the value");
    Input input;
    input.config.linux_.sysctl = {{"kernel.core_pattern", "|/bin/sh"}};
    CHECK(refusal(input) ==
          "config.json: $.linux.sysctl: 'kernel.core_pattern': belongs to the host, not to a namespace");
}

TEST_CASE("sysctl: one written twice, in two spellings, is refused") {
    Input input = in_namespaces("mount network");
    input.config.linux_.sysctl = {{"net.ipv4.ip_forward", "0"}, {"net/ipv4/ip_forward", "1"}};
    CHECK(refusal(input) == "config.json: $.linux.sysctl: 'net/ipv4/ip_forward': given twice");
}

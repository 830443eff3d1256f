// compare(): one matching process, then one deviation at a time. Each deviation must be named by its own check and by
// no other, and turn the whole red.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "plan/expected.h"

using namespace casemate::plan;

namespace {

Expected hardened() {
    Expected e;
    e.uids.emplace(4, 1001);
    e.gids.emplace(4, 1001);
    e.groups = {1001};
    e.cap_bounding = e.cap_permitted = e.cap_effective = e.cap_inheritable = e.cap_ambient = 0;
    e.no_new_privs = true;
    e.seccomp_mode = 2;
    e.seccomp_filters = 1;
    e.seccomp_program = {BPF_STMT(BPF_RET | BPF_K, 0)};
    e.own_namespaces = {"mnt", "net", "pid", "user"};
    e.uid_map = e.gid_map = {{0, 524288, 65536}};
    e.setgroups_allowed = true;
    e.exact_mounts = true;
    e.mounts = {{"", "", "/", {"ro", "nosuid", "nodev", "idmapped"}, {}, {}, false},
                {"proc", "", "/proc", {"nosuid", "nodev", "noexec"}, {}, {"hidepid=ptraceable"}, false},
                {"tmpfs", "", "/tmp", {"nosuid", "nodev", "noexec"}, {}, {"size=65536k"}, false},
                {"", "", "/data", {"ro", "nosuid"}, {}, {}, true, {"ro", "nosuid"}}};
    e.masked_paths = {"/proc/kcore", "/proc/nothing"};
    e.readonly_paths = {"/proc/sys"};
    e.no_writable_executable = true;
    e.limits = {{"RLIMIT_CORE", {0, 0}}, {"RLIMIT_NOFILE", {4096, 65536}}};
    e.umask = 027;
    e.oom_score_adj = 0;
    e.fds = {0, 1, 2};
    e.host_uid_not_root = true;
    e.inside_only = {"landlock", "mdwe"};
    e.hostname = "casemate";
    e.sysctls = {{"user/max_user_namespaces", "0"}};
    e.securebits = 0xef;
    e.dumpable = false;
    e.parent_death_signal = 9;
    e.own_session = e.own_session_keyring = true;
    return e;
}

Observed running() {
    constexpr uint32_t host_id = 524288 + 1001;
    Observed o;
    o.uids.assign(4, host_id);
    o.gids.assign(4, host_id);
    o.groups = {host_id};
    o.no_new_privs = true;
    o.seccomp_mode = 2;
    o.seccomp_filters = 1;
    o.seccomp_program = {BPF_STMT(BPF_RET | BPF_K, 0)};
    o.namespaces = {{"mnt", 11}, {"net", 12}, {"pid", 13}, {"user", 14}};
    o.host_namespaces = {{"mnt", 1}, {"net", 2}, {"pid", 3}, {"user", 4}};
    o.uid_map = o.gid_map = {{0, 524288, 65536}};
    o.setgroups_allowed = true;
    o.mounts = {{"ext4", "/root", "/", {"ro", "nosuid", "nodev", "relatime", "idmapped"}, {}, {"rw"}, false},
                {"proc", "/", "/proc", {"rw", "nosuid", "nodev", "noexec"}, {}, {"rw", "hidepid=ptraceable"}, false},
                {"tmpfs", "/", "/tmp", {"rw", "nosuid", "nodev", "noexec"}, {}, {"rw", "size=65536k"}, false},
                {"ext4", "/d", "/data", {"ro", "nosuid"}, {}, {"rw"}, false},
                {"ext4", "/", "/data/below", {"ro", "nosuid"}, {}, {"rw"}, false},
                {"tmpfs", "/file", "/proc/kcore", {"ro"}, {}, {"ro"}, false},
                {"proc", "/sys", "/proc/sys", {"ro", "nosuid"}, {}, {"rw"}, false}};
    o.absent_paths = {"/proc/nothing"};
    o.limits = {{"RLIMIT_CORE", {0, 0}}, {"RLIMIT_NOFILE", {1024, 4096}}};
    o.umask = 027;
    o.oom_score_adj = 0;
    o.fds = {0, 1, 2};
    o.foreign_fds.emplace();
    o.hostname = "casemate";
    o.sysctls = {{"user/max_user_namespaces", "0"}};
    o.securebits = 0xef;
    o.dumpable = false;
    o.parent_death_signal = 9;
    o.own_session = true;
    o.session_keyring = 77;
    o.host_session_keyring = 5;
    return o;
}

Observed running_seen_inside() {
    Observed o = running();
    o.uids.assign(4, 1001);
    o.gids.assign(4, 1001);
    o.groups = {1001};
    return o;
}

std::vector<std::string> red(const std::vector<Check>& checks) {
    std::vector<std::string> names;
    for (const Check& check : checks) {
        if (check.verdict == Verdict::different || (check.verdict == Verdict::unseen && check.required))
            names.push_back(check.what);
    }
    return names;
}

struct Deviation {
    std::string what;
    std::function<void(Observed&)> change;
};

MountLine& at(Observed& o, const std::string& point) {
    return *std::find_if(o.mounts.begin(), o.mounts.end(),
                         [&](const MountLine& line) { return line.mount_point == point; });
}

const std::vector<Deviation>& deviations() {
    static const std::vector<Deviation> all = {
        {"ids.gid", [](Observed& o) { o.gids[2] = 0; }},
        {"ids.groups", [](Observed& o) { o.groups.push_back(4); }},
        {"ids.uidMap", [](Observed& o) { o.uid_map[0].count = 65537; }},
        {"ids.gidMap", [](Observed& o) { o.gid_map.clear(); }},
        {"ids.setgroups", [](Observed& o) { o.setgroups_allowed.reset(); }},
        {"capabilities.bounding", [](Observed& o) { o.cap_bounding = 1; }},
        {"capabilities.permitted", [](Observed& o) { o.cap_permitted = 1; }},
        {"capabilities.effective", [](Observed& o) { o.cap_effective = 1; }},
        {"capabilities.inheritable", [](Observed& o) { o.cap_inheritable = 1; }},
        {"capabilities.ambient", [](Observed& o) { o.cap_ambient = 1; }},
        {"noNewPrivileges", [](Observed& o) { o.no_new_privs = false; }},
        {"namespace.net", [](Observed& o) { o.namespaces["net"] = 2; }},
        {"namespace.user", [](Observed& o) { o.namespaces.erase("user"); }},
        {"mount /", [](Observed& o) { std::erase(at(o, "/").flags, "nosuid"); }},
        {"mount /proc", [](Observed& o) { at(o, "/proc").super_options.pop_back(); }},
        {"mount /tmp", [](Observed& o) { at(o, "/tmp").type = "ext4"; }},
        {"mount /data", [](Observed& o) { at(o, "/data").propagation = {"shared"}; }},
        {"masked /proc/kcore", [](Observed& o) { at(o, "/proc/kcore").type = "devtmpfs"; }},
        {"masked /proc/nothing", [](Observed& o) { o.absent_paths.clear(); }},
        {"readonly /proc/sys",
         [](Observed& o) {
             at(o, "/proc/sys").flags = {"rw", "noexec"};
         }},
        {"mounts.unexpected",
         [](Observed& o) {
             o.mounts.push_back({"ext4", "/", "/etc/secret", {"ro"}, {}, {}, false});
         }},
        {"limits.RLIMIT_CORE",
         [](Observed& o) {
             o.limits["RLIMIT_CORE"] = {0, UINT64_MAX};
         }},
        {"process.umask", [](Observed& o) { o.umask = 022; }},
        {"process.oomScoreAdj", [](Observed& o) { o.oom_score_adj = -1000; }},
    };
    return all;
}

}  // namespace

TEST_CASE("a process as planned is green, from outside and from inside") {
    CHECK(red(compare(hardened(), running(), Viewpoint::outside)).empty());
    CHECK(all_green(compare(hardened(), running(), Viewpoint::outside)));
    CHECK(red(compare(hardened(), running_seen_inside(), Viewpoint::inside)).empty());
    CHECK(all_green(compare(hardened(), running_seen_inside(), Viewpoint::inside)));
}

TEST_CASE("each deviation is named by its check alone, from both viewpoints") {
    for (const Deviation& deviation : deviations()) {
        CAPTURE(deviation.what);
        for (const bool outside : {true, false}) {
            Observed seen = outside ? running() : running_seen_inside();
            deviation.change(seen);
            const auto checks = compare(hardened(), seen, outside ? Viewpoint::outside : Viewpoint::inside);
            CHECK(red(checks) == std::vector<std::string>{deviation.what});
            CHECK_FALSE(all_green(checks));
        }
    }
}

TEST_CASE("what only the outside sees") {
    const std::vector<Deviation> outside_only = {
        {"seccomp.mode", [](Observed& o) { o.seccomp_mode = 0; }},
        {"seccomp.filters", [](Observed& o) { o.seccomp_filters = 2; }},
        {"seccomp.program", [](Observed& o) { o.seccomp_program = {BPF_STMT(BPF_RET | BPF_K, 1)}; }},
        {"fds", [](Observed& o) { o.fds->push_back(7); }},
        {"limits.RLIMIT_NOFILE", [](Observed& o) { o.limits.erase("RLIMIT_NOFILE"); }},
        {"fds.foreign", [](Observed& o) { o.foreign_fds->push_back(5); }},
    };
    for (const Deviation& deviation : outside_only) {
        CAPTURE(deviation.what);
        Observed seen = running();
        deviation.change(seen);
        CHECK(red(compare(hardened(), seen, Viewpoint::outside)) == std::vector<std::string>{deviation.what});
        Observed inside = running_seen_inside();
        deviation.change(inside);
        CHECK(red(compare(hardened(), inside, Viewpoint::inside)).empty());
    }
}

TEST_CASE("what only the inside sees") {
    const std::vector<Deviation> inside_only = {
        {"securebits", [](Observed& o) { o.securebits = 0; }},
        {"dumpable", [](Observed& o) { o.dumpable = true; }},
        {"parentDeathSignal", [](Observed& o) { o.parent_death_signal = 0; }},
        {"session", [](Observed& o) { o.own_session = false; }},
        {"sessionKeyring", [](Observed& o) { o.session_keyring = 5; }},
        {"sessionKeyring", [](Observed& o) { o.session_keyring.reset(); }},
        {"hostname", [](Observed& o) { o.hostname = "build-machine"; }},
        {"sysctl.user/max_user_namespaces", [](Observed& o) { o.sysctls.begin()->second = "1"; }},
    };
    for (const Deviation& deviation : inside_only) {
        CAPTURE(deviation.what);
        Observed seen = running_seen_inside();
        deviation.change(seen);
        CHECK(red(compare(hardened(), seen, Viewpoint::inside)) == std::vector<std::string>{deviation.what});
    }
}

TEST_CASE("a sysctl of several numbers is compared by its words") {
    Expected expected = hardened();
    expected.sysctls = {{"net/ipv4/ping_group_range", "0 100"}};
    Observed seen = running_seen_inside();
    seen.sysctls = {{"net/ipv4/ping_group_range", "0\t100"}};
    CHECK(red(compare(expected, seen, Viewpoint::inside)).empty());
    seen.sysctls = {{"net/ipv4/ping_group_range", "01\t00"}};
    CHECK(red(compare(expected, seen, Viewpoint::inside)) == std::vector<std::string>{"sysctl.net/ipv4/ping_group_range"});
}

TEST_CASE("root on the host or inside is named") {
    Observed seen = running();
    seen.uids.assign(4, 524288);
    auto names = red(compare(hardened(), seen, Viewpoint::outside));
    CHECK(names == std::vector<std::string>{"ids.uid", "ids.runAsNonRoot"});
    seen = running();
    seen.uid_map = {{0, 0, 65536}};
    names = red(compare(hardened(), seen, Viewpoint::outside));
    CHECK(std::count(names.begin(), names.end(), "ids.runAsNonRoot") == 1);
}

TEST_CASE("inside the reader's own user namespace ids are what they seem") {  // an engine's, rootless
    Expected expected = hardened();
    expected.own_namespaces = {"mnt"};
    expected.uid_map.reset();
    expected.gid_map.reset();
    Observed seen = running();
    seen.uids.assign(4, 1001);
    seen.gids.assign(4, 1001);
    seen.groups = {1001};
    seen.uid_map = {{0, 1001, 1}, {1, 200000, 65536}};
    CHECK(red(compare(expected, seen, Viewpoint::outside)) == std::vector<std::string>{"ids.runAsNonRoot"});
    seen.host_namespaces["user"] = seen.namespaces["user"];
    CHECK(red(compare(expected, seen, Viewpoint::outside)).empty());
    seen.uids.assign(4, 0);
    CHECK(red(compare(expected, seen, Viewpoint::outside)) == std::vector<std::string>{"ids.uid", "ids.runAsNonRoot"});
}

TEST_CASE("a program that may not be read is no failure, and never green") {
    Observed seen = running();
    seen.seccomp_program.reset();
    const auto checks = compare(hardened(), seen, Viewpoint::outside);
    CHECK(all_green(checks));
    const auto program =
        std::find_if(checks.begin(), checks.end(), [](const Check& c) { return c.what == "seccomp.program"; });
    REQUIRE(program != checks.end());
    CHECK(program->verdict == Verdict::unseen);
}

TEST_CASE("Landlock and MDWE are reported as checked inside, never as ok") {
    for (const Check& check : compare(hardened(), running(), Viewpoint::outside)) {
        if (check.what == "landlock" || check.what == "mdwe") CHECK(check.verdict == Verdict::inside_only);
    }
}

TEST_CASE("a mount below a recursive bind has the flags of the bind's tree") {
    Observed seen = running();
    at(seen, "/data/below").flags = {"rw", "noexec", "nosuid"};
    CHECK(red(compare(hardened(), seen, Viewpoint::outside)) == std::vector<std::string>{"mount /data/below"});
}

TEST_CASE("a masked path behind a symlink is found under its real name") {
    Expected expected = hardened();
    expected.masked_paths.push_back("/var/run/x");
    Observed seen = running();
    seen.mounts.push_back({"tmpfs", "/file", "/run/x", {"ro"}, {}, {}, false});
    CHECK(uncovered_paths(expected, seen.mounts) == std::vector<std::string>{"/proc/nothing", "/var/run/x"});
    CHECK_FALSE(all_green(compare(expected, seen, Viewpoint::outside)));
    seen.path_aliases = {{"/var/run/x", "/run/x"}};
    CHECK(red(compare(expected, seen, Viewpoint::outside)).empty());
}

// Under `oci` an unexpected mount may be config.json's or a hook's; a second root is the host's, not left.
TEST_CASE("compare: a mount over the root is always named, but while the app runs") {
    Expected expected = hardened();
    expected.exact_mounts = false;
    Observed seen = running();
    seen.mounts.push_back({"ext4", "/", "/", {"ro"}, {}, {"rw"}, false});
    CHECK(red(compare(expected, seen, Viewpoint::outside)) == std::vector<std::string>{"mounts.overRoot"});
    expected.at_most = true;
    CHECK(red(compare(expected, seen, Viewpoint::outside)).empty());
}

TEST_CASE("the exec of the stub changes the sets: capabilities(7)") {
    Expected expected = hardened();
    constexpr uint64_t net_bind = 1 << 10;
    expected.cap_bounding = expected.cap_permitted = expected.cap_effective = net_bind;
    Observed seen = running();
    seen.cap_bounding = net_bind;  // permitted and effective are lost by a user other than 0 without ambient ones
    CHECK(red(compare(expected, seen, Viewpoint::outside)).empty());
    Observed inside = running_seen_inside();
    inside.cap_bounding = inside.cap_permitted = inside.cap_effective = net_bind;
    CHECK(red(compare(expected, inside, Viewpoint::inside)).empty());
}

TEST_CASE("a profile bounds: less is green, more is not") {
    Expected bound;
    bound.at_most = true;
    bound.cap_bounding = bound.cap_effective = 0x400;
    bound.no_new_privs = true;
    bound.umask = 022;
    bound.oom_score_adj = 0;
    bound.no_writable_executable = true;
    bound.forbidden_mounts = {"/sys"};
    Observed seen = running();
    seen.umask = 077;
    seen.oom_score_adj = 500;
    CHECK(red(compare(bound, seen, Viewpoint::outside)).empty());
    seen.cap_effective = 0x401;
    seen.mounts.push_back({"sysfs", "/", "/sys", {"ro"}, {}, {}, false});
    at(seen, "/tmp").flags = {"rw"};
    CHECK(red(compare(bound, seen, Viewpoint::outside)) ==
          std::vector<std::string>{"capabilities.effective", "mount /sys", "mounts.writableExecutable"});
}

TEST_CASE("Expected survives its JSON") {
    const Expected before = hardened();
    casemate::json::Writer writer;
    write_json(writer, before);
    const auto document = casemate::json::Document::parse(writer.text());
    REQUIRE(document);
    auto after = expected_from_json(document.value().root());
    REQUIRE(after);
    // Whoever forgets to put the program in its place is told.
    CHECK(red(compare(after.value(), running(), Viewpoint::outside)) == std::vector<std::string>{"seccomp.program"});
    after.value().seccomp_program = before.seccomp_program;
    casemate::json::Writer again;
    write_json(again, after.value());
    CHECK(again.text() == writer.text());
    CHECK(red(compare(after.value(), running(), Viewpoint::outside)).empty());
    for (const Deviation& deviation : deviations()) {
        Observed seen = running();
        deviation.change(seen);
        CHECK(red(compare(after.value(), seen, Viewpoint::outside)) == std::vector<std::string>{deviation.what});
    }
}

TEST_CASE("an unknown or wrong member of a stored Expected is an error") {
    for (const char* text :
         {R"({"surprise": 1})", R"({"uids": ["1"]})", R"({"umask": "0027"})", R"({"seccompInstructions": 0})", R"({"seccompInstructions": 4097})", R"({"uidMap": [[0, 1]]})", "[]",
          R"({"limits": {"RLIMIT_CORE": [0]}})", R"({"mounts": [{"mountPoint": "/", "flag": []}]})"}) {
        CAPTURE(text);
        const auto document = casemate::json::Document::parse(text);
        REQUIRE(document);
        CHECK_FALSE(expected_from_json(document.value().root()));
    }
}

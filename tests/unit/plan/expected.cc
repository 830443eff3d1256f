// What a plan and a profile promise: read off for the shipped profile, in its three modes. Each restriction of the
// plan has to be in the expectation, or verify could not notice its absence.
#include "plan/expected.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "plan/plan.h"

using namespace casemate;
using namespace casemate::plan;

namespace {

policy::Profile hardened() {
    policy::BuiltInReader reader;
    auto profile = policy::load("hardened", reader);
    REQUIRE(profile);
    return std::move(profile).take();
}

struct Case {
    HostFacts facts;
    Request request;
};

Case as_root() {
    Case made;
    made.facts.landlock_abi = 6;
    made.facts.bounding = made.facts.permitted = (uint64_t{1} << 41) - 1;
    made.request.bundle = "/srv/app";
    made.request.launch = true;
    made.request.id_base = 524288;
    return made;
}

Case as_user() {
    Case made = as_root();
    made.facts.euid = made.facts.egid = 1000;
    made.request.id_base = 0;
    return made;
}

Plan planned(const Case& made, const policy::Profile& profile) {
    AppSource app;
    app.root_path = "/srv/app/rootfs";
    app.args = {"/app"};
    auto config = synthesize(app, profile, made.facts);
    REQUIRE_MESSAGE(config, (config ? std::string() : config.error().text()));
    auto plan = compile(config.value(), profile, made.facts, made.request);
    REQUIRE_MESSAGE(plan, (plan ? std::string() : plan.error().text()));
    return std::move(plan).take();
}

const MountLine* line_of(const Expected& expected, const std::string& point) {
    const auto found = std::find_if(expected.mounts.begin(), expected.mounts.end(),
                                    [&](const MountLine& line) { return line.mount_point == point; });
    return found == expected.mounts.end() ? nullptr : &*found;
}

bool has(const std::vector<std::string>& list, const std::string& word) {
    return std::count(list.begin(), list.end(), word) != 0;
}

}  // namespace

TEST_CASE("root with a user namespace: everything the plan restricts is expected") {
    const Expected e = expected_of(planned(as_root(), hardened()), 2);
    CHECK(e.uids == std::vector<uint32_t>(4, 1001));
    CHECK(e.groups == std::vector<uint32_t>{1001});
    CHECK(e.uid_map == std::vector<IdMapping>{{0, 524288, 65536}});
    CHECK(e.host_uid_not_root);
    CHECK(e.cap_bounding == 0);
    CHECK(e.cap_ambient == 0);
    CHECK(e.no_new_privs == true);
    CHECK(e.seccomp_mode == 2);
    CHECK(e.seccomp_filters == 3);  // the launcher's own two, and ours
    CHECK(e.seccomp_program->size() > 100);
    CHECK(e.own_namespaces == std::vector<std::string>{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"});
    CHECK(e.limits.at("RLIMIT_CORE") == std::pair<uint64_t, uint64_t>{0, 0});
    CHECK(e.umask == 027);
    CHECK(e.fds == std::vector<int>{0, 1, 2});
    CHECK(e.exact_mounts);
    CHECK(e.hostname == "casemate");
    CHECK(e.sysctls.at("user/max_user_namespaces") == "0");
    CHECK(e.dumpable == false);
    CHECK(e.own_session);
    CHECK(e.own_session_keyring);
    for (const char* what : {"landlock", "mdwe", "securebits", "session keyring"}) CHECK(has(e.inside_only, what));
    CHECK(has(e.masked_paths, "/proc/kcore"));
    CHECK(has(e.readonly_paths, "/proc/sys"));
}

TEST_CASE("mounts: flags and options as mountinfo writes them") {
    const Expected e = expected_of(planned(as_root(), hardened()), 0);
    const MountLine* const root = line_of(e, "/");
    REQUIRE(root);
    for (const char* flag : {"ro", "nosuid", "nodev", "idmapped"}) CHECK(has(root->flags, flag));
    const MountLine* const tmp = line_of(e, "/tmp");
    REQUIRE(tmp);
    CHECK(tmp->type == "tmpfs");
    for (const char* flag : {"nosuid", "nodev", "noexec"}) CHECK(has(tmp->flags, flag));
    CHECK(has(tmp->super_options, "size=65536k"));
    CHECK(has(tmp->super_options, "nr_inodes=8192"));
    const MountLine* const proc = line_of(e, "/proc");
    REQUIRE(proc);
    CHECK(has(proc->super_options, "hidepid=ptraceable"));
    const MountLine* const dev = line_of(e, "/dev");
    REQUIRE(dev);
    CHECK(has(dev->flags, "ro"));
}

TEST_CASE("rootless: the caller's one id, and each device node is a mount") {
    const Expected e = expected_of(planned(as_user(), hardened()), 0);
    CHECK(e.uid_map == std::vector<IdMapping>{{1001, 1000, 1}});
    CHECK(e.setgroups_allowed == false);
    CHECK_FALSE(e.groups);  // they stay, and show as the overflow id
    CHECK(e.host_uid_not_root);
    CHECK(line_of(e, "/dev/null"));
    CHECK_FALSE(line_of(expected_of(planned(as_root(), hardened()), 0), "/dev/null"));
}

TEST_CASE("a profile alone bounds what it names") {
    const Expected e = expected_of(hardened());
    CHECK(e.at_most);
    CHECK(e.cap_bounding == 0);
    CHECK(e.no_new_privs == true);
    CHECK(e.seccomp_mode == 2);
    CHECK(e.host_uid_not_root);
    CHECK(e.no_writable_executable);
    CHECK(has(e.own_namespaces, "mnt"));
    CHECK(has(e.readonly_paths, "/sys"));
    CHECK_FALSE(e.uids);
    CHECK_FALSE(e.seccomp_program);
    CHECK(has(line_of(e, "/")->flags, "ro"));
    // Nobody saw that process start: unseen, not "checked inside".
    for (const Check& check : compare(e, Observed{}, Viewpoint::outside)) {
        if (check.what == "landlock") CHECK(check.verdict == Verdict::unseen);
    }
}

TEST_CASE("a profile that restricts nothing expects nothing") {
    policy::BuiltInReader reader;
    const auto profile = policy::load("oci", reader);
    REQUIRE(profile);
    const Expected e = expected_of(profile.value());
    CHECK_FALSE(e.cap_bounding);
    CHECK_FALSE(e.seccomp_mode);
    CHECK(e.own_namespaces.empty());
    CHECK(e.limits.empty());
    CHECK(e.inside_only.empty());
}

// Monotony: the stricter of two profiles never gives a weaker plan. Random pairs are merged; the plan of the merged one
// is compared with the plan of each, concern by concern, for `launch` and for a config.json that asks for a lot.
#include <linux/mount.h>
#include <sys/syscall.h>

#include <algorithm>

#include "base/text.h"
#include "unit/plan/compiling.h"
#include "unit/policy/random_profile.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

bool subset(uint64_t small, uint64_t big) { return (small & ~big) == 0; }
bool includes(const std::vector<std::string>& big, const std::vector<std::string>& small) {
    return std::ranges::all_of(small,
                               [&](const std::string& item) { return std::ranges::find(big, item) != big.end(); });
}
// Absent: unlimited, or no mask at all.
template <typename T>
T or_else(const std::optional<T>& value, T otherwise) {
    return value.value_or(otherwise);
}

uint32_t rank_of(const std::vector<sock_filter>& program, const seccomp_data& call) {
    if (program.empty()) return 0;
    const uint32_t action = seccomp::run(program, call) & SECCOMP_RET_ACTION_FULL;
    constexpr uint32_t order[] = {SECCOMP_RET_ALLOW, SECCOMP_RET_LOG,         SECCOMP_RET_ERRNO,
                                  SECCOMP_RET_TRAP,  SECCOMP_RET_KILL_THREAD, SECCOMP_RET_KILL_PROCESS};
    return static_cast<uint32_t>(std::ranges::find(order, action) - std::begin(order));
}

// Each pair of lines is: what must hold, and its name in the failure.
std::string weaker_credentials(const Plan& strict, const Plan& loose) {
    const CapabilitiesPlan &a = strict.capabilities(), &b = loose.capabilities();
    if (!subset(a.bounding, b.bounding)) return "capabilities.bounding";
    if (!subset(a.permitted, b.permitted)) return "capabilities.permitted";
    if (!subset(a.effective, b.effective)) return "capabilities.effective";
    if (!subset(a.inheritable, b.inheritable)) return "capabilities.inheritable";
    if (!subset(a.ambient, b.ambient)) return "capabilities.ambient";
    if (b.no_new_privs && !a.no_new_privs) return "noNewPrivileges";
    const ProcessPlan &p = strict.process(), &q = loose.process();
    if (!subset(or_else(q.umask, 0u), or_else(p.umask, 0u))) return "umask";
    if (or_else(p.oom_score_adj, -1000) < or_else(q.oom_score_adj, -1000)) return "oomScoreAdj";
    if (q.mdwe && !p.mdwe) return "mdwe";
    if (q.parent_death_signal && !p.parent_death_signal) return "dieWithParent";
    if (or_else(p.runtime_max_ms, UINT64_MAX) > or_else(q.runtime_max_ms, UINT64_MAX)) return "runtimeMax";
    for (const Rlimit& limit : q.rlimits) {
        const auto bound = find_limit(strict, limit.name);
        if (!bound || bound->soft > limit.soft || bound->hard > limit.hard) return limit.name;
    }
    return {};
}

std::string weaker_view(const Plan& strict, const Plan& loose) {
    const MountsPlan &a = strict.mounts(), &b = loose.mounts();
    if ((b.root.readonly && !a.root.readonly) || (b.root.nosuid && !a.root.nosuid) || (b.root.nodev && !a.root.nodev))
        return "root";
    if (!includes(a.masked_paths, b.masked_paths)) return "maskedPaths";
    if (!includes(a.readonly_paths, b.readonly_paths)) return "readonlyPaths";
    const NamespacesPlan &n = strict.namespaces(), &m = loose.namespaces();
    if (!includes(n.own_types, m.own_types)) return "namespaces";
    if (m.restrict_user_namespaces && !n.restrict_user_namespaces) return "restrictNamespaces";
    const LandlockPlan &l = strict.landlock(), &k = loose.landlock();
    if (k.enabled && !l.enabled) return "landlock";
    if (k.enabled && !subset(k.handled_fs, l.handled_fs)) return "landlock.handled";
    if (k.enabled && !subset(k.handled_net, l.handled_net)) return "landlock.handled_net";
    const NetworkPlan &x = strict.network(), &y = loose.network();
    if (x.mode < y.mode) return "network.mode";
    // Another network namespace than the host's is stricter with whatever egress.
    if (x.egress_open && !y.egress_open && m.owns("network")) return "network.egress";
    return {};
}

std::string weaker_filter(const Plan& strict, const Plan& loose) {
    seccomp_data call{};
    call.arch = seccomp::audit_arch(seccomp::native_arch());
    for (call.nr = 0; call.nr < 480; ++call.nr)
        for (const uint64_t first : {uint64_t{0}, uint64_t{15}, uint64_t{0x10000000}}) {
            for (auto& argument : call.args) argument = first;
            if (rank_of(strict.seccomp().program, call) < rank_of(loose.seccomp().program, call))
                return concat("seccomp, call ", call.nr);
        }
    return {};
}

std::string weaker(const Plan& strict, const Plan& loose) {
    for (const auto check : {weaker_credentials, weaker_view, weaker_filter})
        if (std::string what = check(strict, loose); !what.empty()) return what;
    return {};
}

// A configuration that asks for much, in namespaces of every kind, so that only the profile restricts it.
Input generous(const policy::Profile& profile) {
    Input input;
    input.profile = profile;
    input.config = with_linux(
        R"("namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"}, {"type": "user"},)"
        R"( {"type": "cgroup"}, {"type": "time"}], "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],)"
        R"( "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}], "maskedPaths": ["/proc/kcore"])");
    input.config.process->user = {1001, 1001, 0, {}};
    const std::vector<std::string> some{"CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_FOWNER"};
    input.config.process->capabilities = oci::Capabilities{some, some, some, some, some};
    input.config.process->rlimits = {{"RLIMIT_NOFILE", 4096, UINT64_MAX}};
    return input;
}

std::optional<Plan> planned(const Input& input) {
    auto plan = compile(input.config, input.profile, input.facts, input.request);
    if (!plan) return std::nullopt;
    return std::move(plan).take();
}

// Under launch the profile writes config.json as well; errors of the profile itself are no plan.
std::optional<Plan> launched(const policy::Profile& profile) {
    AppSource app = image();
    app.has_user = true;
    app.uid = app.gid = 1001;
    auto config = synthesize(app, profile, root_facts());
    if (!config) return std::nullopt;
    Input input{std::move(config).take(), profile, root_facts(), launch_request()};
    if (!input.config.find_namespace("user")) input.request.id_base = 0;
    return planned(input);
}

}  // namespace

TEST_CASE("monotony: a merged profile's plan is nowhere weaker than either's") {
    policy::test::RandomProfiles random(20261121);
    size_t compared = 0, refused = 0;
    for (int round = 0; round < 1500; ++round) {
        policy::Profile a = random.next(), b = random.next();
        for (policy::Profile* profile : {&a, &b}) {
            // `launch` gives none to a profile that is silent on them: the one default, and the strictest value there
            // is.
            if (!profile->capabilities) profile->capabilities = {"CAP_CHOWN", "CAP_FOWNER", "CAP_KILL", "CAP_NET_RAW"};
            // What most random profiles would be refused for, before there is anything to compare.
            profile->limits.cgroup.reset();
            if (round % 4 != 0) profile->landlock.derive = profile->no_new_privileges = true;
        }
        const auto merged = policy::merge(a, b);
        REQUIRE(merged);
        for (const bool launch : {false, true}) {
            const auto plan_of = [&](const policy::Profile& profile) {
                return launch ? launched(profile) : planned(generous(profile));
            };
            const auto strict = plan_of(merged.value());
            for (const policy::Profile* loose_profile : {&a, &b}) {
                const auto loose = plan_of(*loose_profile);
                // Refusing is the strictest answer, and whoever is refused by one is refused by both.
                if (!loose) {
                    ++refused;
                    continue;
                }
                if (!strict) continue;
                ++compared;
                const std::string what = weaker(*strict, *loose);
                CHECK_MESSAGE(what.empty(), concat("round ", round, launch ? ", launch: " : ": ", what,
                                                   " is weaker, of ", policy::to_json(a), policy::to_json(b)));
            }
        }
    }
    MESSAGE(concat(compared, " plans compared, ", refused, " refused"));
    CHECK(compared > 3000);
}

TEST_CASE("monotony: the shipped profiles, in their order") {
    const Plan open = compiled(launching(silent()));
    const Plan hardened = compiled(launching(shipped("hardened")));
    const Plan strict = compiled(launching(shipped("strict")));
    const Plan web = compiled(launching(shipped("web")));
    CHECK(weaker(hardened, open) == "");
    CHECK(weaker(strict, hardened) == "");
    CHECK(weaker(hardened, web) == "");
    CHECK(weaker(open, hardened) != "");  // the comparison can say no
    CHECK(weaker(hardened, strict) != "");
    CHECK(weaker(web, hardened) == "network.mode");
}

TEST_CASE("monotony: without one field of 'hardened' the comparison names it") {
    const Plan whole = compiled(launching(shipped("hardened")));
    const auto without = [&](auto change) {
        policy::Profile profile = shipped("hardened");
        change(profile);
        return weaker(compiled(launching(profile)), whole);
    };
    CHECK(without([](auto& p) { p.no_new_privileges.reset(); }) == "noNewPrivileges");
    CHECK(without([](auto& p) { p.capabilities = {"CAP_KILL"}; }) == "capabilities.bounding");
    CHECK(without([](auto& p) { p.filesystem.readonly_root.reset(), p.filesystem.deny_write_execute.reset(); }) ==
          "root");
    CHECK(without([](auto& p) { p.filesystem.masked_paths->pop_back(); }) == "maskedPaths");
    CHECK(without([](auto& p) { p.filesystem.readonly_paths->pop_back(); }) == "readonlyPaths");
    CHECK(without([](auto& p) { p.landlock.derive.reset(); }) == "landlock");
    CHECK(without([](auto& p) { p.memory.deny_write_execute.reset(); }) == "mdwe");
    CHECK(without([](auto& p) { p.process.umask.reset(); }) == "umask");
    CHECK(without([](auto& p) { p.limits.rlimits->erase("RLIMIT_CORE"); }) == "RLIMIT_CORE");
    CHECK(without([](auto& p) { p.namespaces.restrict_namespaces.reset(); }) == "restrictNamespaces");
    CHECK(without([](auto& p) { std::erase(*p.namespaces.private_, "cgroup"); }) == "namespaces");
    CHECK(contains(without([](auto& p) { p.seccomp.layers.clear(), p.seccomp.default_action.reset(); }), "seccomp"));
}

// Merge: the corpus of PROFILE 6.3 in both orders, and the laws of a join on random profiles.
#include <doctest/doctest.h>

#include <algorithm>

#include "policy/fields.h"
#include "unit/policy/files.h"
#include "unit/policy/random_profile.h"

namespace casemate::policy {
using namespace test;

namespace {

// The value alone: names and texts tell where it comes from.
Profile value_of(Profile profile) {
    profile.name.clear();
    profile.description.clear();
    profile.waivers.clear();
    profile.provenance = {};
    return profile;
}

// A merge as a value: nullopt for a conflict, which absorbs.
std::optional<Profile> join(const std::optional<Profile>& a, const std::optional<Profile>& b) {
    if (!a || !b) return std::nullopt;
    auto merged = merge(*a, *b);
    return merged ? std::optional(value_of(std::move(merged).take())) : std::nullopt;
}

std::string verdict_text(const seccomp::Verdict& verdict) {
    if (verdict.action == seccomp::Action::errno_) return errno_name(verdict.data);
    return std::string(seccomp::action_name(verdict.action).substr(9));
}

seccomp_data call_of(std::string_view name, const json::Value& args) {
    const seccomp::Syscall* const call = seccomp::find_syscall(name);
    REQUIRE(call);
    seccomp_data data{};
    data.nr = call->number[static_cast<size_t>(seccomp::native_arch())];
    data.arch = seccomp::audit_arch(seccomp::native_arch());
    for (size_t i = 0; i < args.items().size(); ++i) data.args[i] = args.items()[i].unsigned_integer();
    return data;
}

// A member of the corpus file as a profile of its own: the text between its braces.
Profile member_profile(const json::Value& value, const std::string& name) {
    json::Writer writer;
    const auto copy = [&](const auto& self, const json::Value& v) -> void {
        if (v.is_bool()) writer.value(v.boolean());
        if (v.is_integer()) writer.value(v.unsigned_integer());
        if (v.is_string()) writer.value(v.string());
        if (v.is_array()) {
            writer.begin_array();
            for (const json::Value& item : v.items()) self(self, item);
            writer.end_array();
        }
        if (v.is_object()) {
            writer.begin_object();
            for (const json::Member& member : v.members()) {
                writer.key(member.key);
                self(self, member.value);
            }
            writer.end_object();
        }
    };
    copy(copy, value);
    auto profile = load_text(writer.text(), name);
    REQUIRE_MESSAGE(profile, error_of(profile));
    return std::move(profile).take();
}

void check_merged(const Profile& merged, const json::Value& expected) {
    if (const json::Value* values = expected.find("fields"))
        for (const json::Member& member : values->members()) {
            const Field* const field = find_field(member.key);
            REQUIRE(field);
            CHECK(shown(*field, merged) == member.value.string());
        }
    if (const json::Value* calls = expected.find("calls")) {
        seccomp::Policy policy;
        policy.layers = merged.seccomp.layers;
        for (const json::Value& one : calls->items()) {
            CAPTURE(one.items()[0].string());
            const auto verdict = verdict_of(policy, call_of(one.items()[0].string(), one.items()[1]));
            CHECK(verdict_text(verdict) == one.items()[2].string());
        }
    }
    if (const json::Value* overruled = expected.find("overruled"))
        for (const json::Value& what : overruled->items()) {
            const auto record = std::ranges::find(merged.waivers, what.string(), &WaiverRecord::what);
            REQUIRE(record != merged.waivers.end());
            CHECK(record->overruled_by != "");
        }
}

}  // namespace

TEST_CASE("corpus: merges in both orders, and with the result again") {
    int count = 0;
    for (int i = 2; exists(data(concat("merge/m", i, ".json"))); ++i, ++count) {
        const std::string name = concat("m", i);
        CAPTURE(name);
        const auto document = json::Document::parse(contents(data(concat("merge/m", i, ".json"))));
        REQUIRE(document);
        const json::Value& root = document.value().root();
        const Profile a = member_profile(*root.find("a"), name + "-a.json");
        Profile b = member_profile(*root.find("b"), name + "-b.json");
        if (root.find("ceiling")) b = restrictions_only(b);
        auto merged = merge(a, b);
        if (const json::Value* error = root.find("error")) {
            const std::string text = !merged ? merged.error().text() : [&] {
                const auto checked = check_grants(merged.value());
                return checked ? std::string("no error") : checked.error().text();
            }();
            CHECK(text == error->string());
            continue;
        }
        REQUIRE_MESSAGE(merged, error_of(merged));
        check_merged(merged.value(), root);
        check_merged(merge(b, a).value(), root);
        CHECK(value_of(merge(b, a).take()) == value_of(merged.value()));
        CHECK(value_of(merge(a, merged.value()).take()) == value_of(merged.value()));
        CHECK(value_of(merge(merged.value(), b).take()) == value_of(merged.value()));
    }
    CHECK(count == 14);
}

TEST_CASE("every field has values for the random profiles") {
    const RandomProfiles profiles(1);
    for (const Field& field : fields()) {
        CAPTURE(field.path);
        CHECK(profiles.values_of(field) >= 2);
    }
}

TEST_CASE("merge laws on 100000 random triples") {
    RandomProfiles profiles(20260801);
    const Profile oci;
    int broken = 0, conflicts = 0;
    for (int i = 0; i < 100'000 && broken == 0; ++i) {
        const bool all = i % 8 == 0;  // with grants and labels, where most merges contradict
        const std::optional<Profile> a = value_of(profiles.next(all)), b = value_of(profiles.next(all)),
                                     c = value_of(profiles.next(all));
        const auto ab = join(a, b);
        conflicts += !ab;
        broken += ab != join(b, a);                        // commutative
        broken += join(ab, c) != join(a, join(b, c));      // associative
        broken += join(a, a) != a;                         // idempotent
        broken += join(a, oci) != a;                       // identity
        broken += join(ab, a) != ab || join(ab, b) != ab;  // above both
    }
    CHECK(broken == 0);
    CHECK(conflicts > 100);
}

namespace {

template <typename T>
bool absent_or(const Opt<T>& weak, const Opt<T>& strong, bool (*at_least)(const T&, const T&)) {
    return !weak || (strong && at_least(*weak, *strong));
}
template <typename T>
bool larger(const T& weak, const T& strong) {
    return strong >= weak;
}
template <typename T>
bool smaller(const T& weak, const T& strong) {
    return strong <= weak;
}
template <typename T>
bool superset(const T& weak, const T& strong) {
    return std::ranges::includes(strong, weak);
}
template <typename T>
bool subset(const T& weak, const T& strong) {
    return std::ranges::includes(weak, strong);
}
bool within(const Strings& weak, const Strings& strong) {
    return std::ranges::all_of(strong, [&](const std::string& path) {
        return std::ranges::any_of(weak, [&](const std::string& root) { return is_at_or_below(path, root); });
    });
}

// Is `strong` at least as strict as `weak`? Written again from the tables of PROFILE 2, without the field table: one of
// each kind.
bool never_weaker(const Profile& weak, const Profile& strong) {
    const Filesystem &f = weak.filesystem, &g = strong.filesystem;
    bool holds = absent_or(weak.no_new_privileges, strong.no_new_privileges, larger) &&
                 absent_or(weak.capabilities, strong.capabilities, subset) &&
                 absent_or(f.setid_files, g.setid_files, larger) && absent_or(f.volumes, g.volumes, larger) &&
                 absent_or(f.masked_paths, g.masked_paths, superset) && absent_or(f.devices, g.devices, subset) &&
                 absent_or(f.allowed_sources, g.allowed_sources, within) &&
                 absent_or(f.proc_hidepid, g.proc_hidepid, larger) &&
                 absent_or(weak.network.mode, strong.network.mode, larger) &&
                 absent_or(weak.network.bind_ports, strong.network.bind_ports, subset) &&
                 absent_or(weak.limits.memory, strong.limits.memory, smaller) &&
                 absent_or(weak.limits.cpu_milli, strong.limits.cpu_milli, smaller) &&
                 absent_or(weak.limits.runtime_max_ms, strong.limits.runtime_max_ms, smaller) &&
                 absent_or(weak.process.oom_score_adj, strong.process.oom_score_adj, larger) &&
                 absent_or(weak.landlock.minimum_abi, strong.landlock.minimum_abi, larger) &&
                 absent_or(weak.seccomp.socket_families, strong.seccomp.socket_families, subset) &&
                 (!weak.process.umask ||
                  (strong.process.umask && (*strong.process.umask & *weak.process.umask) == *weak.process.umask)) &&
                 std::ranges::includes(strong.admission.vulnerability_gates, weak.admission.vulnerability_gates);
    if (weak.limits.rlimits)
        for (const auto& [type, pair] : *weak.limits.rlimits) {
            if (!strong.limits.rlimits || !strong.limits.rlimits->contains(type)) return false;
            const RlimitPair& other = strong.limits.rlimits->at(type);
            holds = holds && other.soft <= pair.soft && other.hard <= pair.hard;
        }
    return holds;
}

// The verdict of one call under the profile's whole filter.
seccomp::Verdict verdict_under(const Profile& profile, const seccomp_data& call) {
    return verdict_of(seccomp_policy(profile, {}), call);
}

}  // namespace

TEST_CASE("merge is never weaker than either operand") {
    RandomProfiles profiles(7);
    int weaker = 0;
    for (int i = 0; i < 20'000; ++i) {
        const Profile a = profiles.next(), b = profiles.next();
        const Profile merged = merge(a, b).take();
        weaker += !never_weaker(a, merged) || !never_weaker(b, merged);
    }
    CHECK(weaker == 0);
    // The check itself can fail: a random profile is no bound of another.
    int unrelated = 0;
    for (int i = 0; i < 1000; ++i) unrelated += !never_weaker(profiles.next(), profiles.next());
    CHECK(unrelated > 900);
}

TEST_CASE("the filter of a merge is the strictest of both, call by call") {
    RandomProfiles profiles(11);
    const auto args = json::Document::parse("[15, 3, 7, 0, 0, 0]"), none = json::Document::parse("[9, 12]");
    int differ = 0;
    for (int i = 0; i < 300; ++i) {
        const Profile a = profiles.next(), b = profiles.next();
        const Profile merged = merge(a, b).take();
        for (const char* name :
             {"read", "write", "mount", "prctl", "clone3", "clone", "socket", "execve", "brk", "memfd_create"})
            for (const json::Value* values : {&args.value().root(), &none.value().root()}) {
                const seccomp_data call = call_of(name, *values);
                const auto of_a = verdict_under(a, call), of_b = verdict_under(b, call),
                           of_both = verdict_under(merged, call);
                differ += of_a.stricter_than(of_both) || of_b.stricter_than(of_both);
            }
    }
    CHECK(differ == 0);
}

TEST_CASE("a ceiling's grants are dropped, its restrictions stay, and cannot be waived") {
    BuiltInReader reader;
    const Profile ceiling = restrictions_only(load("hardened", reader).take());
    for (const Field& field : fields())
        if (field.role == Field::Role::grant) CHECK_FALSE(field.present(ceiling));
    CHECK(ceiling.memory.deny_write_execute == true);
    const Profile node = load_members(R"("extends": "web", "memory": {"denyWriteExecute": false},
        "waive": [{"what": "memory.denyWriteExecute", "because": "V8 compiles to memory"}])")
                             .take();
    const Profile merged = merge(node, ceiling).take();
    CHECK(merged.memory.deny_write_execute == true);
    CHECK(merged.waivers.back().overruled_by == "ceiling hardened");
    CHECK(merge(node, load("web", reader).take()).value().name == "p.json + web");
}

}  // namespace casemate::policy

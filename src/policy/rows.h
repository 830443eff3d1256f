// The rows of the field table: what Field needs to know, made from a kind and the member that holds the value. Four
// fields are no plain member: an rlimit lives in a map, seccomp's two lists in a layer, gates and expectations in lists
// that are empty where nothing is said.
#pragma once

#include <algorithm>
#include <utility>

#include "policy/fields.h"
#include "policy/gates.h"
#include "policy/grants.h"
#include "policy/rules.h"

namespace casemate::policy {

// What most rows leave as it is.
struct PlainRow {
    static constexpr bool adds = false, in_layer = false;
    static void sort(Profile&) {}
    static bool overlay(const Profile&, const Profile&, Profile&) { return false; }
    static std::string foreign(const Profile&, const json::Value&) { return {}; }
};

template <typename R>
constexpr Field row(std::string_view path, Field::Role role) {
    return {path,    role,     R::adds, R::in_layer, R::present, R::parse,  R::copy,
            R::sort, R::equal, R::join, R::overlay,  R::write,   R::foreign};
}

// MemberRow<Truth, &Profile::memory, &Memory::deny_write_execute>
template <typename Kind, auto... Steps>
struct MemberRow : PlainRow {
    using Value = typename Kind::Value;
    static constexpr bool adds = requires { Kind::adds; };

    template <typename P>
    static auto& slot(P& profile) {
        return (profile.*....*Steps);
    }
    static bool present(const Profile& profile) { return slot(profile).has_value(); }
    static void parse(const At& at, const json::Value& value, Profile& out) {
        if (auto parsed = Kind::parse(at, value)) slot(out) = std::move(*parsed);
    }
    static void copy(const Profile& from, Profile& to) { slot(to) = slot(from); }
    static void sort(Profile& profile) {
        if constexpr (requires(Value & value) { Kind::sort(value); })
            if (slot(profile)) Kind::sort(*slot(profile));
    }
    static bool equal(const Profile& a, const Profile& b) { return slot(a) == slot(b); }
    static bool join(const Profile& a, const Profile& b, Profile& out) {
        Value value{};
        if (!Kind::join(*slot(a), *slot(b), value)) return false;
        slot(out) = std::move(value);
        return true;
    }
    static bool overlay(const Profile& farther, const Profile& nearer, Profile& out) {
        if constexpr (requires(Value & value) { Kind::overlay(value, value, value); }) {
            Value value{};
            Kind::overlay(*slot(farther), *slot(nearer), value);
            slot(out) = std::move(value);
            return true;
        } else {
            return join(farther, nearer, out);
        }
    }
    static void write(json::Writer& writer, const Profile& profile) { Kind::write(writer, *slot(profile)); }
    static std::string foreign(const Profile& parent, const json::Value& said) {
        if constexpr (requires(const Value& value) { Kind::foreign(value, std::string_view()); })
            if (said.is_string() && Kind::foreign(*slot(parent), said.string())) return std::string(said.string());
        return {};
    }
};

// One entry of limits.rlimits, by its index in rlimit_names().
template <size_t index>
struct RlimitRow : PlainRow {
    static std::string_view name() { return rlimit_names()[index]; }
    static const RlimitPair* find(const Profile& profile) {
        if (!profile.limits.rlimits) return nullptr;
        const auto found = profile.limits.rlimits->find(name());
        return found == profile.limits.rlimits->end() ? nullptr : &found->second;
    }
    static void put(Profile& out, const RlimitPair& value) {
        if (!out.limits.rlimits) out.limits.rlimits.emplace();
        (*out.limits.rlimits)[std::string(name())] = value;
    }
    static bool present(const Profile& profile) { return find(profile) != nullptr; }
    static void parse(const At& at, const json::Value& value, Profile& out) {
        if (const auto parsed = Rlimit::parse(at, value)) put(out, *parsed);
    }
    static void copy(const Profile& from, Profile& to) {
        if (const RlimitPair* pair = find(from)) return put(to, *pair);
        if (!present(to)) return;
        to.limits.rlimits->erase(to.limits.rlimits->find(name()));
        if (to.limits.rlimits->empty()) to.limits.rlimits.reset();
    }
    static bool equal(const Profile& a, const Profile& b) {
        return present(a) == present(b) && (!present(a) || *find(a) == *find(b));
    }
    static bool join(const Profile& a, const Profile& b, Profile& out) {
        RlimitPair value;
        Rlimit::join(*find(a), *find(b), value);
        put(out, value);
        return true;
    }
    static void write(json::Writer& writer, const Profile& profile) { Rlimit::write(writer, *find(profile)); }
};

// The profile's own layer: what its file and its ancestors say. A merged profile has several and no own one.
inline seccomp::Layer& own_layer(Profile& profile) {
    if (profile.seccomp.layers.empty()) profile.seccomp.layers.emplace_back();
    return profile.seccomp.layers.front();
}
inline const seccomp::Layer* own_layer(const Profile& profile) {
    return profile.seccomp.layers.size() == 1 ? &profile.seccomp.layers.front() : nullptr;
}
inline void drop_empty_layer(Profile& profile) {
    const seccomp::Layer* const layer = own_layer(std::as_const(profile));
    if (layer && !layer->allow && layer->deny.empty()) profile.seccomp.layers.clear();
}

struct AllowRow : PlainRow {
    static constexpr bool in_layer = true;
    static bool present(const Profile& profile) { return own_layer(profile) && own_layer(profile)->allow; }
    static void parse(const At& at, const json::Value& value, Profile& out) {
        if (auto rules = parse_allow(at, value)) own_layer(out).allow = std::move(*rules);
    }
    static void copy(const Profile& from, Profile& to) {
        own_layer(to).allow = present(from) ? own_layer(from)->allow : std::nullopt;
        drop_empty_layer(to);
    }
    static bool equal(const Profile& a, const Profile& b) {
        return present(a) == present(b) && (!present(a) || own_layer(a)->allow == own_layer(b)->allow);
    }
    static bool join(const Profile& a, const Profile& b, Profile& out) {
        own_layer(out).allow = intersect_allowed(*own_layer(a)->allow, *own_layer(b)->allow);
        return true;
    }
    static void write(json::Writer& writer, const Profile& profile) { write_allow(writer, *own_layer(profile)->allow); }
    static std::string foreign(const Profile& parent, const json::Value& said) {
        return std::string(first_not_allowed(*own_layer(parent)->allow, said));
    }
};

struct DenyRow : PlainRow {
    static constexpr bool adds = true, in_layer = true;
    static bool present(const Profile& profile) { return own_layer(profile) && !own_layer(profile)->deny.empty(); }
    static void parse(const At& at, const json::Value& value, Profile& out) {
        if (auto rules = parse_deny(at, value)) own_layer(out).deny = std::move(*rules);
        drop_empty_layer(out);
    }
    static void copy(const Profile& from, Profile& to) {
        own_layer(to).deny = present(from) ? own_layer(from)->deny : Rules();
        drop_empty_layer(to);
    }
    static bool equal(const Profile& a, const Profile& b) {
        return present(a) == present(b) && (!present(a) || own_layer(a)->deny == own_layer(b)->deny);
    }
    static bool join(const Profile& a, const Profile& b, Profile& out) {
        own_layer(out).deny = unite_rules(own_layer(a)->deny, own_layer(b)->deny);
        return true;
    }
    static void write(json::Writer& writer, const Profile& profile) { write_deny(writer, own_layer(profile)->deny); }
};

// admission.audit and admission.vulnerabilities: sets of gates.
template <auto member, auto parse_gate>
struct GateRow : PlainRow {
    static constexpr bool adds = true;
    static const Strings& gates(const Profile& profile) { return profile.admission.*member; }
    static bool present(const Profile& profile) { return !gates(profile).empty(); }
    static void parse(const At& at, const json::Value& value, Profile& out) {
        Strings gates;
        const bool list = value.is_array();
        for (size_t i = 0; i < (list ? value.items().size() : 1); ++i)
            if (auto gate = list ? parse_gate(at.item(i), value.items()[i]) : parse_gate(at, value))
                gates.push_back(std::move(*gate));
        if (list && value.items().empty()) return void(at.fail("is empty"));
        std::ranges::sort(gates);
        gates.erase(std::unique(gates.begin(), gates.end()), gates.end());
        out.admission.*member = std::move(gates);
    }
    static void copy(const Profile& from, Profile& to) { to.admission.*member = gates(from); }
    static bool equal(const Profile& a, const Profile& b) { return gates(a) == gates(b); }
    static bool join(const Profile& a, const Profile& b, Profile& out) {
        return Union<AnyText>::join(gates(a), gates(b), out.admission.*member);
    }
    static void write(json::Writer& writer, const Profile& profile) { write_gates(writer, gates(profile)); }
};

struct ExpectRow : PlainRow {
    using Kind = Keyed<Expectations>;
    static bool present(const Profile& profile) { return !profile.expect.empty(); }
    static void parse(const At& at, const json::Value& value, Profile& out) {
        if (auto parsed = Kind::parse(at, value)) out.expect = std::move(*parsed);
    }
    static void copy(const Profile& from, Profile& to) { to.expect = from.expect; }
    static void sort(Profile& profile) { Kind::sort(profile.expect); }
    static bool equal(const Profile& a, const Profile& b) { return a.expect == b.expect; }
    static bool join(const Profile& a, const Profile& b, Profile& out) {
        return Kind::join(a.expect, b.expect, out.expect);
    }
    // The same act with another result is a contradiction in a child too (PROFILE 2.11).
    static bool overlay(const Profile& a, const Profile& b, Profile& out) { return join(a, b, out); }
    static void write(json::Writer& writer, const Profile& profile) { Kind::write(writer, profile.expect); }
};

}  // namespace casemate::policy

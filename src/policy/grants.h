// The kinds of what a profile gives or tells (G): no order, so two different ones are a conflict when profiles merge as
// equals, and the nearer one wins when a child refines its parent. Shape only; check_grants.cc holds them against the
// restrictions.
#pragma once

#include <map>

#include "policy/kinds.h"

namespace casemate::policy {

// A grant kind has parse and write as in kinds.h, and  key(item) / same key -> the nearer wins  for lists.
template <typename Kind>
struct Single : Kind {
    using Value = typename Kind::Value;
    static bool join(const Value& a, const Value& b, Value& out) { return out = a, a == b; }
    static void overlay(const Value&, const Value& nearer, Value& out) { out = nearer; }
};

// Lists with a key: united; the same key with another item is a conflict, or the nearer wins.
template <typename Kind>
struct Keyed : Kind {
    using Value = typename Kind::Value;
    static void sort(Value& list) {
        std::ranges::sort(list, {}, [](const auto& item) { return Kind::key(item); });
    }
    static bool join(const Value& a, const Value& b, Value& out) {
        Value all;
        overlay(a, b, all);
        for (const auto& item : a)
            if (std::ranges::find(all, item) == all.end()) return false;
        return out = std::move(all), true;
    }
    static void overlay(const Value& farther, const Value& nearer, Value& out) {
        Value all = nearer;
        for (const auto& item : farther)
            if (std::ranges::none_of(nearer, [&](const auto& other) { return Kind::key(item) == Kind::key(other); }))
                all.push_back(item);
        sort(all);
        out = std::move(all);
    }
};

struct User {
    using Value = UserIds;
    static std::optional<Value> parse(const At& at, const json::Value& value);
    static void write(json::Writer& writer, const Value& user);
};

struct Mounts {
    using Value = std::vector<MountGrant>;
    static std::string_view key(const MountGrant& mount) { return mount.destination; }
    static std::optional<Value> parse(const At& at, const json::Value& value);
    static void write(json::Writer& writer, const Value& mounts);
};

struct Ports {
    using Value = std::vector<Publish>;
    static uint16_t key(const Publish& port) { return port.host_port; }
    static std::optional<Value> parse(const At& at, const json::Value& value);
    static void write(json::Writer& writer, const Value& ports);
};

struct ListenText {  // "ADDR:PORT", or the path of a unix socket
    static bool item(const At& at, std::string_view text);
};
struct Listen : List<ListenText> {
    static std::string_view key(const std::string& text) { return text; }
};
struct PassedNames : List<VariableName> {
    static std::string_view key(const std::string& text) { return text; }
};

struct Expectations {
    using Value = std::vector<Expectation>;
    static std::pair<Expectation::Act, std::string_view> key(const Expectation& one) { return {one.act, one.object}; }
    static std::optional<Value> parse(const At& at, const json::Value& value);
    static void write(json::Writer& writer, const Value& list);
};

// Objects from names to strings.
struct Dictionary {
    using Value = std::map<std::string, std::string>;
    static bool join(const Value& a, const Value& b, Value& out);
    static void overlay(const Value& farther, const Value& nearer, Value& out);
    static void write(json::Writer& writer, const Value& map);
};
struct Sysctl : Dictionary {
    static std::optional<Value> parse(const At& at, const json::Value& value);
};
struct Variables : Dictionary {
    static std::optional<Value> parse(const At& at, const json::Value& value);
};
// The kind of namespace that owns the key ("network", "ipc"), or empty: it is the host's.
std::string_view sysctl_namespace(std::string_view key);

// "127.0.0.1:80", "[::1]:80": is it an address and a port?
bool is_address_and_port(std::string_view text);

// `path` below `directory`, without "." and "..", by their letters: nothing is looked up.
std::string absolute_path(std::string_view directory, std::string_view path);
// Bind sources become absolute: relative ones stand for a path below `directory`. False: one leaves no path.
bool make_sources_absolute(std::vector<MountGrant>& mounts, std::string_view directory);

}  // namespace casemate::policy

// The kinds of field: how a value is read, which of two is stricter, how it is written. A row of the field table
// (fields.cc) is a path, a member of Profile and one of these; nothing else knows how to merge.
//
// Each kind has  Value;  parse(at, json) -> optional<Value>;  join(a, b, out) -> bool: the least value at least as
// strict as both, false when there is none (a conflict);  write(writer, value).  Optional: sort(value), the canonical
// order; adds (in a child, the list is added to the parent's);  foreign(parent, item) of lists: an item that a child
// may not name.
#pragma once

#include <algorithm>
#include <array>

#include "base/text.h"
#include "json/writer.h"
#include "policy/at.h"
#include "policy/chains.h"
#include "policy/profile.h"
#include "policy/units.h"
#include "policy/words.h"

namespace casemate::policy {

struct Truth {
    using Value = bool;
    static std::optional<bool> parse(const At& at, const json::Value& value) {
        if (!value.is_bool()) return at.fail(concat("expected true or false, got ", json::kind_name(value)));
        return value.boolean();
    }
    static bool join(bool a, bool b, bool& out) { return out = a || b, true; }
    static void write(json::Writer& writer, bool value) { writer.value(value); }
};

template <typename E>
struct Chain {
    using Value = E;
    static std::optional<E> parse(const At& at, const json::Value& value) {
        const auto word = at.string(value);
        if (!word) return std::nullopt;
        const auto words = chain_words<E>();
        const auto found = std::ranges::find(words, *word);
        if (found == words.end()) return at.unknown("value", *word, words);
        return static_cast<E>(found - words.begin());
    }
    static bool join(E a, E b, E& out) { return out = std::max(a, b), true; }
    static void write(json::Writer& writer, E value) { writer.value(chain_words<E>()[static_cast<size_t>(value)]); }
};

// Numbers. Smaller is stricter but where `Larger` is said.
template <typename Unit>
struct AtMost : Unit {
    using Value = typename Unit::Value;
    static bool join(Value a, Value b, Value& out) { return out = std::min(a, b), true; }
};
template <typename Unit>
struct AtLeast : Unit {
    using Value = typename Unit::Value;
    static bool join(Value a, Value b, Value& out) { return out = std::max(a, b), true; }
};

struct Size {
    using Value = uint64_t;
    static std::optional<Value> parse(const At& at, const json::Value& value) { return parse_size(at, value); }
    static void write(json::Writer& writer, Value value);
};
struct Time {
    using Value = uint64_t;
    static std::optional<Value> parse(const At& at, const json::Value& value) { return parse_time(at, value); }
    static void write(json::Writer& writer, Value value) { writer.value(time_text(value)); }
};
struct Cpu {
    using Value = uint64_t;
    static std::optional<Value> parse(const At& at, const json::Value& value) { return parse_cpu(at, value); }
    static void write(json::Writer& writer, Value value);
};
template <typename T, int64_t low, int64_t high>
struct Integer {
    using Value = T;
    static std::optional<T> parse(const At& at, const json::Value& value) {
        const auto number = at.integer(value, low, high);
        return number ? std::optional(static_cast<T>(*number)) : std::nullopt;
    }
    static void write(json::Writer& writer, T value) { writer.value(value); }
};

struct Umask {
    using Value = uint32_t;
    static std::optional<Value> parse(const At& at, const json::Value& value) { return parse_mode(at, value, 0777); }
    static bool join(Value a, Value b, Value& out) { return out = a | b, true; }
    static void write(json::Writer& writer, Value value) { writer.value(mode_text(value)); }
};

struct Rlimit {
    using Value = RlimitPair;
    static std::optional<Value> parse(const At& at, const json::Value& value);
    static bool join(Value a, Value b, Value& out) {
        return out = {std::min(a.soft, b.soft), std::min(a.hard, b.hard)}, true;
    }
    static void write(json::Writer& writer, const Value& value);
};

// seccomp.defaultAction: the kernel's own precedence (seccomp(2)), which is the order of seccomp::Action.
struct DefaultAction {
    using Value = seccomp::Action;
    static std::optional<Value> parse(const At& at, const json::Value& value);
    static bool join(Value a, Value b, Value& out) { return out = std::max(a, b), true; }
    static void write(json::Writer& writer, Value value) { writer.value(seccomp::action_name(value)); }
};
// An errno: ENOSYS is above all (libc's fallbacks need it), then the smaller number (PROFILE 5.2).
struct ErrnoValue {
    using Value = uint16_t;
    static std::optional<Value> parse(const At& at, const json::Value& value) { return parse_errno(at, value); }
    static bool join(Value a, Value b, Value& out) {
        return out = a == ENOSYS || b == ENOSYS ? ENOSYS : std::min(a, b), true;
    }
    static void write(json::Writer& writer, Value value) { writer.value(errno_name(value)); }
};

// Strings without an order: two different ones are a conflict.
template <typename Check>
struct Same {
    using Value = std::string;
    static std::optional<Value> parse(const At& at, const json::Value& value) {
        const auto text = at.string(value);
        if (!text || !Check::item(at, *text)) return std::nullopt;
        return std::string(*text);
    }
    static bool join(const Value& a, const Value& b, Value& out) { return out = a, a == b; }
    static void write(json::Writer& writer, const Value& value) { writer.value(value); }
};

// Lists of strings. `Check::item(at, text)` notes what is wrong with one and gives false.
template <typename Check>
struct List {
    using Value = Strings;
    static std::optional<Strings> parse(const At& at, const json::Value& value) {
        const auto items = at.array(value);
        if (!items) return std::nullopt;
        Strings out;
        bool sound = true;
        for (size_t i = 0; i < items->size(); ++i) {
            const At here = at.item(i);
            const auto text = here.string((*items)[i]);
            if (!text || !Check::item(here, *text)) {
                sound = false;
            } else if (std::ranges::find(out, *text) != out.end()) {
                here.fail(concat(quoted(*text), " is listed twice"));
                sound = false;
            } else {
                out.emplace_back(*text);
            }
        }
        return sound ? std::optional(std::move(out)) : std::nullopt;
    }
    static void sort(Strings& list) { std::ranges::sort(list); }
    static void write(json::Writer& writer, const Strings& list) {
        writer.begin_array();
        for (const std::string& item : list) writer.value(item);
        writer.end_array();
    }
};

template <typename Check>
struct Union : List<Check> {
    static constexpr bool adds = true;
    static bool join(const Strings& a, const Strings& b, Strings& out) {
        Strings all;
        std::ranges::set_union(a, b, std::back_inserter(all));
        return out = std::move(all), true;
    }
};
template <typename Check>
struct Intersection : List<Check> {
    static bool join(const Strings& a, const Strings& b, Strings& out) {
        Strings both;
        std::ranges::set_intersection(a, b, std::back_inserter(both));
        return out = std::move(both), true;
    }
    static bool foreign(const Strings& parent, std::string_view item) {
        return std::ranges::find(parent, item) == parent.end();
    }
};
// Each path stands for everything at or below it.
struct Path {
    static bool item(const At& at, std::string_view text);
};
struct PathIntersection : List<Path> {
    static bool join(const Strings& a, const Strings& b, Strings& out);
    static bool foreign(const Strings& parent, std::string_view item);
    static void sort(Strings& list);  // and drops what is below another
};
struct PortIntersection {
    using Value = std::vector<uint16_t>;
    static std::optional<Value> parse(const At& at, const json::Value& value);
    static bool join(const Value& a, const Value& b, Value& out) {
        Value both;
        std::ranges::set_intersection(a, b, std::back_inserter(both));
        return out = std::move(both), true;
    }
    static void sort(Value& list) { std::ranges::sort(list); }
    static void write(json::Writer& writer, const Value& list);
};

// What an item of a list may be.
struct Capability {
    static constexpr std::string_view kind = "capability";
    static std::span<const std::string_view> words() { return capability_names(); }
};
struct SocketFamily {
    static constexpr std::string_view kind = "socket family";
    static std::span<const std::string_view> words() { return family_names(); }
};
struct NetlinkProtocol {
    static constexpr std::string_view kind = "netlink protocol";
    static std::span<const std::string_view> words() { return protocol_names(); }
};
struct Namespace {
    static constexpr std::string_view kind = "namespace";
    static std::span<const std::string_view> words() { return namespace_names(); }
};
template <typename Table>
struct WordOf {
    static bool item(const At& at, std::string_view text) {
        const auto words = Table::words();
        if (std::ranges::find(words, text) != words.end()) return true;
        at.unknown(Table::kind, text, words);
        return false;
    }
};
struct MaskedPath {  // one * in a component; expanded by the planner
    static bool item(const At& at, std::string_view text);
};
struct DevicePath {
    static bool item(const At& at, std::string_view text);
};
struct VariablePattern {  // * at either end only
    static bool item(const At& at, std::string_view text);
};
struct VariableName {
    static bool item(const At& at, std::string_view text);
};
struct AnyText {  // not empty, at most 256 bytes
    static bool item(const At& at, std::string_view text);
};

// Does the name match the pattern of environment.deny?
bool matches_pattern(std::string_view pattern, std::string_view name);

}  // namespace casemate::policy

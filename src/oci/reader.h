// Reads a JSON object into a struct by its `fields` function (field.h). The first fault ends it, and is named by path.
//
// The path lives as a chain on the stack: text is made of it only for a message.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/value.h"
#include "oci/field.h"

namespace casemate::oci {

struct Place {
    const Place* parent = nullptr;
    std::string_view key;  // of a member; else an item:
    std::optional<size_t> index = {};
};
// "$.linux.namespaces[0].type"
std::string path_of(const Place* place);

// One reading of one document.
struct Reading {
    std::optional<Error> error;
    // Where unknown keys go; nullptr: they are nobody's business.
    std::vector<std::string>* unknown_keys = nullptr;
    static constexpr size_t max_unknown_keys = 100;

    void fail(const Place& place, std::string_view why);
    // Each checks kind and rule; false after fail().
    bool boolean(const json::Value& value, const Place& place, bool& out);
    bool integer(const json::Value& value, const Place& place, int64_t min, uint64_t max, uint64_t& out);
    bool string(const json::Value& value, const Place& place, const Rule& rule, std::string& out);
    bool key(std::string_view name, const Place& place, Form form);
    bool is(json::Kind kind, const json::Value& value, const Place& place);
    void note_unknown(const json::Value& object, const Place* place, Words known);
};

// A type that is written as a string and checks it itself.
template <typename T>
concept FromText = requires(std::string_view text) {
    { T::parse(text) } -> std::same_as<Result<T>>;
};

class Reader {
public:
    // `place` of the root is nullptr.
    Reader(Reading& reading, const json::Value& object, const Place* place)
        : reading_(reading), object_(object), place_(place) {}
    ~Reader() {
        if (!reading_.error && found_ != object_.members().size())
            reading_.note_unknown(object_, place_, std::span(known_).first(known_count_));
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    template <typename T>
    void operator()(std::string_view key, T& member, const Rule& rule = {}) {
        const Place place{place_, key};
        if (const json::Value* value = take(place, rule)) read(*value, member, place, rule);
    }
    template <typename Visit>
    void group(std::string_view key, Visit visit, const Rule& rule = {}) {
        const Place place{place_, key};
        const json::Value* value = take(place, rule);
        if (!value || !reading_.is(json::Kind::object, *value, place)) return;
        Reader inner(reading_, *value, &place);
        visit(inner);
    }

private:
    // The member, or nullptr when it is absent, null, or something failed already.
    const json::Value* take(const Place& place, const Rule& rule) {
        if (reading_.error) return nullptr;
        known_.at(known_count_++) = place.key;
        const json::Value* value = object_.find(place.key);
        if (value) ++found_;
        if (value && !value->is_null()) return value;
        if (rule.required) reading_.fail(place, "missing");
        return nullptr;
    }

    void read(const json::Value& value, bool& out, const Place& place, const Rule&) {
        reading_.boolean(value, place, out);
    }
    void read(const json::Value& value, std::string& out, const Place& place, const Rule& rule) {
        reading_.string(value, place, rule, out);
    }
    template <std::integral T>
    void read(const json::Value& value, T& out, const Place& place, const Rule& rule) {
        using Limits = std::numeric_limits<T>;
        uint64_t number = 0;
        if (reading_.integer(value, place, std::max(rule.min, static_cast<int64_t>(Limits::min())),
                             std::min(rule.max, static_cast<uint64_t>(Limits::max())), number))
            out = static_cast<T>(number);
    }
    template <typename T>
    void read(const json::Value& value, std::optional<T>& out, const Place& place, const Rule& rule) {
        read(value, out.emplace(), place, rule);
    }
    template <typename T>
    void read(const json::Value& value, std::vector<T>& out, const Place& place, const Rule& rule) {
        if (!reading_.is(json::Kind::array, value, place)) return;
        out.reserve(value.items().size());
        for (size_t i = 0; i < value.items().size() && !reading_.error; ++i) {
            const Place item{&place, {}, i};
            read(value.items()[i], out.emplace_back(), item, rule);
        }
    }
    template <typename T>
    void read(const json::Value& value, std::map<std::string, T>& out, const Place& place, const Rule& rule) {
        if (!reading_.is(json::Kind::object, value, place)) return;
        for (const json::Member& member : value.members()) {
            const Place item{&place, member.key};
            if (reading_.error || !reading_.key(member.key, item, rule.keys)) return;
            read(member.value, out[std::string(member.key)], item, rule);
        }
    }
    template <FromText T>
    void read(const json::Value& value, T& out, const Place& place, const Rule&) {
        std::string text;
        if (!reading_.string(value, place, {}, text)) return;
        Result<T> parsed = T::parse(text);
        if (parsed)
            out = std::move(parsed).take();
        else
            reading_.fail(place, parsed.error().text());
    }
    template <typename T>
    void read(const json::Value& value, T& out, const Place& place, const Rule&) {
        if (!reading_.is(json::Kind::object, value, place)) return;
        Reader inner(reading_, value, &place);
        fields(inner, out);
    }

    Reading& reading_;
    const json::Value& object_;
    const Place* place_;
    std::array<std::string_view, 24> known_;
    size_t known_count_ = 0, found_ = 0;
};

// The whole document as a T.
template <typename T>
Result<T> read_document(const json::Document& document, std::vector<std::string>* unknown_keys) {
    if (!document.root().is_object())
        return Error::invalid("$: expected an object, got " + std::string(json::kind_name(document.root())));
    Reading reading;
    reading.unknown_keys = unknown_keys;
    T out;
    {
        Reader reader(reading, document.root(), nullptr);
        fields(reader, out);
    }
    if (reading.error) return std::move(*reading.error);
    return out;
}

}  // namespace casemate::oci

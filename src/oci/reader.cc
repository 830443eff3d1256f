#include "oci/reader.h"

#include "base/text.h"

namespace casemate::oci {
namespace {

std::string_view fault_of(std::string_view text, Form form) {
    switch (form) {
        case Form::any: return {};
        case Form::not_empty: return text.empty() ? "must not be empty" : "";
        case Form::absolute: return text.starts_with('/') ? "" : "expected an absolute path";
        case Form::file_name:
            if (text.empty() || text == "." || text == ".." || text.find('/') != std::string_view::npos)
                return "expected one path component";
            return {};
    }
    return "unknown form";
}

}  // namespace

std::string path_of(const Place* place) {
    if (!place) return "$";
    const std::string parent = path_of(place->parent);
    return place->index ? json::child_path(parent, *place->index) : json::child_path(parent, place->key);
}

void Reading::fail(const Place& place, std::string_view why) {
    if (!error) error = Error::invalid(concat(path_of(&place), ": ", why));
}

bool Reading::is(json::Kind kind, const json::Value& value, const Place& place) {
    if (value.kind() == kind) return true;
    fail(place, concat(kind == json::Kind::object ? "expected an object, got " : "expected an array, got ",
                       json::kind_name(value)));
    return false;
}

bool Reading::boolean(const json::Value& value, const Place& place, bool& out) {
    if (!value.is_bool()) {
        fail(place, concat("expected true or false, got ", json::kind_name(value)));
        return false;
    }
    out = value.boolean();
    return true;
}

bool Reading::integer(const json::Value& value, const Place& place, int64_t min, uint64_t max, uint64_t& out) {
    if (!value.is_integer()) {
        const bool fraction = value.kind() == json::Kind::real;
        fail(place, concat("expected a whole number, got ", fraction ? "a fraction" : json::kind_name(value)));
        return false;
    }
    const bool fits = value.negative() ? value.signed_integer() >= min
                                       : value.unsigned_integer() <= max &&
                                             (min <= 0 || value.unsigned_integer() >= static_cast<uint64_t>(min));
    if (!fits) {
        const std::string got =
            value.negative() ? std::to_string(value.signed_integer()) : std::to_string(value.unsigned_integer());
        fail(place, concat("expected a number from ", min, " to ", max, ", got ", got));
        return false;
    }
    out = value.unsigned_integer();
    return true;
}

bool Reading::string(const json::Value& value, const Place& place, const Rule& rule, std::string& out) {
    if (!value.is_string()) {
        fail(place, concat("expected a string, got ", json::kind_name(value)));
        return false;
    }
    const std::string_view text = value.string();
    // Go's encoders write "" for what is absent; in an array, or where the key is required, it is a value.
    const bool absent = text.empty() && !rule.required && !place.index;
    if (!absent) {
        if (const std::string_view why = fault_of(text, rule.form); !why.empty()) {
            fail(place, concat(why, ", got ", quoted(text)));
            return false;
        }
        if (!rule.words.empty() && std::ranges::find(rule.words, text) == rule.words.end()) {
            fail(place, concat("unknown word ", quoted(text), did_you_mean(text, rule.words)));
            return false;
        }
    }
    out = text;
    return true;
}

bool Reading::key(std::string_view name, const Place& place, Form form) {
    const std::string_view why = fault_of(name, form);
    if (!why.empty()) fail(place, concat("key: ", why));
    return why.empty();
}

void Reading::note_unknown(const json::Value& object, const Place* place, Words known) {
    if (!unknown_keys) return;
    for (const json::Member& member : object.members()) {
        if (unknown_keys->size() >= max_unknown_keys) return;
        if (std::ranges::find(known, member.key) != known.end()) continue;
        const Place at{place, member.key};
        unknown_keys->push_back(concat(path_of(&at), did_you_mean(member.key, known)));
    }
}

}  // namespace casemate::oci

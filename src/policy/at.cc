#include "policy/at.h"

#include <algorithm>

#include "base/text.h"

namespace casemate::policy {

void Problems::add(std::string_view path, std::string_view text) { add_raw(concat(printable(path), ": ", text)); }

void Problems::add_raw(std::string_view text) {
    if (lines_.size() < most) lines_.push_back(concat("profile ", quoted(document_), ": ", text));
}

Error Problems::error() const { return Error::invalid(join(lines_, "\n")); }

std::nullopt_t At::fail(std::string_view text) const {
    problems_->add(path_, text);
    return std::nullopt;
}

std::nullopt_t At::expected(std::string_view what, const json::Value& got) const {
    if (got.kind() == json::Kind::real) return fail("fractions are not accepted");
    return fail(concat("expected ", what, ", got ", json::kind_name(got)));
}

std::nullopt_t At::unknown(std::string_view kind, std::string_view word,
                           std::span<const std::string_view> known) const {
    std::string hint = did_you_mean(word, known);
    constexpr size_t few = 8;
    if (hint.empty() && known.size() <= few) {
        hint = "; one of";
        for (const std::string_view one : known) hint += " " + quoted(one);
    }
    return fail(concat("unknown ", kind, " ", quoted(word), hint));
}

bool At::check_keys(const json::Value& object, std::span<const std::string_view> keys,
                    std::span<const std::string_view> required) const {
    if (!object.is_object()) {
        expected("an object", object);
        return false;
    }
    for (const json::Member& member : object.members())
        if (std::ranges::find(keys, member.key) == keys.end())
            this->member(member.key).fail("unknown key" + did_you_mean(member.key, keys));
    for (const std::string_view key : required)
        if (!object.find(key)) fail(concat("missing key ", quoted(key)));
    return true;
}

std::optional<std::string_view> At::string(const json::Value& value, std::string_view what) const {
    if (!value.is_string()) return expected(what, value);
    return value.string();
}

std::optional<std::span<const json::Value>> At::array(const json::Value& value) const {
    if (!value.is_array()) return expected("an array", value);
    return value.items();
}

std::optional<int64_t> At::integer(const json::Value& value, int64_t low, int64_t high) const {
    if (!value.is_integer()) return expected("an integer", value);
    const bool beyond = !value.negative() && value.unsigned_integer() > static_cast<uint64_t>(INT64_MAX);
    const int64_t number = value.signed_integer();
    if (beyond || number < low || number > high) return fail(concat("expected an integer from ", low, " to ", high));
    return number;
}

}  // namespace casemate::policy

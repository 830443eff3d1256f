// A JSON document as an immutable tree.
//
// Why a tree of ours: nlohmann's parser feeds it through its SAX interface, so that duplicate keys, depth, size and
// fractions are seen (its DOM silently keeps the last duplicate), and the launcher pays neither for std::map nodes nor
// for nlohmann's compile time outside parse.cc. Strings are checked UTF-8. Decision record 0001.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::json {

enum class Kind : uint8_t { null, boolean, integer, real, string, array, object };

struct Member;

// Sixteen bytes, trivially copied; it refers to its Document's memory and is valid as long as that lives.
class Value {
public:
    Kind kind() const { return kind_; }
    bool is_null() const { return kind_ == Kind::null; }
    bool is_bool() const { return kind_ == Kind::boolean; }
    bool is_integer() const { return kind_ == Kind::integer; }
    bool is_string() const { return kind_ == Kind::string; }
    bool is_array() const { return kind_ == Kind::array; }
    bool is_object() const { return kind_ == Kind::object; }

    bool boolean() const { return is_bool() && number_ != 0; }
    // Is the integer below zero? Then ask signed_integer(), else unsigned_integer().
    bool negative() const { return negative_; }
    uint64_t unsigned_integer() const { return is_integer() ? number_ : 0; }
    int64_t signed_integer() const { return static_cast<int64_t>(unsigned_integer()); }
    double real() const { return kind_ == Kind::real ? real_ : 0; }
    // Each is empty for a value of another kind.
    std::string_view string() const { return is_string() ? std::string_view(text_, count_) : std::string_view(); }
    std::span<const Value> items() const;
    std::span<const Member> members() const;
    // The member's value, or nullptr. Linear: objects in our documents are small.
    const Value* find(std::string_view key) const;

private:
    friend class Builder;
    Kind kind_ = Kind::null;
    bool negative_ = false;
    uint32_t count_ = 0;  // bytes of the string, items, or members
    union {
        uint64_t number_ = 0;
        double real_;
        const char* text_;
        const Value* items_;
        const Member* members_;
    };
};

struct Member {
    std::string_view key;
    Value value;
};

inline std::span<const Value> Value::items() const {
    return is_array() ? std::span(items_, count_) : std::span<const Value>();
}
inline std::span<const Member> Value::members() const {
    return is_object() ? std::span(members_, count_) : std::span<const Member>();
}

// What a document may be at most. Sizes in bytes.
struct Limits {
    size_t bytes = size_t{4} << 20;
    size_t depth = 64;
    size_t values = 1u << 18;        // in the whole document: 12 MiB of memory
    size_t items = 1u << 18;         // of one array or object
    size_t string_bytes = 1u << 20;  // of one string
    bool control_characters = true;  // are C0 controls and DEL allowed in strings? NUL never is
};

// "a string", "a number", "null" ...: for messages.
std::string_view kind_name(const Value& value);

class Document {
public:
    // One RFC 8259 value and nothing after it. Refused: duplicate keys, NaN, integers beyond 64 bits, wrong UTF-8, a
    // byte order mark, NUL, anything beyond `limits`. Errors read "$.a.b[0]: key given twice" or "line 3, column 7:
    // ...". The document keeps no reference to `text`.
    static Result<Document> parse(std::string_view text, const Limits& limits = {});

    const Value& root() const { return root_; }

private:
    friend class Builder;
    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    Value root_;
};

// $.a.b or $.a['key with dots']: extends a JSON path by one member. A key is cut after 64 bytes.
std::string child_path(std::string_view path, std::string_view key);
std::string child_path(std::string_view path, size_t index);

}  // namespace casemate::json

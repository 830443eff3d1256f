// How a key of config.json is described: config_fields.h lists the keys of each type once, with these rules, and three
// visitors walk that list: the reader, the writer, and the presence list. So none of them can forget a key.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

namespace casemate::oci {

using Words = std::span<const std::string_view>;

enum class Form : uint8_t {
    any,
    not_empty,
    absolute,   // a path that begins with "/"
    file_name,  // one path component: not empty, no "/", not "." or ".."
};

// What a value must be. For an array it holds for each item, for a map of strings `keys` holds for each key.
struct Rule {
    bool required = false;
    Words words = {};  // a closed list; empty: any text
    int64_t min = std::numeric_limits<int64_t>::min();
    uint64_t max = std::numeric_limits<uint64_t>::max();
    Form form = Form::any;
    Form keys = Form::not_empty;
};

// `fields(visitor, object)` takes the object const (to write) or not (to read).
template <typename S, typename T>
concept Of = std::same_as<std::remove_const_t<S>, T>;

}  // namespace casemate::oci

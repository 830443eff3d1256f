// What needs no parser: look-up in the tree, and the words of messages about it.
#include "json/value.h"

#include "base/text.h"

namespace casemate::json {

const Value* Value::find(std::string_view key) const {
    for (const Member& member : members())
        if (member.key == key) return &member.value;
    return nullptr;
}

std::string_view kind_name(const Value& value) {
    switch (value.kind()) {
        case Kind::null: return "null";
        case Kind::boolean: return "true or false";
        case Kind::integer:
        case Kind::real: return "a number";
        case Kind::string: return "a string";
        case Kind::array: return "an array";
        case Kind::object: return "an object";
    }
    return "a value";
}

std::string child_path(std::string_view path, std::string_view key) {
    constexpr size_t shown = 64;
    if (key.size() > shown) return concat(path, "[", quoted(key.substr(0, shown)), "...]");
    bool plain = !key.empty();
    for (const char c : key)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
              c == '-'))
            plain = false;
    return plain ? concat(path, ".", key) : concat(path, "[", quoted(key), "]");
}

std::string child_path(std::string_view path, size_t index) { return concat(path, "[", index, "]"); }

}  // namespace casemate::json

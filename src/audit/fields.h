// Reads members of a foreign JSON document. The first wrong type is kept as the error and every later read gives
// nothing: the parsers stay readable and no wrong field is taken for an absent one. null is absent (Go's encoders).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/value.h"

namespace casemate::audit {

class Fields {
public:
    // `problem` outlives this and everything made from it.
    Fields(const json::Value& value, std::string path, std::optional<Error>& problem);

    std::string text(std::string_view key) const;
    bool flag(std::string_view key) const;
    uint64_t number(std::string_view key) const;
    std::vector<std::string> texts(std::string_view key) const;
    // An absent object reads as an empty one.
    Fields object(std::string_view key) const;
    std::vector<Fields> objects(std::string_view key) const;
    bool has(std::string_view key) const { return find(key) != nullptr; }
    // Records a problem with this object.
    void fail(std::string text) const;
    const json::Value* raw(std::string_view key) const { return find(key); }

private:
    const json::Value* find(std::string_view key) const;
    void expected(std::string_view key, std::string_view what, const json::Value& got) const;
    const json::Value* value_;
    std::string path_;
    std::optional<Error>* problem_;
};

}  // namespace casemate::audit

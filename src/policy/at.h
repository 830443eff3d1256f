// Where a value stands in a profile, and the list of what is wrong with the file: a loader that stops at the first
// error makes its user run it ten times (PROFILE 1.11).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/value.h"

namespace casemate::policy {

class Problems {
public:
    static constexpr size_t most = 20;
    // `document`: how messages call the file.
    explicit Problems(std::string document) : document_(std::move(document)) {}

    void add(std::string_view path, std::string_view text);
    // The same with a text that begins with its place.
    void add_raw(std::string_view text);
    bool any() const { return !lines_.empty(); }
    // All of them, one a line. Only when any().
    Error error() const;

private:
    std::string document_;
    std::vector<std::string> lines_;
};

class At {
public:
    explicit At(Problems& problems, std::string path = "$") : problems_(&problems), path_(std::move(path)) {}

    At member(std::string_view key) const { return At(*problems_, json::child_path(path_, key)); }
    At item(size_t index) const { return At(*problems_, json::child_path(path_, index)); }
    const std::string& path() const { return path_; }

    // Notes an error here. Gives nullopt, so that a parser can `return at.fail(...)`.
    std::nullopt_t fail(std::string_view text) const;
    // "expected WHAT, got a string"; a fraction gets its own words.
    std::nullopt_t expected(std::string_view what, const json::Value& got) const;
    // "unknown KIND 'word'; did you mean 'x'?", and with few known words their list.
    std::nullopt_t unknown(std::string_view kind, std::string_view word, std::span<const std::string_view> known) const;

    // Notes every member of the object that is not in `keys`, and every absent one of `required`. False: it is no
    // object.
    bool check_keys(const json::Value& object, std::span<const std::string_view> keys,
                    std::span<const std::string_view> required = {}) const;
    // The value as a string, an array, an integer in [low, high]; else notes what was expected.
    std::optional<std::string_view> string(const json::Value& value, std::string_view what = "a string") const;
    std::optional<std::span<const json::Value>> array(const json::Value& value) const;
    std::optional<int64_t> integer(const json::Value& value, int64_t low, int64_t high) const;

private:
    Problems* problems_;
    std::string path_;
};

}  // namespace casemate::policy

#include "audit/fields.h"

#include "base/text.h"

namespace casemate::audit {
namespace {

const json::Value nothing{};

}  // namespace

Fields::Fields(const json::Value& value, std::string path, std::optional<Error>& problem)
    : value_(&value), path_(std::move(path)), problem_(&problem) {
    if (!value.is_object() && !value.is_null()) fail(concat("expected an object, got ", json::kind_name(value)));
}

const json::Value* Fields::find(std::string_view key) const {
    const json::Value* const found = value_->find(key);
    return found && !found->is_null() ? found : nullptr;
}

void Fields::fail(std::string text) const {
    if (!*problem_) *problem_ = Error::invalid(concat(path_, ": ", text));
}

void Fields::expected(std::string_view key, std::string_view what, const json::Value& got) const {
    if (!*problem_)
        *problem_ =
            Error::invalid(concat(json::child_path(path_, key), ": expected ", what, ", got ", json::kind_name(got)));
}

std::string Fields::text(std::string_view key) const {
    const json::Value* const found = find(key);
    if (!found) return {};
    if (!found->is_string()) expected(key, "a string", *found);
    return std::string(found->string());
}

bool Fields::flag(std::string_view key) const {
    const json::Value* const found = find(key);
    if (!found) return false;
    if (!found->is_bool()) expected(key, "true or false", *found);
    return found->boolean();
}

uint64_t Fields::number(std::string_view key) const {
    const json::Value* const found = find(key);
    if (!found) return 0;
    if (!found->is_integer() || found->negative()) expected(key, "a whole number", *found);
    return found->unsigned_integer();
}

std::vector<std::string> Fields::texts(std::string_view key) const {
    std::vector<std::string> list;
    const json::Value* const found = find(key);
    if (!found) return list;
    if (!found->is_array()) expected(key, "a list", *found);
    for (const json::Value& item : found->items()) {
        if (!item.is_string()) expected(key, "a list of strings", item);
        list.emplace_back(item.string());
    }
    return list;
}

Fields Fields::object(std::string_view key) const {
    const json::Value* const found = find(key);
    return Fields(found ? *found : nothing, json::child_path(path_, key), *problem_);
}

std::vector<Fields> Fields::objects(std::string_view key) const {
    std::vector<Fields> list;
    const json::Value* const found = find(key);
    if (!found) return list;
    if (!found->is_array()) expected(key, "a list", *found);
    const std::string path = json::child_path(path_, key);
    for (const json::Value& item : found->items()) {
        if (item.is_null()) expected(key, "a list of objects", item);
        list.emplace_back(item, json::child_path(path, list.size()), *problem_);
    }
    return list;
}

}  // namespace casemate::audit

#include "policy/statement.h"

#include <algorithm>

#include "base/text.h"
#include "policy/fields.h"
#include "policy/grants.h"
#include "policy/gates.h"

namespace casemate::policy {
namespace {

// PROFILE 1.4
constexpr json::Limits limits{
    .bytes = 256 << 10, .depth = 16, .items = 4096, .string_bytes = 4096, .control_characters = false};
constexpr size_t name_bytes = 256;

constexpr std::string_view own_keys[] = {"schemaVersion", "$schema", "description", "extends", "waive"};

// What may stand below `prefix` ("" or "filesystem."): the next words of the field paths.
std::vector<std::string_view> keys_below(std::string_view prefix) {
    std::vector<std::string_view> keys;
    if (prefix.empty()) keys.assign(std::begin(own_keys), std::end(own_keys));
    for (const Field& field : fields()) {
        if (!field.path.starts_with(prefix)) continue;
        const std::string_view rest = field.path.substr(prefix.size());
        const std::string_view key = rest.substr(0, rest.find('.'));
        if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    }
    return keys;
}

bool is_prefix(std::string_view path) {
    return std::ranges::any_of(fields(), [&](const Field& field) { return field.path.starts_with(path); });
}

void read_object(const At& at, const json::Value& object, const std::string& prefix, Profile& out) {
    if (!object.is_object()) {
        at.expected("an object", object);
        return;
    }
    for (const auto& [key, value] : object.members()) {
        const At here = at.member(key);
        if (prefix.empty() && std::ranges::find(own_keys, key) != std::end(own_keys)) continue;
        const std::string path = concat(prefix, key);
        if (key.size() > name_bytes)
            here.fail(concat("a name has at most ", name_bytes, " bytes"));
        else if (const Field* field = find_field(path))
            field->parse(here, value, out);
        else if (is_prefix(path + "."))
            read_object(here, value, path + ".", out);
        else
            here.fail("unknown key" + did_you_mean(key, keys_below(prefix)));
    }
}

// False: not a version that we read, so nothing else of the file is judged.
bool check_version(const At& at, const json::Value& root) {
    const json::Value* const version = root.find("schemaVersion");
    if (!version) return at.fail("missing key 'schemaVersion'"), false;
    const At here = at.member("schemaVersion");
    if (!version->is_integer()) return here.expected("an integer", *version), false;
    if (version->negative()) return here.fail("is not a version"), false;
    if (version->unsigned_integer() == 1) return true;
    here.fail(concat("version ", version->unsigned_integer(), " is not known; this casemate reads 1"));
    return false;
}

bool is_profile_name(std::string_view name) {
    const auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !name.empty() && name.size() <= 64 && word(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return word(c) || c == '-'; });
}

void read_extends(const At& at, const json::Value& value, bool has_parent, std::string& out) {
    const auto name = at.string(value, "a profile's name or path");
    if (!name) return;
    if (has_parent) {
        at.fail("the parent is given already");
    } else if (name->find('/') == name->npos && !is_profile_name(*name)) {
        at.fail(concat(quoted(*name), " is neither a profile's name nor a path; a path contains '/'"));
    } else {
        out = *name;
    }
}

std::optional<Waiver> read_waiver(const At& at, const json::Value& value, size_t index) {
    static constexpr std::string_view keys[] = {"what", "because"};
    if (!at.check_keys(value, keys, keys)) return std::nullopt;
    const json::Value *what = value.find("what"), *because = value.find("because");
    if (!what || !because) return std::nullopt;
    const auto field = at.member("what").string(*what), reason = at.member("because").string(*because);
    if (!field || !reason) return std::nullopt;
    if (reason->size() < 8 || reason->size() > 200)
        return at.member("because").fail("a reason has 8 to 200 characters");
    return Waiver{std::string(*field), std::string(*reason), index};
}

void read_waivers(const At& at, const json::Value& value, bool has_parent, Statement& out) {
    const auto items = at.array(value);
    if (!items) return;
    if (!has_parent) {
        at.fail("this file extends no profile: nothing to waive");
        return;
    }
    for (size_t i = 0; i < items->size(); ++i) {
        auto waiver = read_waiver(at.item(i), (*items)[i], i);
        if (!waiver) continue;
        if (std::ranges::find(out.waivers, waiver->what, &Waiver::what) != out.waivers.end())
            at.item(i).member("what").fail(concat(quoted(waiver->what), " is waived twice"));
        out.waivers.push_back(std::move(*waiver));
    }
}

void read_own_keys(const At& at, const json::Value& root, bool has_parent, Statement& out) {
    if (const json::Value* schema = root.find("$schema")) at.member("$schema").string(*schema);
    if (const json::Value* value = root.find("description"))
        if (const auto text = at.member("description").string(*value)) out.said.description = *text;
    const json::Value* const extends = root.find("extends");
    if (extends) read_extends(at.member("extends"), *extends, has_parent, out.extends);
    if (const json::Value* waive = root.find("waive"))
        read_waivers(at.member("waive"), *waive, has_parent || extends, out);
}

}  // namespace

Statement read_statement(const Source& source, bool has_parent, Problems& problems) {
    Statement out;
    out.said.name = source.name;
    const At root(problems);
    auto document = json::Document::parse(source.text, limits);
    if (!document) {
        // The parser's text begins with its own path or line.
        problems.add_raw(document.error().text());
        return out;
    }
    out.document = std::move(document).take();
    const json::Value& value = out.document.root();
    if (!value.is_object()) {
        root.expected("an object", value);
        return out;
    }
    if (!check_version(root, value)) return out;
    read_own_keys(root, value, has_parent, out);
    read_object(root, value, "", out.said);
    if (out.said.filesystem.mounts && !make_sources_absolute(*out.said.filesystem.mounts, source.directory))
        root.member("filesystem").member("mounts").fail("a relative source has no folder here");
    if (!make_paths_absolute(out.said.admission, source.directory))
        root.member("admission").fail("a relative file name has no folder here");
    return out;
}

}  // namespace casemate::policy

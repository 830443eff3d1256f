// The field table: every field of the language but schemaVersion, extends, waive and the texts. Loading, refining,
// merging, printing and the schema's test walk it, so a field that has a row has all of them.
#pragma once

#include <span>

#include "json/writer.h"
#include "policy/at.h"
#include "policy/profile.h"

namespace casemate::policy {

struct Field {
    std::string_view path;  // "filesystem.proc.subset"
    enum class Role : uint8_t { restriction, grant } role;
    // A child's list is added to the parent's, so that only a waiver takes away.
    bool adds;
    // Part of Seccomp::layers, which merge as functions and not field by field.
    bool in_layer;

    bool (*present)(const Profile& profile);
    void (*parse)(const At& at, const json::Value& value, Profile& out);
    void (*copy)(const Profile& from, Profile& to);  // absent too
    void (*sort)(Profile& profile);                  // to the canonical order
    bool (*equal)(const Profile& a, const Profile& b);
    // Both present: the stricter of two; false when they contradict.
    bool (*join)(const Profile& a, const Profile& b, Profile& out);
    // Both present, a grant: the nearer wins; false when they contradict.
    bool (*overlay)(const Profile& farther, const Profile& nearer, Profile& out);
    void (*write)(json::Writer& writer, const Profile& profile);
    // Of a list: does `said`, an item of a child's list, name what `parent` does not have? Then what: else empty.
    std::string (*foreign)(const Profile& parent, const json::Value& said);
};

// In the order in which they are printed.
std::span<const Field> fields();
// The field with that path, or nullptr.
const Field* find_field(std::string_view path);
// The value as a message shows it: 'none', true, ["CAP_KILL"].
std::string shown(const Field& field, const Profile& profile);
// The same without the quotes.
std::string plain_text(const Field& field, const Profile& profile);

}  // namespace casemate::policy

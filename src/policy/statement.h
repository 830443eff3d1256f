// What one file says, before its parent is known; and the steps from there to a resolved profile.
#pragma once

#include <string>
#include <vector>

#include "json/value.h"
#include "policy/at.h"
#include "policy/profile.h"

namespace casemate::policy {

struct Waiver {
    std::string what, because;
    size_t index = 0;  // in `waive`
};

struct Statement {
    json::Document document;
    Profile said;  // lists in the file's order: messages count in it
    std::string extends;
    std::vector<Waiver> waivers;
};

// Reads one document; what is wrong goes to `problems`. `has_parent`: the caller supplies one, `extends` may not.
Statement read_statement(const Source& source, bool has_parent, Problems& problems);

// Refines: the child's statement over the resolved parent (PROFILE 3.2). `parent` may be nullptr.
Profile resolve(const Statement& child, const Profile* parent, Problems& problems);

// Every grant of `resolved` against its restrictions. Places are those of `said`, the statement, where it has the
// grant.
void check_grants_of(const Profile& resolved, const Profile& said, Problems& problems);

// Who said the field: the profile's name unless its provenance knows better.
std::string speaker(const Profile& profile, std::string_view field);

}  // namespace casemate::policy

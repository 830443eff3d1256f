// What an entry's name means: a path in the root, or a whiteout (image-spec layer.md, Whiteouts).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "image/limits.h"

namespace casemate::image {

// "./a//b/" is parent "a", leaf "b"; the root itself is an empty leaf. No leading slash, no "." and no "..".
struct EntryName {
    std::string parent, leaf;
    std::string path() const { return parent.empty() ? leaf : parent + "/" + leaf; }
    bool is_root() const { return leaf.empty(); }
};

// Errors: "..", NUL, too long, too deep (U2). Names may begin with a slash, as chroot-like readers have it.
Result<EntryName> split_name(std::string_view name, const Limits& limits);

enum class Whiteout : uint8_t { none, removal, opaque };
struct WhiteoutName {
    Whiteout kind = Whiteout::none;
    std::string target;  // of a removal: the name that goes
};

// Errors: ".wh." alone or with "." or ".." (U7), a reserved ".wh..wh." name other than the opaque mark, and a directory
// named like a whiteout on the way.
Result<WhiteoutName> whiteout_name(const EntryName& name);

}  // namespace casemate::image

// PAX extended headers (POSIX pax, "pax Extended Header"): "LENGTH KEY=VALUE\n" records. Strict: a record that is not
// exactly as long as it says, a key given twice and a value that another reader would take otherwise are errors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::image {

struct Xattr {
    std::string name, value;
    bool operator==(const Xattr&) const = default;
};

struct Timestamp {
    int64_t seconds = 0;
    uint32_t nanoseconds = 0;
    bool operator==(const Timestamp&) const = default;
};

// What one extended header says about the next entry.
struct PaxRecords {
    std::optional<std::string> path, link;
    std::optional<uint64_t> size, uid, gid;
    std::optional<Timestamp> mtime;
    std::vector<Xattr> xattrs;  // SCHILY.xattr.*
    bool acls = false;          // SCHILY.acl.*: not applied, counted with the dropped attributes
};

Result<PaxRecords> parse_pax(std::string_view text);

// A global header may hold comments only: anything else would change every entry after it, and readers differ.
Result<void> check_global_pax(std::string_view text);

}  // namespace casemate::image

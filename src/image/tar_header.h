// The 512-byte header block of a tar archive, decoded strictly. Where tar readers are known to disagree the answer is
// an error (U12): an archive that two tools list differently is how entries are smuggled (CVE-2025-62518).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace casemate::image {

inline constexpr size_t tar_block = 512;

struct TarHeader {
    char type = '0';   // '0' for the old NUL too
    std::string name;  // with the prefix in front, where the format has one
    std::string link;
    uint32_t mode = 0;
    uint64_t uid = 0, gid = 0, size = 0, dev_major = 0, dev_minor = 0;
    int64_t mtime = 0;  // seconds
};

// nullopt: a block of zeros. Accepted are POSIX ustar and GNU; v7 and other magic numbers are not.
Result<std::optional<TarHeader>> parse_tar_header(std::span<const uint8_t, tar_block> block);

}  // namespace casemate::image

// Scratch directories `.casemate-unpack-NUMBER`: made beside what they will become, locked as long as somebody is at work
// in them. Those of the dead are not locked, and removed by whoever comes next.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::image {

inline constexpr std::string_view scratch_prefix = ".casemate-unpack-";

struct ScratchDirectory {
    std::string name;
    Fd fd;
};
// A new one in `parent`, mode 0700, locked. Somebody's remove_stale() may get at it before the lock does: then another
// name is tried.
Result<ScratchDirectory> make_scratch(FdView parent);
void remove_stale(FdView parent);

}  // namespace casemate::image

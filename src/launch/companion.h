// What a companion of the container does first: a process of ours that runs beside it, on the host, for its life (the
// relay, pasta's guard). It must outlive no one and hold nothing of its caller.
#pragma once

#include <vector>

#include "base/result.h"

namespace casemate::launch {

// `name` is for ps (at most 15 bytes). All signals blocked: no handler of the host may run here, and no signal to its
// group or terminal ends the companion before the app. Session and directory of its own; every descriptor closed but
// `kept` (negative ones are ignored, 0..2 are errors), and /dev/null for 0, 1 and 2: a pipe or terminal of the caller
// that stayed open here would never end for its reader.
Result<void> become_companion(const char* name, std::vector<int> kept);

Result<void> empty_bounding_set();

}  // namespace casemate::launch

// Is what mountinfo tells the order of config.json's mounts?
#pragma once

#include "plan/plan.h"

namespace casemate::plan {

// Since Linux 6.8 mountinfo is sorted by mount id: by the time of making, not of attaching. Binds are cloned before init makes
// the first file system, and the list may have them after it. True where that is so and config.json is somebody's own;
// `launch` writes its list itself.
bool is_made_out_of_order(const Plan& plan);

}  // namespace casemate::plan

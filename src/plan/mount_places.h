// Where an observer must look who has no table of the mounts (sys/mount_places.h).
#pragma once

#include <string>
#include <vector>

#include "plan/expected.h"

namespace casemate::plan {

// One path for each expectation, so that compare() finds a line for each: every mount, then masked and read-only paths.
std::vector<std::string> mount_places(const Expected& expected);

}  // namespace casemate::plan

// Where an observer must look who has no table of the mounts (sys/mount_places.h).
#pragma once

#include <string>
#include <vector>

#include "plan/expected.h"

namespace casemate::plan {

// Has the container no mount namespace of its own or another's (decision 0019)? Then its mountinfo is empty by right. Of any
// other container an empty one says that nothing is mounted, whatever lies at the places.
bool is_seen_by_place(const Expected& expected);

// Is anything expected of its mounts? Of an exec'ed process nothing is: the tree is the container's by then.
bool concerns_mounts(const Expected& expected);

// One path for each expectation, so that compare() finds a line for each: every mount, then masked and read-only paths.
std::vector<std::string> mount_places(const Expected& expected);

}  // namespace casemate::plan

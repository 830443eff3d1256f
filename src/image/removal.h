// Removing trees is a system matter that the launcher shares: sys/removal.h.
#pragma once

#include "sys/removal.h"

namespace casemate::image {
using sys::Keep;
using sys::remove_below;
using sys::remove_children;
using sys::remove_scratch;
}  // namespace casemate::image

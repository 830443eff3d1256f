// The directories of an overlay that config.json mounts (podman: --mount type=image). Engines write their full paths, and
// fsconfig(2) takes 255 bytes: each is opened, and named by its descriptor.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::steps::init {

// "/a:/b" as "/proc/self/fd/7:/proc/self/fd/8": the value of `lowerdir`, where a backslash escapes a colon
// (overlayfs.rst). The descriptors are added to `held`: keep them until the file system is made.
Result<std::string> by_descriptor(std::string_view paths, std::vector<Fd>& held);

}  // namespace casemate::steps::init

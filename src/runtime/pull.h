// SOURCE docker://REF: fetched by skopeo, which knows registries; what it brings is an image like any other, and as little
// trusted.
#pragma once

#include <string>

#include "base/result.h"

namespace casemate::runtime {

// Copies `source` into an OCI layout at `layout`, which does not exist yet, and gives the SOURCE that it is then.
Result<std::string> pull(const std::string& source, const std::string& layout);

}  // namespace casemate::runtime

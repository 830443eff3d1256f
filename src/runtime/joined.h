// The namespaces that config.json names by their paths: opened once, before anything else is done, and checked to be what
// they are said to be. From then on the descriptor is the namespace, whatever becomes of the path.
#pragma once

#include <vector>

#include "base/result.h"
#include "launch/stage.h"
#include "oci/config.h"
#include "plan/plan.h"

namespace casemate::runtime {

struct Joined {
    std::vector<plan::NamespaceFact> facts;    // for the plan
    std::vector<launch::NamespaceFile> files;  // for launch::start: those that are not the host's
};

// Errors name the place in config.json: no namespace (nsfs), one of another kind, not readable.
Result<Joined> open_joined(const oci::Config& config);

}  // namespace casemate::runtime

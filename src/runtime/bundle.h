// An OCI bundle on the host, and the profile that the OCI verbs run it under.
#pragma once

#include <string>

#include "base/result.h"
#include "oci/config.h"

namespace casemate::runtime {

struct Bundle {
    std::string path;  // absolute
    oci::Config config;
};
// Empty: the working directory, and its config.json.
Result<Bundle> open_bundle(const std::string& path, const std::string& config_file = {});

}  // namespace casemate::runtime

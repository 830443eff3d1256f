// An OCI bundle on the host, and the profile that the OCI verbs run it under.
#pragma once

#include <string>

#include "base/result.h"
#include "oci/config.h"
#include "policy/profile.h"

namespace casemate::runtime {

struct Bundle {
    std::string path;  // absolute
    oci::Config config;
};
// Empty: the working directory, and its config.json.
Result<Bundle> open_bundle(const std::string& path, const std::string& config_file = {});

// "" and "oci": exactly what config.json asks.
Result<policy::Profile> runtime_profile(const std::string& name);

}  // namespace casemate::runtime

// Finds and reads profile files: /etc/casemate/profiles, /usr/share/casemate/profiles, then the compiled-in ones. A file
// that somebody else could have written is refused (PROFILE 1.10).
#pragma once

#include "policy/profile.h"

namespace casemate::runtime {

class ProfileFiles : public policy::Reader {
public:
    Result<policy::Source> read(const std::string& name_or_path, const std::string& from) override;
    std::vector<std::string> names() override;
};

// The host's casemate.json: {"launch": {"profile": N, "ceiling": N}, "oci": {"ceiling": N}, "idPool": {"first", "count"}}.
struct HostConfig {
    std::string launch_profile, launch_ceiling, oci_ceiling;
    uint32_t pool_first = 524288, pool_count = 1878523904;
};
Result<HostConfig> read_host_config();

}  // namespace casemate::runtime

// A resolved profile as it is kept beside a running container: `exec` must use what the container was started with,
// whatever has become of the profile's files since.
//
// As documents of the profile language, so that what is read back has passed the loader's checks: the first says
// everything, each further one a seccomp layer that a merge has put on top (no single list says the stricter of two).
#pragma once

#include <string>
#include <vector>

#include "policy/profile.h"

namespace casemate::policy {

std::vector<std::string> to_documents(const Profile& profile);
// The same value again, but for its waivers and provenance. A broken document is an error.
Result<Profile> from_documents(const std::string& name, const std::vector<std::string>& documents);

}  // namespace casemate::policy

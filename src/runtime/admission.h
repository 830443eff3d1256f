// Admission: an image is judged before anything of it is unpacked or run, by casemate-audit, because judging images is
// nothing that the launcher should be able to do. What the launcher takes from it is one answer, and anything else than
// a whole, well-formed "allow" for a digest denies.
#pragma once

#include <string>

#include "base/result.h"
#include "policy/profile.h"
#include "runtime/runtime.h"

namespace casemate::runtime {

struct Admitted {
    std::string digest;  // of the manifest, or, for a docker archive, of its config; empty: nothing was asked
    std::string record;  // the decision as JSON (docs/audit.md), or empty
};

// Does the profile ask anything of an image? Then a source that is no image cannot be admitted.
bool asks_for_admission(const policy::Profile& profile);

// EPERM with each check that did not pass.
Result<Admitted> admit(const Settings& settings, const policy::Profile& profile, const std::string& source,
                       const std::string& ref);

// A decision record as `verify` shows it: what it says, or an error when it is none or for another digest.
struct AdmissionSummary {
    std::string judged;
    std::vector<std::string> checks, suppressed;
};
Result<AdmissionSummary> read_admission(const std::string& record, const std::string& digest);

}  // namespace casemate::runtime

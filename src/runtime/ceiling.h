// The host-wide ceiling over config.json: which profile it is, and a bundle under it (PROFILE 3.4).
#pragma once

#include <optional>
#include <string>

#include "plan/ceiling.h"
#include "runtime/bundle.h"

namespace casemate::runtime {

// The profile of casemate.json's oci.ceiling and the one that was named (--profile), merged: the stricter of both in every
// field. None when neither says more than `oci`.
Result<std::optional<policy::Profile>> ceiling_profile(const std::string& named);

// The bundle's config.json tightened, its bind sources resolved first (a link must not hide what is bound). Without a
// ceiling it is as it was. Refusals are not errors here: `casemate plan` shows all of them.
Result<plan::Tightened> under_ceiling(const Bundle& bundle, const std::optional<policy::Profile>& ceiling);
// The first refusal as the error that ends a launch; with oci.onTighten 'refuse' the first change.
Result<void> check_ceiling(const plan::Tightened& tightened, const std::optional<policy::Profile>& ceiling);

}  // namespace casemate::runtime

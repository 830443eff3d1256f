// config.json under a ceiling (PROFILE 3.4): what an engine asks for is tightened to the host's profile, or refused where
// tightening would change its meaning. Pure.
//
// The result is again a config.json, so that one compile() serves both; what OCI has no words for (Landlock, W^X, the
// profile's filter) comes from the profile, which compile() applies beside it.
#pragma once

#include <string>
#include <vector>

#include "oci/config.h"
#include "policy/profile.h"

namespace casemate::plan {

struct Tightened {
    oci::Config config;
    policy::Profile profile;            // the restrictions to compile it with
    std::vector<std::string> changes;   // "process.capabilities: 11 -> 0", one a change
    std::vector<std::string> refusals;  // "$.linux.namespaces: the host's network namespace ..."
    std::vector<std::string> unused;    // fields of the profile that say nothing about a config.json
};

// `oci` (a profile that says nothing) changes nothing. Bind sources are expected without symbolic links.
Tightened tighten(const oci::Config& config, const policy::Profile& ceiling);
// The same for a process that joins the container of `out.config`: exec --process. Changes and refusals are added to `out`.
void tighten_process(oci::Process& process, const policy::Profile& ceiling, Tightened& out);

}  // namespace casemate::plan

// From what the user typed to a Plan: profile, facts, source, config.json. Shared by launch, plan and probe, so that
// what is printed is what is done.
#pragma once

#include "launch/network_spec.h"
#include "plan/plan.h"
#include "runtime/profile_files.h"
#include "runtime/runtime.h"
#include "runtime/source.h"

namespace casemate::runtime {

// The profile with the flags and the host's ceiling (PROFILE 3.1, layers 1 to 4), its grants checked.
Result<policy::Profile> resolve_profile(const LaunchOptions& options, const HostConfig& host);

struct Network {
    std::vector<launch::PublishSpec> publish;
    std::vector<launch::ListenSpec> listen;
};
Result<Network> network_of(const policy::Profile& profile);

// The config.json that the profile makes of the opened source, with the caller's command, user and directory.
Result<oci::Config> configure(Source& source, const policy::Profile& profile, const plan::HostFacts& facts, const LaunchOptions& options);

}  // namespace casemate::runtime

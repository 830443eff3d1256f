// RUN: what a config.json gives a container. Judged is what the document says; the launcher may be stricter.
#pragma once

#include "audit/rule.h"
#include "oci/config.h"

namespace casemate::audit {

// By concern: identity and kernel rights, the filter, file systems, resources and the rest.
std::span<const Check<oci::Config>> privilege_checks();
std::span<const Check<oci::Config>> seccomp_checks();
std::span<const Check<oci::Config>> mount_checks();
std::span<const Check<oci::Config>> resource_checks();

}  // namespace casemate::audit

// A user namespace that exists for its id maps alone: the shape in which mount_setattr(2) takes the maps of an idmapped
// mount.
#pragma once

#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "plan/plan.h"
#include "sys/procfs.h"

namespace casemate::steps::host {

// Needs CAP_SETUID and CAP_SETGID on the host. No process is in it when this returns.
Result<Fd> user_namespace_of(const sys::Procfs& proc, const std::vector<plan::IdMapping>& uid_map, const std::vector<plan::IdMapping>& gid_map);

}  // namespace casemate::steps::host

// A host id range of its own for each container: one 65536-aligned slot of a pool, held by a locked file for as long as
// the container lives, so that two containers can neither signal, trace nor own files of one another on the host.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/profile_files.h"

namespace casemate::runtime {

struct IdSlot {
    uint32_t base = 0;
    Fd lock;  // flock: released when the last process that has it ends
};

// A free slot, clear of the ranges in /etc/subuid and /etc/subgid. Errors: none free.
// The locks are at one place for the whole host, whatever --root says: two state roots must not share a range.
Result<IdSlot> take_slot(const HostConfig& config, std::string_view id);

}  // namespace casemate::runtime

// A user namespace with one id: how a process without privilege becomes root over what is its own, mounts included.
#pragma once

#include <functional>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::sys {

// What is the caller's outside is 0 inside, and every capability holds for it. `flags`: further CLONE_NEW* that shall
// belong to it; with CLONE_NEWNS, what was opened before cannot be mounted or cloned there. The process must have one thread.
Result<void> enter_user_namespace(int flags = 0);

// What a child makes where its parent may not, handed over as a descriptor. The child is gone when this returns.
Result<Fd> made_in_child(const std::function<Result<Fd>()>& make);

}  // namespace casemate::sys

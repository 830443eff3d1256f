// An overlay of detached directory trees, made with the mount API and attached nowhere: the host's mount table never sees
// it (RECIPES section 3). Marks of removal are `user.overlay.*` attributes and 0:0 device nodes: what may be made without
// CAP_SYS_ADMIN and CAP_MKNOD is the same for root and for others.
#pragma once

#include <cstdint>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::sys {

struct Overlay {
    // Detached mounts (open_tree), topmost first: at least two without an upper, at least one with it. An overlay itself
    // cannot be idmapped; its layers can.
    std::vector<FdView> lower;
    // A detached mount that holds both directories of a writable overlay; -1: read-only for good.
    FdView own = -1;
    const char* upper = "upper";
    const char* work = "work";
};

// by_descriptor: layers stay detached [6.15]. private_namespace: a child attaches them in a mount namespace of its own
// and hands over the overlay; the mounts of `lower` and `own` are used up [5.11]. automatic: the second where the first
// is refused.
enum class OverlayWay : uint8_t { automatic, by_descriptor, private_namespace };

// A detached mount with MOUNT_ATTR_* `attributes`. Needs CAP_SYS_ADMIN over the caller's user namespace.
Result<Fd> make_overlay(const Overlay& overlay, uint64_t attributes, OverlayWay way = OverlayWay::automatic);

}  // namespace casemate::sys

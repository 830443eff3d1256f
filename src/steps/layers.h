// The root of an image that lies in the store as layers (RECIPES section 3). On top lies a directory of the container's
// own. Missing mount points are made through a first overlay that writes there, the view, so that the kernel resolves the
// image's links and copies the directories above them; the root reads it as one layer more. The shared layers are never
// written to. A directory on disk, not a tmpfs: a tmpfs can be idmapped since 6.3 only, and only what is attached can be
// cloned before 6.15.
//
// As root the host makes both (init may not: its descriptors of the layers are EPERM there) and init attaches the root.
// Without root mounting takes a user namespace: a child makes the view in one of its own, init the root in the container's.
#pragma once

#include "plan/plan.h"
#include "steps/context.h"

namespace casemate::steps {

// By path, in the caller's mount namespace.
Result<Layers> find_layers(const plan::RootPlan& root);
// The same, and an error where one is another directory than `seen`.
Result<Layers> find_layers_again(const plan::RootPlan& root, const Layers& seen);

// What the view and the root of a container write to, in its own directory. Once, before the view.
Result<void> make_upper(const Layers& layers);
// Detached mounts; `layers` were opened in the caller's mount namespace.
Result<Fd> make_view(const Layers& layers);
// With an idmap: of the user namespace `userns`. The view must be gone.
Result<Fd> make_root(const Layers& layers, const plan::RootPlan& root, FdView userns = -1);

}  // namespace casemate::steps

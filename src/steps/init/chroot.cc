// The root of a container without a mount namespace: a tree that is attached nowhere (decision 0019). Nothing of the host is
// above it, so ".." ends there whatever is chrooted later; that, and not chroot, is what holds.
#include <unistd.h>

#include "steps/init/steps.h"

namespace casemate::steps::init {

const InitStep change_root{
    "change root", Phase::pivot, [](const plan::Plan& plan) { return !plan.namespaces().is_apart("mount"); },
    [](const plan::Plan&) { return std::string("chroot into the root file system, a tree of no mount namespace"); },
    [](InitContext& context) -> Result<void> {
        if (::fchdir(context.prepared.tree.get()) < 0) return Error::sys("fchdir");
        if (::chroot(".") < 0) return Error::sys("chroot");
        if (::chdir("/") < 0) return Error::sys("chdir");
        context.prepared.root.reset();
        return {};
    }};

}  // namespace casemate::steps::init

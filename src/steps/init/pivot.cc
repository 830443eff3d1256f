// Leaves the host's tree. pivot_root and a detaching umount are the only way the locked host mounts go (RECIPES I11);
// chroot with MS_MOVE is escapable and not offered (SECURITY 7). Without a mount namespace: chroot.cc.
#include <fcntl.h>
#include <unistd.h>

#include "plan/mount_order.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {

const InitStep pivot_root{
    "pivot root", Phase::pivot, [](const plan::Plan& plan) { return plan.namespaces().is_apart("mount"); },
    [](const plan::Plan&) { return std::string("pivot_root(\".\", \".\"), umount2 the old root, chdir /"); },
    [](InitContext& context) -> Result<void> {
        if (::fchdir(context.prepared.tree.get()) < 0) return Error::sys("fchdir");
        auto pivoted = sys::pivot_root(".", ".");
        if (!pivoted)
            return std::move(pivoted).take_error().hint("the host's root must not be an initramfs: leave it by switch_root first");
        TRY(sys::unmount_detached("."));
        // A yard on the host's "/" (attach_mounts) was the topmost mount, and "." leads to that one.
        const bool yard = plan::is_made_out_of_order(context.plan) && !plan::holds_for_hooks(context.plan.hooks());
        if (yard) TRY(sys::unmount_detached("."));
        if (::chdir("/") < 0) return Error::sys("chdir");
        context.prepared.root.reset();
        return {};
    }};

const InitStep set_propagation{
    "set root propagation", Phase::paths, [](const plan::Plan& plan) { return plan.mounts().root.propagation != 0; },
    [](const plan::Plan&) { return std::string("of / inside"); },
    [](InitContext& context) -> Result<void> {
        const Fd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
        return sys::mount_setattr(root, 0, 0, 0, context.plan.mounts().root.propagation);
    }};

}  // namespace casemate::steps::init

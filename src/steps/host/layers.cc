// The host's part of a root made of layers: see steps/layers.h.
#include <fcntl.h>
#include <sched.h>

#include "base/text.h"
#include "steps/host/steps.h"
#include "steps/layers.h"
#include "sys/call.h"
#include "sys/user_namespace.h"

namespace casemate::steps::host {
namespace {

bool is_layered(const plan::Plan& plan) { return plan.mounts().root.layered(); }
bool is_rootless(const plan::Plan& plan) { return plan.ids().mode == plan::Mode::rootless; }

// Files made through this view are the caller's: the child's namespace maps that one id.
Result<Fd> view_from_child(const plan::RootPlan& root, const Layers& seen) {
    return sys::made_in_child([&]() -> Result<Fd> {
        TRY(sys::enter_user_namespace(CLONE_NEWNS));
        return make_view(TRY(find_layers_again(root, seen)));
    });
}

Result<void> open_all(HostContext& context) {
    const plan::RootPlan& root = context.plan.mounts().root;
    Layers& layers = context.prepared.layers;
    layers = TRY(find_layers(root));
    TRY_IN(quoted(root.own), make_upper(layers));
    const Fd view = TRY(is_rootless(context.plan) ? view_from_child(root, layers) : make_view(layers));
    context.prepared.root = sys::Root::adopt(TRY(sys::openat2(view, ".", O_PATH | O_DIRECTORY, 0)));
    return {};
}

Result<void> stack_all(HostContext& context) {
    const plan::RootPlan& root = context.plan.mounts().root;
    Fd userns;
    if (root.idmap) userns = TRY(context.proc->namespace_fd(std::to_string(context.pid), "user"));
    context.prepared.tree = TRY(make_root(context.prepared.layers, root, userns));
    return {};
}

}  // namespace

const HostStep open_layers{
    "open layers", Phase::prepare, is_layered,
    [](const plan::Plan& plan) { return concat(plan.mounts().root.layers.size(), " of ", quoted(plan.mounts().root.path), ", seen as one tree"); },
    open_all};

// After the maps: each layer gets its idmap, which an overlay itself cannot have.
const HostStep stack_layers{
    "stack layers", Phase::adopt, [](const plan::Plan& plan) { return is_layered(plan) && !is_rootless(plan); },
    [](const plan::Plan& plan) {
        const plan::RootPlan& root = plan.mounts().root;
        return concat("an overlay", root.readonly ? ", read-only" : "", root.idmap ? concat(", layers idmapped to host base ", plan.ids().owner_uid) : "");
    },
    stack_all};

}  // namespace casemate::steps::host

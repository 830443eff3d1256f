// Hooks: programs of the host that config.json wants run beside the container. Whoever writes config.json runs them with
// the launcher's rights, so only `oci`, which does exactly what config.json says, has them (SECURITY I20).
#include <map>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {

bool holds_for_hooks(const HooksPlan& hooks) {
    return !hooks.prestart.empty() || !hooks.create_runtime.empty() || !hooks.create_container.empty();
}

Result<void> Compiler::hooks() {
    const oci::Hooks& hooks = config_.hooks;
    if (hooks.empty() || request_.exec) return {};
    const std::pair<const char*, const std::vector<oci::Hook>*> lists[] = {
        {"prestart", &hooks.prestart},           {"createRuntime", &hooks.create_runtime},
        {"createContainer", &hooks.create_container}, {"startContainer", &hooks.start_container},
        {"poststart", &hooks.poststart},         {"poststop", &hooks.poststop}};
    const bool refused = request_.launch || profile_.oci.hooks == policy::OciHooks::deny;
    for (const auto& [name, list] : lists)
        if (refused && !list->empty())
            return Error::with_code(EPERM, concat("config.json: $.hooks.", name, ": hooks run on the host: refused by ",
                                                  request_.launch ? "'launch'" : "oci.hooks 'deny'"))
                .hint("'casemate run' under the profile 'oci' runs them");
    // init is not dumpable until its stub, and only root of its memory's user namespace may join it then.
    if (!hooks.create_container.empty() && plan_.ids_.mode == Mode::rootless && !facts_.nested)
        return Error::with_code(EPERM, "config.json: $.hooks.createContainer: without root no program of the host can join the container")
            .hint("createRuntime runs at the same moment, outside");
    if (!plan_.namespaces_.is_apart("mount"))
        for (const auto& [name, list] : lists)
            if (!list->empty() && !std::string_view(name).starts_with("post"))
                return Error::with_code(ENOTSUP, concat("config.json: $.hooks.", name, ": needs a mount namespace, as the root file system is in none; add {\"type\": \"mount\"}"));
    plan_.hooks_ = hooks;
    return {};
}

}  // namespace casemate::plan

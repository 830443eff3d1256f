// What may come in and go out under `launch`. Under an engine the network is the engine's.
#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {

Result<void> Compiler::network() {
    NetworkPlan& plan = plan_.network_;
    if (!request_.launch) return {};
    plan.managed = true;
    plan.mode = profile_.network.mode.value_or(policy::NetworkMode::host);
    const bool own = plan_.namespaces_.is_apart("network");
    constexpr std::string_view names[] = {"host", "sockets", "published", "none"};
    if (plan.mode != policy::NetworkMode::host && !own)
        return Error::with_code(EPERM, concat("network.mode '", names[static_cast<size_t>(plan.mode)], "' needs 'network' in namespaces.private"))
            .hint("waive network.mode as well, if the app is to have the host's network");
    // Silent on egress restricts nothing; in the host's network there is nothing to open.
    plan.egress_open = own && profile_.network.egress.value_or(policy::Egress::open) == policy::Egress::open;
    plan.publish = profile_.network.publish.value_or(std::vector<policy::Publish>{});
    plan.listen = profile_.network.listen.value_or(policy::Strings{});
    plan.proxy_protocol = profile_.network.proxy_protocol.value_or(false);
    if (profile_.network.mode == policy::NetworkMode::host && own)
        note("network.mode 'host' has no effect: namespaces.private holds 'network'");
    return {};
}

}  // namespace casemate::plan

// What may come in and go out under `launch`. Under an engine the network is the engine's.
#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {

Result<void> Compiler::network() {
    NetworkPlan& plan = plan_.network_;
    if (!request_.launch) return {};
    plan.managed = true;
    plan.mode = profile_.network.mode.value_or(policy::NetworkMode::host);
    plan.egress_open = profile_.network.egress.value_or(policy::Egress::open) == policy::Egress::open &&
                       plan.mode != policy::NetworkMode::host && plan_.namespaces_.owns("network");
    plan.publish = profile_.network.publish.value_or(std::vector<policy::Publish>{});
    plan.listen = profile_.network.listen.value_or(policy::Strings{});
    plan.proxy_protocol = profile_.network.proxy_protocol.value_or(false);
    if (plan.mode == policy::NetworkMode::host && plan_.namespaces_.owns("network") && !plan.publish.empty())
        note("network.mode is 'host' with an own network namespace: ports are published by the relay");
    return {};
}

}  // namespace casemate::plan

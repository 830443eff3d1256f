#include "runtime/network.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "plan/relay_filter.h"

namespace casemate::runtime {
namespace {

constexpr uint32_t relay_host_id = 1879048192;  // without a user namespace: just beyond the id pool, nobody else's

// An id of the container's own range that the app does not have: images use 65534 as "nobody".
uint32_t relay_range_id(const plan::IdsPlan& ids) {
    for (uint32_t id = 65533;; --id)
        if (id != ids.uid && id != ids.gid && std::find(ids.groups.begin(), ids.groups.end(), id) == ids.groups.end()) return id;
}

std::optional<launch::RelayIds> relay_ids(const plan::IdsPlan& ids) {
    switch (ids.mode) {
        case plan::Mode::root: return launch::RelayIds{relay_host_id, relay_host_id};
        case plan::Mode::root_userns: return launch::RelayIds{ids.owner_uid + relay_range_id(ids), ids.owner_gid + relay_range_id(ids)};
        case plan::Mode::rootless: break;
    }
    if (ids.single_id()) return std::nullopt;  // there is no other id
    return launch::RelayIds{relay_range_id(ids), relay_range_id(ids)};
}

}  // namespace

Result<void> NetworkProcesses::start(const plan::Plan& plan, const launch::Listeners& listeners, const launch::Waiting& waiting) {
    if (listeners.published().empty() && !plan.network().egress_open) return {};
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return Error::sys("pipe2");
    const Fd theirs(ends[0]);
    lifeline_ = Fd(ends[1]);
    if (!listeners.published().empty()) {
        launch::RelaySpec spec;
        for (const launch::PublishedListener& listener : listeners.published()) spec.listeners.push_back({listener.fd, listener.container_port});
        spec.init = waiting.pidfd;
        spec.lifeline = theirs;
        spec.mode = plan.ids().mode;
        spec.ids = relay_ids(plan.ids());
        spec.landlock = plan.landlock().enabled;
        spec.proxy_protocol = plan.network().proxy_protocol;
        spec.filter = TRY(plan::relay_filter(spec.proxy_protocol));
        relay_ = TRY_IN("relay", launch::start_relay(spec));
    }
    if (plan.network().egress_open) {
        launch::EgressSpec spec;
        spec.init = waiting.pidfd;
        spec.init_pid = waiting.pid;
        spec.lifeline = theirs;
        spec.mode = plan.ids().mode;
        egress_ = TRY_IN("egress", launch::start_egress(spec));
    }
    return {};
}

std::vector<launch::Watched> NetworkProcesses::watched() const {
    std::vector<launch::Watched> list;
    if (relay_.running()) list.push_back({relay_.pidfd(), "relay"});
    if (egress_.running()) list.push_back({egress_.pidfd(), "pasta"});
    return list;
}

}  // namespace casemate::runtime

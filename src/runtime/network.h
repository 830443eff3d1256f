// The processes that carry a launch's network: the relay of --publish and pasta of --egress. They end with this object,
// by pidfd, on every path; killed launchers are covered by the lifeline.
#pragma once

#include <vector>

#include "launch/egress.h"
#include "launch/host.h"
#include "launch/listeners.h"
#include "launch/relay.h"
#include "launch/supervise.h"

namespace casemate::runtime {

class NetworkProcesses {
public:
    // Starts what the plan asks for, while the confined app waits. An error ends the launch.
    Result<void> start(const plan::Plan& plan, const launch::Listeners& listeners, const launch::Waiting& waiting);
    // For supervise(): one that ends before the app ends the app.
    std::vector<launch::Watched> watched() const;

private:
    Fd lifeline_;  // our end: closed when we die
    launch::OwnedProcess relay_, egress_;
};

}  // namespace casemate::runtime

// The container's own loopback. Everything else of a network is the relay's, pasta's or the engine's.
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {

const InitStep bring_loopback_up{
    "bring loopback up", Phase::session, [](const plan::Plan& plan) { return plan.namespaces().loopback_up; },
    [](const plan::Plan&) { return std::string("lo"); }, [](InitContext&) { return sys::loopback_up(); }};

}  // namespace casemate::steps::init

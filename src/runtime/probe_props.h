// What the launcher prepares so that the probe can try more: a socket of the host to reach for, clients for an
// inherited listener, a setuid copy of the probe. All of it goes with this object, or with the root file system.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "launch/listeners.h"
#include "proof/probe_plan.h"

namespace casemate::runtime {

struct ProbeProps {
    proof::ProbeContext context;
    Fd abstract_socket;
    std::vector<Fd> clients;
};

// `root`: a root file system of our own (unpacked for this container, or empty), where a setuid copy of `program` may
// be put; empty: a foreign one, which is never written to. `owner`: the host's id of the inside's uid 0.
Result<ProbeProps> make_probe_props(const launch::Listeners& listeners, const std::string& id, const std::string& root,
                                    const std::string& program, uint32_t owner);

}  // namespace casemate::runtime

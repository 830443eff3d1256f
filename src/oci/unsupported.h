// What a configuration asks for, by name: so that the planner can refuse what is not applied, rather than ignore it.
//
// The planner holds the list of the fields that it applies; whatever else is present is refused. A field that a new
// specification adds is thus refused from the day it is parsed, until somebody applies it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oci/config.h"

namespace casemate::oci {

// A field is named by the path of its key with places left open: "$.mounts[].uidMappings", "$.linux.sysctl" (a map of
// strings is one field), "$.linux.resources.rdma.*.hcaHandles". Only leaves are fields; an object that is present but
// empty ("intelRdt": {}) is named by its own path. A value equal to its default (false, "", 0) asks for nothing.

// Every field that config.json can have, in the specification's order.
std::vector<std::string> all_fields();
// The fields that `config` uses, each once.
std::vector<std::string> present_fields(const Config& config);
// The places in `config` that use a field which is not in `applied`: "$.mounts[3].uidMappings".
std::vector<std::string> unsupported(const Config& config, std::span<const std::string_view> applied);

}  // namespace casemate::oci

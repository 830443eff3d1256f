// What a configuration must fulfil beyond the kind and range of each key: rules between keys, and within a string.
#pragma once

#include "base/result.h"
#include "oci/config.h"

namespace casemate::oci {

// The first broken rule, named by JSON path.
Result<void> check(const Config& config);
Result<void> check(const Process& process, std::string_view path);
Result<void> check(const Resources& resources, std::string_view path);

}  // namespace casemate::oci

// Names of groups and lists of cpus: text from outside, checked before it reaches a path or the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::cgroup {

// The components of a group's path below a hierarchy. Refused by component, never by text prefix ("..", CVE-2022-0492's
// neighbours in runc 1.5.2 and crun 1.29): "." and "..", control bytes, more than 255 bytes; more than 32 components.
Result<std::vector<std::string>> path_components(std::string_view path);

// "0-3,7": ranges in ascending form. Numbers are at most 65535 and nothing is expanded (CVE-2018-20699). Gives how many
// numbers it names.
Result<uint32_t> check_number_list(std::string_view text);

// The file of an interface as `unified` may name it: "memory.high". Not a path, and nothing that moves, kills or
// freezes processes: of the core files only the two bounds on descendants and the switch of pressure figures.
Result<void> check_unified_file(std::string_view file);

// "memory" of "memory.high"; empty for core files.
std::string_view controller_of(std::string_view file);

}  // namespace casemate::cgroup

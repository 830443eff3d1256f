// Limits as the files to write, for a host's layout. Pure: what cannot be said here is an error before any side effect.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cgroup/layout.h"
#include "cgroup/limits.h"

namespace casemate::cgroup {

// What a file that is not there means.
enum class Missing : uint8_t {
    is_error,
    is_alternative,  // this kernel has `alternative` instead
    is_fine,         // a second bound beside one that is written as well
    is_no_swap,      // fine where the host has no swap at all, else an error
};

struct Setting {
    std::string controller, file, value;
    Missing missing = Missing::is_error;
    std::string alternative, alternative_value;
    bool operator==(const Setting&) const = default;
};

// In the order to write. Errors name the controller that is missing, or the limit that this cgroup version lacks.
// Devices are not among them (device_rules.h).
Result<std::vector<Setting>> settings_for(const Limits& limits, const Layout& layout);

// cpu.weight (1..10000) of cpu.shares (2..262144): the curve that keeps both defaults equal (1024 is 100), as crun 1.24
// and runc 1.4 have it; the straight line before made a default container a third of its neighbours.
uint64_t weight_of_shares(uint64_t shares);
// io.weight (1..10000) of a blkio weight (10..1000).
uint64_t weight_of_blkio(uint16_t weight);

}  // namespace casemate::cgroup

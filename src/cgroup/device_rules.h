// A list of device rules, as the v1 device controller and as a v2 BPF program understand it. Pure.
//
// Both say the same thing: for each access (read, write, mknod) the last rule that names the device and the access
// decides, and what no rule names is denied. v1 has no order and ignores the numbers after an "a"; so a list is first
// brought to "all denied but" or "all allowed but", and what neither can say is an error, not an approximation.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cgroup/limits.h"

namespace casemate::cgroup {

// At most 512 rules, types of a b c, access of r w m and not empty, numbers within the kernel's dev_t (12 and 20 bits).
Result<void> check_device_rules(std::span<const DeviceRule> rules);

// What to write to devices.deny and devices.allow, in this order. The first one sets the default, and all others are
// exceptions from it, so of the other kind.
struct DeviceLine {
    bool allow = false;
    std::string text;  // "a", "c 1:3 rwm"
    bool operator==(const DeviceLine&) const = default;
};
Result<std::vector<DeviceLine>> device_lines(std::span<const DeviceRule> rules);

// A program of type BPF_PROG_TYPE_CGROUP_DEVICE: returns 1 to allow.
Result<std::vector<bpf_insn>> device_program(std::span<const DeviceRule> rules);

}  // namespace casemate::cgroup

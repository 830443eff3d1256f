// The host under its containers, and the unit that starts the launcher, as the rules see them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/rule.h"

namespace casemate::audit {

struct HostFile {
    std::string path;
    uint32_t uid = 0, mode = 0;  // permission bits, 07777
};

struct HostFacts {
    std::vector<HostFile> files;                 // casemate's own, and the directories above them
    std::map<std::string, std::string> sysctls;  // "kernel.dmesg_restrict": "1"; absent where the kernel has none
    unsigned kernel_major = 0, kernel_minor = 0;
    int landlock_abi = 0;
    bool seccomp_filter = false, cgroup_v2 = false;
};
std::span<const Check<HostFacts>> host_checks();

// A systemd unit: the last value of each key, by "Section.Key" (systemd.syntax(7)).
struct UnitFacts {
    std::map<std::string, std::string> values;
};
UnitFacts parse_unit(std::string_view text);
std::span<const Check<UnitFacts>> unit_checks();

}  // namespace casemate::audit

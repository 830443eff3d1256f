// config.json's linux.seccomp as a policy: libseccomp's meaning where libseccomp is right (decision 0003).
//
// Takes plain values, because this room knows no config.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "seccomp/filter.h"

namespace casemate::seccomp {

struct OciArgument {
    uint32_t index = 0;
    uint64_t value = 0, value_two = 0;
    std::string_view op;  // SCMP_CMP_*
};

struct OciSyscall {
    std::vector<std::string_view> names;
    std::string_view action;  // SCMP_ACT_*
    std::optional<uint32_t> errno_ret;
    std::vector<OciArgument> args;
};

struct OciFilter {
    std::string_view default_action;
    std::optional<uint32_t> default_errno_ret;
    std::vector<std::string_view> architectures;  // the native one is always added
    std::vector<OciSyscall> syscalls;
};

// What was asked for and has no effect here: to be logged, never an error (profiles name the calls of every kernel).
struct OciIgnored {
    std::vector<std::string> names;          // calls in no table of ours
    std::vector<std::string> architectures;  // known to libseccomp, unknown to this machine
};

// The filter, with `ignored` filled. Errors: an unknown action, comparison or architecture name; an argument index
// above 5; an errno above 65535; an errno for an action that takes none.
Result<Policy> from_oci(const OciFilter& filter, OciIgnored& ignored);

}  // namespace casemate::seccomp

// The open descriptors of a process: their numbers, and which of them point out of its mounts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/procfs.h"

namespace casemate::proof {

struct Descriptors {
    std::vector<int> numbers;  // sorted
    std::vector<int> foreign;  // from 3 on, open on a file of a mount that the process does not have
};

// `mount_ids`: the ids of the process's mounts (mountinfo). Where the directory is hidden from us, it is read from
// inside the process's user namespace, when that is ours to enter: a rootless launcher's uid is not that of its app.
Result<Descriptors> read_descriptors(const sys::Procfs& procfs, const std::string& process,
                                     const std::vector<uint64_t>& mount_ids);

}  // namespace casemate::proof

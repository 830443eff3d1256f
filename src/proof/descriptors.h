// The open descriptors of a process: their numbers, and of which mounts their files are.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sys/procfs.h"

namespace casemate::proof {

struct OpenFile {
    int number = 0, mount_id = 0;  // as mountinfo names mounts
};

struct Descriptors {
    std::vector<int> numbers;     // sorted
    std::vector<OpenFile> files;  // from 3 on; not those on mounts of the kernel's own: pipes, sockets, eventfds, memfds
};

// Where the directory is hidden from us, it is read from inside the process's user namespace, when that is ours to enter: a
// rootless launcher's uid is not that of its app.
Result<Descriptors> read_descriptors(const sys::Procfs& procfs, const std::string& process);

}  // namespace casemate::proof

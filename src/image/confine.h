// What the worker gives up before it looks at the first byte of an image (U1): every namespace but the pid one, the
// file system outside the scratch directory, all capabilities but those that owners and modes need, the network, exec,
// and all system calls outside a list of about fifty.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "image/limits.h"

namespace casemate::image {

struct Confinement {
    FdView scratch = -1;  // becomes "/"
    bool own = true;      // root: keeps CAP_CHOWN. Otherwise: a user namespace with one id, the caller's
    bool keep_file_caps = false;
    uint64_t file_bytes = 0;  // RLIMIT_FSIZE
    bool read_only = false;   // for those who judge what was unpacked: nothing of it can be changed
    FdView tree = -1;     // a detached mount to be attached at "/root" there; -1: none
    bool entered = false; // without root: the caller has entered such a namespace already
};

// Each in its turn, in the calling process, which has one thread. Errors name the step.
Result<void> confine(const Confinement& wanted);

// The worker's seccomp program; also for the test that tries what it must deny. `read_only`: without the calls that
// change a file system, with those that read links and extended attributes.
Result<std::vector<sock_filter>> worker_filter(bool read_only = false);

}  // namespace casemate::image

// bpf(2) as a device policy needs it: load a program, put it on a cgroup, ask which are there, take one off.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::sys {

// EPERM without CAP_BPF and CAP_SYS_ADMIN, or, before 5.11, beyond RLIMIT_MEMLOCK; the hint says so.
Result<Fd> bpf_load_device_program(std::span<const bpf_insn> program);
// Beside what is there already (BPF_F_ALLOW_MULTI): all programs on the way to the root must allow.
Result<void> bpf_attach_device(FdView cgroup, FdView program);
Result<void> bpf_detach_device(FdView cgroup, FdView program);
// Ids of the device programs on this very cgroup, at most 64 (ENOSPC beyond).
Result<std::vector<uint32_t>> bpf_device_programs(FdView cgroup);
Result<Fd> bpf_program_by_id(uint32_t id);

}  // namespace casemate::sys

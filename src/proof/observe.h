// Fills plan::Observed from the kernel: of a process seen from outside (`verify`, and the launcher before it says go),
// and of ourselves (init before the app). Both read through a verified procfs; neither decides anything.
//
// Includes base, sys and plan alone, so that launch and steps may use it too.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "plan/expected.h"
#include "sys/procfs.h"

namespace casemate::proof {

using NamespaceInodes = std::map<std::string, uint64_t>;  // file of /proc/PID/ns -> inode

// What this kernel shows of the process's namespaces ("self" or a pid); kinds that it lacks or hides are left out.
NamespaceInodes namespaces_of(const sys::Procfs& procfs, const std::string& process);

// `process` is a pid of `procfs`'s pid namespace. `expected` says which paths to look at. `host` are the namespaces of
// the host, noted before the launch. As root the seccomp program is read, too: the process is stopped for an instant
// (PTRACE_SECCOMP_GET_FILTER); where that is not allowed the program stays unseen.
Result<plan::Observed> observe(const sys::Procfs& procfs, const std::string& process, const plan::Expected& expected,
                               const NamespaceInodes& host);

// The calling process, from inside. Reads what every user may read of itself, at dumpable 0 as well.
Result<plan::Observed> observe_self(const sys::Procfs& procfs, const plan::Expected& expected, const NamespaceInodes& host);

}  // namespace casemate::proof

// Fills plan::Observed of a process seen from outside: for `verify`, and for the launcher before it says go. (Init's
// own half, from inside, is steps/observe_self.h.) Reads through a verified procfs, and decides nothing.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/result.h"
#include "plan/expected.h"
#include "sys/procfs.h"

namespace casemate::proof {

using NamespaceInodes = std::map<std::string, uint64_t>;  // file of /proc/PID/ns -> inode

// What this kernel shows of the process's namespaces ("self" or a pid); kinds that it lacks or hides are left out.
NamespaceInodes namespaces_of(const sys::Procfs& procfs, const std::string& process, const std::set<std::string>& kinds);
// The kinds of which the host's namespaces are compared.
std::set<std::string> kinds_to_compare(const plan::Expected& expected);

// `process` is a pid of `procfs`'s pid namespace. `expected` says what is looked at: what it does not compare stays
// absent. `host` are the namespaces of the host, noted before the launch. As root the seccomp program is read, too: the
// process is stopped for an instant (PTRACE_SECCOMP_GET_FILTER); where that is not allowed the program stays unseen.
Result<plan::Observed> observe(const sys::Procfs& procfs, const std::string& process, const plan::Expected& expected,
                               const NamespaceInodes& host);

}  // namespace casemate::proof

// Stage: the process between host and init of a container that joins namespaces which exist already.
//
// Why a process of its own: setns(2) is for good, and the host still has the host's paths to look at. The stage joins,
// makes init as its own sibling (CLONE_PARENT: init is the host's child, and later its engine's to wait for), says its pid
// and is gone. It shares the host's memory where the kernel has nothing against it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "sys/call.h"

namespace casemate::launch {

// A namespace by its descriptor (nsfs), opened and checked by the host.
struct NamespaceFile {
    std::string type;  // OCI's word, for messages: "network"
    int flag = 0;      // CLONE_NEW*: setns(2) refuses a namespace of another kind
    Fd file;
};

// OCI's word -> CLONE_NEW*; 0 for an unknown one.
int namespace_flag(std::string_view type);

// What init is born into.
struct Birth {
    uint64_t new_namespaces = 0;                      // CLONE_NEW* of clone3(2)
    int cgroup = -1;                                  // v2 directory for CLONE_INTO_CGROUP
    std::span<const NamespaceFile> joins;             // joined before the clone
    // exec: the namespaces of this process (a pidfd) of these kinds, in one call. Naming one that is ours already is an
    // error of the kernel's (EINVAL, EPERM), so only those that differ are named.
    int process = -1;
    int process_namespaces = 0;
    int cgroup_namespace = -1;                        // exec: init joins it (below)
    std::span<const unsigned> cpus;                   // process.execCPUAffinity.initial; empty: as it is

    bool needs_stage() const { return !joins.empty() || process_namespaces != 0 || !cpus.empty(); }
};

// The one namespace that the stage leaves to init, which calls this: whoever is in a cgroup namespace cannot be born into
// a group when his own is outside of it (ENOENT where cgroup2 is mounted with nsdelegate, as systemd does; cgroup-v2.rst).
// An init in a new user namespace has no right to it, though, and is born into the namespace.
Result<void> join_cgroup_namespace(const Birth& birth);

// As sys::clone3: init's pid and pidfd in the host, pid 0 in init. With something to join it goes through a stage. An
// error reads "join network namespace: setns: ..."; no process is left then.
Result<sys::Cloned> make_init(const Birth& birth);

}  // namespace casemate::launch

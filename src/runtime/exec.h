// One more process in a container: what `casemate exec` and the startContainer hooks share.
#pragma once

#include <optional>

#include "cgroup/group.h"
#include "launch/hooks.h"
#include "launch/host.h"
#include "runtime/policy_file.h"
#include "runtime/record.h"

namespace casemate::runtime {

// The container's init, held by pidfd and checked to be the recorded process.
struct Target {
    Record record;
    PolicyFile policy;
    Fd pidfd;
    std::vector<plan::NamespaceFact> namespaces;  // those that are not our own
    Fd cgroup_namespace;                          // if it is among them
    cgroup::Group group;
    std::optional<sys::Procfs> proc;              // a private one, where the caller may make it
};

// `record`: what was read from `file`; `process`: its live_process(). ESRCH: that has ended meanwhile. EPERM: it is in other
// namespaces than were recorded.
Result<Target> open_target(const RecordFile& file, Record record, Fd process);

// The plan of `process` in the container. `executable`: what is executed in place of argv[0]; may be empty.
Result<plan::Plan> plan_in(const Target& target, oci::Process process, unsigned preserved_fds = 0, const std::string& executable = {});

// For launch::start: joins `target`, and gives the filter's listener to whom the container's own went. `plan` and `target`
// must outlive them.
launch::Options options_in(const Target& target, const plan::Plan& plan, const sigset_t& signal_mask, FdView signals);

// A startContainer hook, as confined as the app: its user, capabilities and filter, in its working directory. Only path,
// arguments and environment are its own. Gives the process once the hook executes.
Result<sys::Cloned> start_hook(const Target& target, const oci::Hook& hook, FdView state, FdView output, const launch::HookRun& run);

}  // namespace casemate::runtime

// Containers that exist, as the verbs find them: record, state, process, control group.
#pragma once

#include "cgroup/group.h"
#include "oci/state.h"
#include "runtime/record.h"
#include "runtime/runtime.h"

namespace casemate::runtime {

Result<RecordFile> file_of(const Settings& settings, const std::string& id);
// The process by pidfd; none when it has ended, or the pid is somebody else's by now.
Result<Fd> pidfd_of(pid_t pid, uint64_t start_time);
// The recorded process by pidfd. "container not running" when it has ended.
Result<Fd> live_process(const Record& record);
// Its control group; an error when it has none, as for a rootless caller to whom nothing is delegated.
Result<cgroup::Group> group_of(const Record& record);
bool is_frozen(const Record& record);
// Lets a frozen container go on. A frozen one under cgroup v1 takes no signal, not even SIGKILL.
Result<void> thaw_if_frozen(const Record& record);

}  // namespace casemate::runtime

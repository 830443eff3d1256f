// The directories of groups: making them from the root down with what each level needs, and walking what is below one.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "cgroup/group.h"

namespace casemate::cgroup {

// Directories made, in order; unmake() removes them from the last to the first.
class Made {
public:
    void add(std::string path) { paths_.push_back(std::move(path)); }
    void unmake();

private:
    std::vector<std::string> paths_;
};

// A group that systemd made has its holder in it, and its controllers are systemd's to enable (Delegate=).
enum class Maker : uint8_t { casemate, systemd };

// Makes the group in one hierarchy. v2: `needed` controllers are enabled for it at every level, and those of stats and
// update where that is possible. v1 cpuset: empty lists are filled from the parent, level by level.
Result<Group::Member> make_member(const Hierarchy& hierarchy, const std::vector<std::string>& components,
                                  const std::vector<std::string>& needed, Maker maker, Made& made);
// ENOENT when it is gone or another one by now.
Result<Group::Member> open_member(const Path& path);

// O_PATH of the group `relative` (checked components) below this one.
Result<Fd> open_below(FdView directory, const std::string& relative);
// Names of the groups directly below.
Result<std::vector<std::string>> names_below(FdView directory);
// Processes of the group and of those below, at most 128 levels.
Result<std::vector<pid_t>> processes_at_or_below(FdView directory);
// Removes one group without children below `member`, or itself. True: that was the last, the member is gone.
// EBUSY: it has processes.
Result<bool> remove_one(const Group::Member& member);

}  // namespace casemate::cgroup

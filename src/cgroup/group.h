// A control group: one directory in every hierarchy of the host, behind one type.
//
// Made before the clone, so that init is born limited: on v2 (and in the v2 half of a hybrid host) by CLONE_INTO_CGROUP
// on directory_fd(), never by cgroup.procs, which costs an RCU grace period of 11-16 ms; on v1 by one attach() for all
// hierarchies, which then share one. A limit that was asked for and cannot be set is an error naming controller and
// file.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "cgroup/draft.h"
#include "cgroup/systemd.h"

namespace casemate::cgroup {

constexpr int patience_ms = 10000;  // for the kernel to freeze, to end the killed

// prepare() for the host as it is now.
Result<Draft> prepare(Request request);

class Group {
public:
    // Makes and limits it. On failure nothing is left. A group that exists already must be empty and not frozen.
    // A scope of systemd's is there afterwards, and held: let_go() once a process of the container is in it.
    static Result<Group> create(const Draft& draft);
    // From a state file. Directories that are gone, or are another group by now, are left out. What has no inode (the
    // journal's entry of a launch that died early) may be someone else's: it can be removed when empty, never killed.
    static Result<Group> open_existing(const std::vector<Path>& paths);

    Kind kind() const;
    std::vector<Path> paths() const;
    // O_PATH, for clone3's CLONE_INTO_CGROUP; nothing on v1 and without groups.
    std::optional<FdView> directory_fd() const;
    // Groups that exist below this one, for one more process (`exec --cgroup`). runc's form: one PATH for every hierarchy, or
    // CONTROLLER[,CONTROLLER...]:PATH for those of v1, the others staying where they are. "/" is this group itself.
    Result<Group> below(const std::vector<std::string>& arguments) const;
    // Joins the v1 hierarchies. The v2 half is joined at birth.
    Result<void> attach(pid_t pid) const;
    void let_go() { held_.let_go(); }
    // Changes what `limits` names and leaves the rest. On failure the old values are written back.
    Result<void> update(const Limits& limits) const;

    // All processes stand still when this returns; on failure they are thawed again.
    Result<void> freeze(int timeout_ms = patience_ms) const;
    Result<void> thaw() const;
    Result<bool> frozen() const;
    // Of this group and those below, in the caller's pid namespace.
    Result<std::vector<pid_t>> processes() const;
    // SIGKILL to all, those below and frozen ones too; returns when none is left, ETIMEDOUT otherwise.
    Result<void> kill_all(int timeout_ms = patience_ms) const;
    // Removes the directories, those below, and /casemate when it is empty. Waits for killed processes to end; EBUSY
    // when some live on. Gone already is fine.
    Result<void> remove(int timeout_ms = patience_ms);

    struct Member {
        Version version = Version::v2;
        std::vector<std::string> controllers;
        std::string directory;
        uint64_t inode = 0;
        Fd fd;
        bool proven = true;  // the inode is what the state file says
        std::string unit{};  // as in Path
    };
    const Member* holding(std::string_view controller) const;
    const Member* unified() const;
    const std::vector<Member>& members() const { return members_; }

private:
    Result<void> set(const std::vector<Setting>& settings) const;
    Result<void> set_devices(const std::vector<DeviceRule>& rules) const;
    Result<Limits> completed(Limits limits) const;
    std::vector<Setting> values_of(const std::vector<Setting>& settings) const;
    Layout layout() const;
    std::vector<Member> members_;
    HeldScope held_;
};

}  // namespace casemate::cgroup

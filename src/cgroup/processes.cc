// The processes of a group: standing still, ended, gone. Nothing here sleeps where the kernel announces (v2).
//
// On a hybrid host the v2 half does it all, since every process is born there. v1 alone announces neither a frozen
// group nor an empty one: its freezer is asked again each millisecond, and its processes are waited for by pidfd.
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "cgroup/directories.h"
#include "cgroup/events.h"
#include "cgroup/group.h"
#include "sys/call.h"

namespace casemate::cgroup {
namespace {

constexpr size_t file_max = 4096;

Error in_group(Error error, const Group::Member& member) {
    return std::move(error).within(concat("cgroup ", quoted(member.directory)));
}

Result<void> freeze_v1(const Group::Member& member, const Deadline& deadline) {
    while (true) {
        // Written again each time: a process that was just forking may keep the state at FREEZING
        // (freezer-subsystem.rst).
        TRY_IN("freezer.state", sys::write_file(member.fd, "freezer.state", "FROZEN"));
        const std::string state = TRY_IN("freezer.state", sys::read_file(member.fd, "freezer.state", file_max));
        if (trimmed(state) == "FROZEN") return {};
        if (deadline.over()) return Error::with_code(ETIMEDOUT, concat("freezer.state stays ", trimmed(state)));
        ::poll(nullptr, 0, 1);
    }
}

bool has(const std::vector<pid_t>& list, pid_t pid) { return std::find(list.begin(), list.end(), pid) != list.end(); }

// Kills what is in the group both before and after its pidfd was opened: a number that was reused between is not ours.
Result<void> kill_listed(FdView directory, const std::vector<pid_t>& listed) {
    std::vector<std::pair<pid_t, Fd>> opened;
    for (const pid_t pid : listed) {
        if (pid == 0) return Error::invalid("processes of another pid namespace are in the group");
        if (auto pidfd = sys::pidfd_open(pid))
            opened.emplace_back(pid, std::move(pidfd.value()));
        else if (pidfd.error().code() != ESRCH && pidfd.error().code() != EINVAL)
            return std::move(pidfd).take_error();
    }
    const std::vector<pid_t> still = TRY(processes_at_or_below(directory));
    for (const auto& [pid, pidfd] : opened) {
        if (!has(still, pid)) continue;
        const auto sent = sys::pidfd_send_signal(pidfd, SIGKILL);
        if (!sent && sent.error().code() != ESRCH) return Error(sent.error());
    }
    return {};
}

// systemd learns from the kernel that a scope is empty, and removes its group. Removed by us, the group would leave a
// unit behind that nobody ends. Where systemd does not come in time (it may be gone itself), the group is ours.
// The parent is watched: of a group itself the kernel tells no IN_DELETE_SELF, since its inode keeps its links.
Result<void> wait_for_systemd(const Group::Member& member) {
    if (const auto inside = processes_at_or_below(member.fd); !inside || !inside.value().empty()) return {};
    const Deadline deadline(5000);
    const Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!watch) return Error::sys("inotify_init1");
    const std::string parent = member.directory.substr(0, member.directory.rfind('/'));
    if (::inotify_add_watch(watch.get(), parent.c_str(), IN_DELETE | IN_ONLYDIR) < 0)
        return errno == ENOENT ? Result<void>() : Result<void>(Error::sys("inotify_add_watch"));
    char news[4096];
    while (::access(member.directory.c_str(), F_OK) == 0 && !deadline.over())
        if (sys::wait_readable(watch, deadline.left_ms())) (void)!::read(watch.get(), news, sizeof news);
    return {};
}

// One process of the group less, or a moment when the last is on its way out.
void wait_for_an_end(const std::vector<pid_t>& listed, const Deadline& deadline) {
    if (!listed.empty()) {
        if (const auto pidfd = sys::pidfd_open(listed.front())) {
            if (sys::wait_readable(pidfd.value(), std::min(deadline.left_ms(), 100))) {}
        }
    }
    ::sched_yield();
}

}  // namespace

Result<void> Group::freeze(int timeout_ms) const {
    const Member* member = unified() ? unified() : holding("freezer");
    if (!member) return Error::with_code(EOPNOTSUPP, "the container has no cgroup that can be frozen");
    const Deadline deadline(timeout_ms);
    const auto stop = [&]() -> Result<void> {
        if (member->version == Version::v1) return freeze_v1(*member, deadline);
        TRY_IN("cgroup.freeze", sys::write_file(member->fd, "cgroup.freeze", "1"));
        return wait_for_event(member->fd, "frozen", 1, deadline);
    };
    auto stopped = stop();
    if (stopped) return {};
    const auto thawed = thaw();
    Error error = in_group(std::move(stopped).take_error(), *member);
    if (!thawed) return std::move(error).within(concat("thaw: ", thawed.error().text()));
    return error;
}

Result<void> Group::thaw() const {
    const Member* member = unified() ? unified() : holding("freezer");
    if (!member) return Error::with_code(EOPNOTSUPP, "the container has no cgroup that can be frozen");
    const bool v1 = member->version == Version::v1;
    auto written = sys::write_file(member->fd, v1 ? "freezer.state" : "cgroup.freeze", v1 ? "THAWED" : "0");
    if (!written) return in_group(std::move(written).take_error(), *member).within("thaw");
    return {};
}

Result<bool> Group::frozen() const {
    const Member* member = unified() ? unified() : holding("freezer");
    if (!member) return false;
    const bool v1 = member->version == Version::v1;
    const char* file = v1 ? "freezer.state" : "cgroup.freeze";
    const std::string state =
        TRY_IN(concat("cgroup ", quoted(member->directory), ": ", file), sys::read_file(member->fd, file, file_max));
    return trimmed(state) == (v1 ? "FROZEN" : "1");
}

Result<std::vector<pid_t>> Group::processes() const {
    std::vector<pid_t> all;
    for (const Member& member : members_) {
        const std::vector<pid_t> some =
            TRY_IN(concat("cgroup ", quoted(member.directory)), processes_at_or_below(member.fd));
        all.insert(all.end(), some.begin(), some.end());
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

Result<void> Group::kill_all(int timeout_ms) const {
    const Deadline deadline(timeout_ms);
    for (const Member& member : members_)
        if (!member.proven)
            return in_group(Error::with_code(EPERM, "not known to be the container's: not killed"), member);
    if (const Member* member = unified()) {
        auto killed = sys::write_file(member->fd, "cgroup.kill", "1");
        if (!killed && killed.error().code() != ENODEV)
            return in_group(std::move(killed).take_error(), *member).within("cgroup.kill");
        TRY_IN(concat("cgroup ", quoted(member->directory)), wait_for_event(member->fd, "populated", 0, deadline));
    }
    // The v1 hierarchies, where there are processes that are in no v2 half. Frozen first: nothing forks away.
    for (const Member& member : members_) {
        if (member.version == Version::v2) continue;
        while (true) {
            const std::vector<pid_t> listed =
                TRY_IN(concat("cgroup ", quoted(member.directory)), processes_at_or_below(member.fd));
            if (listed.empty()) break;
            if (deadline.over())
                return in_group(Error::with_code(ETIMEDOUT, concat(listed.size(), " processes do not end")), member);
            const Member* freezer = holding("freezer");
            if (freezer && freezer->version == Version::v1) {
                // A freezer that does not get ready must not keep them alive; pidfds make the kill safe without it.
                if (freeze_v1(*freezer, Deadline(std::min(deadline.left_ms(), 100)))) {}
            }
            auto killed = kill_listed(member.fd, listed);
            if (freezer && freezer->version == Version::v1)
                TRY_IN("thaw", sys::write_file(freezer->fd, "freezer.state", "THAWED"));
            if (!killed) return in_group(std::move(killed).take_error(), member);
            wait_for_an_end(listed, deadline);
        }
    }
    return {};
}

Result<void> Group::remove(int timeout_ms) {
    const Deadline deadline(timeout_ms);
    held_.let_go();
    while (!members_.empty()) {
        const Member& member = members_.back();
        if (!member.unit.empty()) TRY(wait_for_systemd(member));
        const auto removed = remove_one(member);
        if (!removed && removed.error().code() != EBUSY) return in_group(Error(removed.error()), member);
        if (removed && removed.value()) {
            const std::string parent = member.directory.substr(0, member.directory.rfind('/'));
            // /casemate is ours: the last container takes it along. With others in it it stays.
            if (parent.ends_with("/casemate")) ::rmdir(parent.c_str());
            members_.pop_back();
            continue;
        }
        if (removed) continue;
        if (deadline.over())
            return in_group(Error(removed.error()), member).hint("processes live on in it: kill them first");
        if (member.version == Version::v2) {
            auto empty = wait_for_event(member.fd, "populated", 0, deadline);
            if (!empty && empty.error().code() != ETIMEDOUT) return in_group(std::move(empty).take_error(), member);
            ::sched_yield();
        } else {
            wait_for_an_end(TRY(processes_at_or_below(member.fd)), deadline);
        }
    }
    return {};
}

}  // namespace casemate::cgroup

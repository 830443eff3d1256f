#include "runtime/range_removal.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/facts.h"
#include "steps/host/map_helpers.h"
#include "sys/call.h"
#include "sys/removal.h"

namespace casemate::runtime {
namespace {

// The child: a namespace, the maps from outside, then the removal as its root.
[[noreturn]] void remove_as_range_root(FdView channel, FdView directory, const std::string& leaf) {
    char byte = 'n';
    if (!sys::unshare(CLONE_NEWUSER) || ::send(channel.get(), &byte, 1, MSG_NOSIGNAL) != 1) ::_exit(1);
    if (::recv(channel.get(), &byte, 1, 0) != 1) ::_exit(1);
    if (!sys::set_groups({}) || !sys::set_ids(0, 0)) ::_exit(1);
    ::_exit(sys::remove_scratch(directory, leaf) ? 0 : 1);
}

Result<void> remove_in_range(FdView directory, const std::string& leaf) {
    const plan::HostFacts facts = TRY(host_facts({}, true));
    if (!facts.subuid || !facts.subgid) return Error::with_code(EPERM, "files of another id, and no range in /etc/subuid");
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return Error::sys("socketpair");
    Fd ours(ends[0]), theirs(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) return Error::sys("fork");
    if (child == 0) {
        ours.reset();
        remove_as_range_root(theirs, directory, leaf);
    }
    theirs.reset();
    char byte = 0;
    Result<void> mapped = Error::invalid("no user namespace");
    if (::recv(ours.get(), &byte, 1, 0) == 1)
        mapped = steps::host::write_maps_by_helpers(child, {{0, facts.euid, 1}, {1, facts.subuid->first, facts.subuid->count}},
                                                    {{0, facts.egid, 1}, {1, facts.subgid->first, facts.subgid->count}});
    if (mapped && ::send(ours.get(), &byte, 1, MSG_NOSIGNAL) != 1) mapped = Error::sys("send");
    ours.reset();
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    TRY(std::move(mapped));
    if (status != 0) return Error::with_code(EPERM, "could not be removed from within the id range either");
    return {};
}

}  // namespace

Result<void> remove_tree(FdView directory, const std::string& leaf) {
    auto removed = sys::remove_scratch(directory, leaf);
    if (removed || ::geteuid() == 0 || (removed.error().code() != EPERM && removed.error().code() != EACCES)) return removed;
    return remove_in_range(directory, leaf);
}

}  // namespace casemate::runtime

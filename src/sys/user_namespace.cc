#include "sys/user_namespace.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "sys/call.h"
#include "sys/fd_passing.h"
#include "sys/procfs.h"

namespace casemate::sys {
namespace {

struct Failure {
    int32_t code = 0;
    char text[400] = {};
};

[[noreturn]] void make_in_child(const std::function<Result<Fd>()>& make, FdView channel) {
    const auto made = make();
    if (made) ::_exit(send_byte(channel, 'o', made.value()) ? 0 : 1);
    Failure failure;
    failure.code = made.error().code();
    const std::string& text = made.error().text();
    std::memcpy(failure.text, text.data(), std::min(text.size(), sizeof failure.text - 1));
    (void)!::send(channel.get(), &failure, sizeof failure, MSG_NOSIGNAL);
    ::_exit(1);
}

}  // namespace

// setgroups must be denied before gid_map is written (user_namespaces(7)).
Result<void> enter_user_namespace(int flags) {
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    const auto entered = unshare(CLONE_NEWUSER | flags);
    if (!entered)
        return Error::from_errno(entered.error().code(), "unshare CLONE_NEWUSER")
            .hint(
                "images without root need user namespaces: see sysctl user.max_user_namespaces and "
                "kernel.unprivileged_userns_clone, or run as root");
    const Procfs proc = TRY(Procfs::host());
    TRY(proc.write("self/setgroups", "deny"));
    TRY(proc.write("self/uid_map", concat("0 ", uid, " 1")));
    return proc.write("self/gid_map", concat("0 ", gid, " 1"));
}

Result<Fd> made_in_child(const std::function<Result<Fd>()>& make) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return Error::sys("socketpair");
    Fd ours(ends[0]), theirs(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) return Error::sys("fork");
    if (child == 0) make_in_child(make, theirs);
    theirs.reset();
    Failure failure;
    const ssize_t peeked = ::recv(ours.get(), &failure, sizeof failure, MSG_PEEK);
    auto received = receive_byte(ours);
    while (::waitpid(child, nullptr, __WALL) < 0 && errno == EINTR) {
    }
    if (peeked == static_cast<ssize_t>(sizeof failure)) return Error::with_code(failure.code, failure.text);
    Fd made = TRY(std::move(received)).second;
    if (!made) return Error::from_errno(EPROTO, "the child made nothing");
    return made;
}

}  // namespace casemate::sys

#include "launch/init.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "launch/wire.h"
#include "sys/fd_passing.h"
#include "steps/sequence.h"

namespace casemate::launch {
namespace {

void copy_text(char* to, size_t size, const std::string& from) {
    const size_t length = std::min(size - 1, from.size());
    std::memcpy(to, from.data(), length);
    to[length] = '\0';
}

// Init never logs: it says what failed, and ends.
[[noreturn]] void fail(int channel, const Error& error) {
    FailedMessage message;
    message.code = error.code();
    message.exit_code = error.exit_code();
    copy_text(message.text, sizeof message.text, error.text());
    copy_text(message.hint, sizeof message.hint, error.hint_text());
    // After seccomp only write(2) is sure to pass.
    while (::write(channel, &message, sizeof message) < 0 && errno == EINTR) {
    }
    ::_exit(125);
}

}  // namespace

void run_init(steps::Prepared& prepared, const Birth& birth, Fd channel, int host_end, const sigset_t& signal_mask) {
    // First of all: with this end open here, a dead host would never be noticed.
    ::close(host_end);
    auto go = sys::receive_byte(channel);
    if (!go || go.value().first != static_cast<char>(Letter::go)) ::_exit(125);
    if (prepared.plan.mounts().root.layered()) prepared.tree = std::move(go.value().second);
    steps::InitContext context(prepared);
    context.channel = channel.release();
    if (::sigprocmask(SIG_SETMASK, &signal_mask, nullptr) < 0) fail(context.channel, Error::sys("sigprocmask"));
    if (auto joined = join_cgroup_namespace(birth); !joined) fail(context.channel, Error(joined.error()).within("join cgroup namespace"));
    const auto done = steps::run_init(context);
    if (done) ::_exit(125);  // the last step executes the stub: it has not
    fail(context.channel, done.error());
}

}  // namespace casemate::launch

#include "launch/owned_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstring>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::launch {
namespace {
constexpr int grace_ms = 2000;
}  // namespace

OwnedProcess& OwnedProcess::operator=(OwnedProcess&& other) noexcept {
    if (this == &other) return *this;
    kill_and_reap();
    pid_ = other.pid_;
    pidfd_ = std::move(other.pidfd_);
    end_signal_ = other.end_signal_;
    status_text_ = std::move(other.status_text_);
    return *this;
}

void OwnedProcess::reap() {
    siginfo_t info{};
    // __WALL: a child cloned without an exit signal is waited for by no other call.
    while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | __WALL) != 0) {
        if (errno == EINTR) continue;
        status_text_ = "gone";
        pidfd_.reset();
        return;
    }
    if (info.si_code == CLD_EXITED) {
        status_text_ = concat("exited with ", info.si_status);
    } else {
        const char* name = ::sigabbrev_np(info.si_status);
        status_text_ = concat("killed by signal ", info.si_status, " (SIG", name ? name : "?", ")");
    }
    pidfd_.reset();
}

void OwnedProcess::kill_and_reap() {
    if (!running()) return;
    for (const int signal : {end_signal_, SIGKILL}) {
        const Result<void> sent = sys::pidfd_send_signal(pidfd_, signal);
        if (!sent && sent.error().code() != ESRCH) break;  // not ours to end any more: a changed user
        // A killed process ends as soon as it can; ESRCH: it has ended by itself, and is reaped all the same.
        const Result<bool> ended = wait(signal == SIGKILL ? -1 : grace_ms);
        if (ended && ended.value()) return;
    }
    pidfd_.reset();
}

Result<bool> OwnedProcess::wait(int timeout_ms) {
    if (!running()) return true;
    pollfd watched{pidfd_.get(), POLLIN, 0};
    const int ready = ::poll(&watched, 1, timeout_ms);
    if (ready < 0 && errno != EINTR) return Error::sys("poll");
    if (ready <= 0) return false;
    reap();
    return true;
}

}  // namespace casemate::launch

// A child process that ends with its owner: killed and reaped by pidfd when this object goes, on every path.
//
// By pidfd, because a pid may be somebody else's by the time it is used; the child is never reaped elsewhere, so its
// pidfd names it for good.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <string>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::launch {

class OwnedProcess {
public:
    OwnedProcess() = default;
    // `end_signal` is what it is ended with; one that is not SIGKILL is followed by it after two seconds.
    OwnedProcess(pid_t pid, Fd pidfd, int end_signal = SIGKILL)
        : pid_(pid), pidfd_(std::move(pidfd)), end_signal_(end_signal) {}
    OwnedProcess(OwnedProcess&&) noexcept = default;
    OwnedProcess& operator=(OwnedProcess&& other) noexcept;
    ~OwnedProcess() { kill_and_reap(); }

    bool running() const { return pidfd_.valid(); }
    pid_t pid() const { return pid_; }
    // Readable when the process has ended.
    FdView pidfd() const { return pidfd_; }

    // Its end signal, and wait. Nothing happens when it is reaped already.
    void kill_and_reap();
    // Waits at most `timeout_ms` (-1: for ever). True: it ended, and is reaped; `status_text` says how.
    Result<bool> wait(int timeout_ms);
    // "exited with 1", "killed by signal 31 (SIGSYS)": how it ended, once it is reaped.
    const std::string& status_text() const { return status_text_; }
    // Gives the process up: it lives on (a detached launch). The caller keeps the pidfd or drops it.
    Fd release() { return std::move(pidfd_); }

private:
    void reap();
    pid_t pid_ = -1;
    Fd pidfd_;
    int end_signal_ = SIGKILL;
    std::string status_text_;
};

}  // namespace casemate::launch

// sd_notify(3) across the sandbox's wall: a socket of ours in a directory that the container has at /run/notify, and the
// service manager's behind it. Only what an app may say of itself passes, line by line: never a descriptor, another main
// process or a barrier of the app's (those would be the manager's to act on).
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::launch {

class Notifier {
public:
    static constexpr const char* socket_name = "notify.sock";

    // Binds the socket in `directory`, for everybody to write; connects to the manager's `address` ($NOTIFY_SOCKET: a path,
    // or "@name"). One that an earlier call left is replaced.
    static Result<Notifier> open(FdView directory, const std::string& address);

    FdView fd() const { return inner_; }
    // Takes what has come and passes it on. `main_pid`: named as the main process together with READY=1; 0: we stay it.
    Result<void> turn(pid_t main_pid);
    bool ready() const { return ready_; }
    // Until the app is ready, or has ended. The manager has then seen what was said: it may ask who said it, and we are
    // about to go.
    Result<void> await_ready(pid_t main_pid, FdView pidfd);

private:
    Result<void> barrier();
    Fd inner_, outer_;
    bool ready_ = false;
};

// The lines of `message` that may pass, each with its newline.
std::string passable_lines(std::string_view message);

}  // namespace casemate::launch

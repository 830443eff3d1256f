// PTRACE_SEIZE and not ATTACH: it sends no SIGSTOP that the process could see or keep.
#include "proof/seccomp_program.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

namespace casemate::proof {

namespace {

// Lets the process go on every path, with the signal that the stop took from it.
class Seized {
public:
    explicit Seized(pid_t pid) : pid_(pid) {}
    Seized(const Seized&) = delete;
    Seized& operator=(const Seized&) = delete;
    ~Seized() { ptrace(PTRACE_DETACH, pid_, nullptr, signal_); }

    // Interrupts and waits for the stop.
    Result<void> stop() {
        if (ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr) != 0) return Error::sys("ptrace INTERRUPT");
        int status = 0;
        while (waitpid(pid_, &status, __WALL) < 0) {
            if (errno != EINTR) return Error::sys("waitpid");
        }
        if (!WIFSTOPPED(status)) return Error::invalid("the process ended while its seccomp program was read");
        const bool our_stop = status >> 16 == PTRACE_EVENT_STOP;
        if (!our_stop) signal_ = WSTOPSIG(status);
        return {};
    }

private:
    pid_t pid_;
    long signal_ = 0;
};

bool forbidden(int code) { return code == EPERM || code == EACCES; }

}  // namespace

Result<std::optional<std::vector<sock_filter>>> read_seccomp_program(pid_t pid, unsigned newer) {
    if (ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) {
        if (forbidden(errno)) return std::optional<std::vector<sock_filter>>{};
        return Error::sys("ptrace SEIZE");
    }
    Seized seized(pid);
    TRY(seized.stop());
    const long length = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, static_cast<long>(newer), nullptr);
    if (length < 0) {
        if (forbidden(errno)) return std::optional<std::vector<sock_filter>>{};
        return Error::sys("ptrace SECCOMP_GET_FILTER");
    }
    std::vector<sock_filter> program(static_cast<size_t>(length));
    if (ptrace(PTRACE_SECCOMP_GET_FILTER, pid, static_cast<long>(newer), program.data()) != length) {
        return Error::sys("ptrace SECCOMP_GET_FILTER");
    }
    return std::optional(std::move(program));
}

}  // namespace casemate::proof

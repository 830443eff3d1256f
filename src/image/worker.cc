#include "image/worker.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::image {
namespace {

std::string_view hint_for(int code) {
    switch (code) {
        case ENOSPC:
        case EDQUOT: return "the destination's file system is full; nothing was left there";
        case EROFS: return "the destination's file system is read-only";
        case EMFILE: return "raise the limit of open files (ulimit -n)";
        default: return "";
    }
}

Error with_hint(Error error) {
    const std::string_view hint = hint_for(error.code());
    return hint.empty() ? std::move(error) : std::move(error).hint(std::string(hint));
}

[[noreturn]] void fail(FdView channel, const Error& error) {
    Message message;
    message.kind = Message::Kind::failed;
    message.code = error.code();
    put_text(message.text, sizeof message.text, error.text());
    put_text(message.hint, sizeof message.hint, error.hint_text());
    static_cast<void>(send_message(channel, message));
    ::_exit(125);
}

// What a parent has open is not the worker's to have.
Result<void> close_others(std::vector<int> keep, int channel) {
    keep.push_back(channel);
    std::sort(keep.begin(), keep.end());
    unsigned next = 3;
    for (const int fd : keep) {
        if (fd < 3) continue;
        const auto raw = static_cast<unsigned>(fd);
        if (raw > next) TRY(sys::close_range(next, raw - 1));
        next = std::max(next, raw + 1);
    }
    return sys::close_range(next, ~0u);
}

[[noreturn]] void work(const WorkerJob& job, Fd channel, pid_t parent) {
    if (auto closed = close_others(job.keep, channel.get()); !closed) fail(channel, closed.error());
    auto confined = job.confine();
    if (!confined) fail(channel, with_hint(std::move(confined).take_error()));
    // Between fork and PDEATHSIG the parent may have died.
    if (::getppid() != parent) ::_exit(125);
    Broker broker(channel);
    auto done = job.run(broker);
    if (!done) fail(channel, with_hint(std::move(done).take_error()));
    done.value().kind = Message::Kind::done;
    static_cast<void>(send_message(channel, done.value()));
    ::_exit(0);
}

Error worker_died(pid_t worker) {
    int status = 0;
    if (::waitpid(worker, &status, 0) != worker) return Error::sys("waitpid");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return Error::with_code(ECHILD, "the worker was killed: a system call outside its list");
    if (WIFSIGNALED(status))
        return Error::with_code(ECHILD, concat("the worker was killed by signal ", WTERMSIG(status)));
    return Error::with_code(ECHILD, concat("the worker ended with code ", WEXITSTATUS(status)));
}

// Serves the worker until it is done, has failed or died, or a signal arrives. `reaped` says that it is gone.
Result<Message> serve(FdView channel, FdView signals, pid_t worker, bool& reaped, const WorkerJob& job) {
    while (true) {
        pollfd waiting[2] = {{channel.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
        if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return Error::sys("poll");
        if (waiting[1].revents != 0) {
            signalfd_siginfo info{};
            if (::read(signals.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info))
                return Error::sys("read");
            const int signal = static_cast<int>(info.ssi_signo);
            return Error::with_code(EINTR, concat("interrupted by SIG", ::sigabbrev_np(signal)))
                .exit_with(128 + signal);
        }
        if (waiting[0].revents == 0) continue;
        auto received = receive_message(channel);
        if (!received && (received.error().code() == ECONNRESET)) {
            reaped = true;
            return worker_died(worker);
        }
        Received from = TRY(std::move(received));
        const Message& message = from.message;
        switch (message.kind) {
            case Message::Kind::done: return message;
            case Message::Kind::failed: {
                Error error = Error::with_code(message.code, get_text(message.text, sizeof message.text));
                const std::string hint = get_text(message.hint, sizeof message.hint);
                return hint.empty() ? std::move(error) : std::move(error).hint(hint);
            }
            case Message::Kind::opened: return Error::with_code(EPROTO, "a message out of turn from the worker");
            default: TRY(job.on_message(channel, from));
        }
    }
}

}  // namespace

Result<Fd> block_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&set, signal);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Error::sys("sigprocmask");
    Fd fd(::signalfd(-1, &set, SFD_CLOEXEC));
    if (!fd) return Error::sys("signalfd");
    return fd;
}

Result<Message> run_worker(const WorkerJob& job, FdView signals) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return Error::sys("socketpair");
    Fd ours(pair[0]), theirs(pair[1]);
    const pid_t parent = ::getpid();
    const pid_t worker = ::fork();
    if (worker < 0) return Error::sys("fork");
    if (worker == 0) work(job, std::move(theirs), parent);
    theirs.reset();
    bool reaped = false;
    auto done = serve(ours, signals, worker, reaped, job);
    if (reaped) return done;
    if (!done) ::kill(worker, SIGKILL);
    int status = 0;
    if (::waitpid(worker, &status, 0) != worker) return Error::sys("waitpid");
    if (done && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        return Error::with_code(ECHILD, "the worker did not end as it should");
    return done;
}

}  // namespace casemate::image

#include "launch/supervise.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "base/text.h"
#include "cgroup/events.h"
#include "launch/wire.h"
#include "sys/call.h"

namespace casemate::launch {
namespace {

constexpr int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGALRM};

uint64_t now_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1000 + static_cast<uint64_t>(time.tv_nsec) / 1000000;
}

// What the loop knows and does.
class Supervisor {
public:
    Supervisor(const plan::Plan& plan, Running& running, const SignalGate& gate, const std::vector<Watched>& helpers, const Attended& attended)
        : plan_(plan), running_(running), gate_(gate), helpers_(helpers), terminal_(attended.terminal), notifier_(attended.notifier), started_(now_ms()) {
        if (plan.process().runtime_max_ms) deadline_ = started_ + *plan.process().runtime_max_ms;
    }

    Result<Ending> run() {
        if (terminal_) TRY(terminal_->take_over());
        if (plan_.cgroup().kill_on_oom && running_.group.holding("memory")) oom_ = TRY(cgroup::OomWatch::make(running_.group));
        while (!TRY(turn())) {
        }
        return collect();
    }

private:
    // One wait. True: init has ended.
    Result<bool> turn() {
        std::vector<pollfd> waiting{{running_.pidfd.get(), POLLIN, 0}, {gate_.fd().get(), POLLIN, 0}};
        if (oom_) waiting.push_back({oom_->fd().get(), oom_->poll_events(), 0});
        const size_t first_helper = waiting.size();
        if (ending_.helper_lost.empty())
            for (const Watched& helper : helpers_) waiting.push_back({helper.pidfd.get(), POLLIN, 0});
        const size_t notifier = waiting.size();
        waiting.push_back({notifier_ ? notifier_->fd().get() : -1, POLLIN, 0});
        if (terminal_) terminal_->add_to(waiting);
        if (::poll(waiting.data(), waiting.size(), time_left()) < 0) {
            if (errno == EINTR) return false;
            return Error::sys("poll");
        }
        if (waiting[0].revents) return true;
        if (waiting[1].revents) TRY(forward());
        if (terminal_) TRY(terminal_->turn(&waiting[notifier + 1]));
        if (oom_ && waiting[2].revents) TRY(end_all_if_out_of_memory());
        if (waiting[notifier].revents) TRY(notifier_->turn(0));
        for (size_t i = first_helper; i < notifier; ++i)
            if (waiting[i].revents) {
                ending_.helper_lost = helpers_[i - first_helper].name;
                TRY(stop());
            }
        if (deadline_ && now_ms() >= *deadline_) TRY(overdue());
        return false;
    }

    // limits.oomGroup under cgroup v1: the kernel has ended one process, the others follow.
    Result<void> end_all_if_out_of_memory() {
        if (TRY(oom_->wait(0)) != cgroup::OomWatch::News::oom) return {};
        oom_.reset();
        ending_.out_of_memory = true;
        return running_.group.kill_all();
    }

    int time_left() const {
        if (!deadline_) return -1;
        const uint64_t now = now_ms();
        if (now >= *deadline_) return 0;
        return static_cast<int>(std::min<uint64_t>(*deadline_ - now, 1 << 30));
    }

    Result<void> forward() {
        signalfd_siginfo information{};
        if (::read(gate_.fd().get(), &information, sizeof information) != sizeof information) return {};
        if (information.ssi_signo == SIGCHLD) return {};
        // Of the caller's window; the app hears of its own window from the kernel.
        if (terminal_ && information.ssi_signo == SIGWINCH) return terminal_->resize();
        if (terminal_ && information.ssi_signo == SIGCONT) return terminal_->resume();
        return tell(static_cast<int>(information.ssi_signo));
    }

    // The container may just have ended: that is no error.
    Result<void> tell(int signal) {
        auto sent = sys::pidfd_send_signal(running_.pidfd, signal);
        if (!sent && sent.error().code() != ESRCH) return sent;
        return {};
    }

    // First politely; SIGKILL when the stop timeout is over.
    Result<void> stop() {
        stopping_ = true;
        deadline_ = now_ms() + plan_.process().stop_timeout_ms;
        return tell(plan_.process().stop_signal);
    }

    Result<void> overdue() {
        if (stopping_) {
            deadline_.reset();
            return tell(SIGKILL);
        }
        ending_.timed_out = true;
        return stop();
    }

    Result<Ending> collect() {
        if (terminal_) TRY(terminal_->finish());
        if (notifier_) TRY(notifier_->turn(0));
        int status = 0;
        while (::wait4(running_.pid, &status, __WALL, &ending_.usage) < 0)
            if (errno != EINTR) return Error::sys("wait4");
        // The init of ours says how the app itself ended: a signal would otherwise look like a code.
        if (running_.channel) {
            StubMessage message{};
            bool told = false;
            while (::recv(running_.channel.get(), &message, sizeof message, MSG_DONTWAIT) == sizeof message)
                if (message.letter == static_cast<char>(Letter::ended)) status = message.number, told = true;
            if (!told && WIFEXITED(status)) return Error::invalid(concat("the container's init ended with code ", WEXITSTATUS(status), " before the app"));
        }
        ending_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        ending_.code = ending_.signal ? 128 + ending_.signal : WEXITSTATUS(status);
        ending_.wall_ms = now_ms() - started_;
        if (ending_.signal == SIGKILL && !ending_.out_of_memory)
            ending_.out_of_memory = TRY(cgroup::oom_kills(running_.group)).value_or(0) > 0;
        return ending_;
    }

    const plan::Plan& plan_;
    Running& running_;
    const SignalGate& gate_;
    const std::vector<Watched>& helpers_;
    Terminal* terminal_;
    Notifier* notifier_;
    uint64_t started_;
    std::optional<uint64_t> deadline_;
    std::optional<cgroup::OomWatch> oom_;
    bool stopping_ = false;
    Ending ending_;
};

}  // namespace

Result<SignalGate> SignalGate::close() {
    SignalGate gate;
    sigset_t mask;
    sigemptyset(&mask);
    for (const int signal : forwarded) sigaddset(&mask, signal);
    if (::sigprocmask(SIG_BLOCK, &mask, &gate.before_) < 0) return Error::sys("sigprocmask");
    const int fd = ::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) return Error::sys("signalfd");
    gate.fd_ = Fd(fd);
    return gate;
}

Result<Ending> supervise(const plan::Plan& plan, Running& running, const SignalGate& gate, const std::vector<Watched>& helpers,
                         const Attended& attended) {
    return Supervisor(plan, running, gate, helpers, attended).run();
}

}  // namespace casemate::launch

#include "support/fault_injector.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include "support/launched.h"
#include "sys/call.h"

namespace casemate::test {

#if defined(__x86_64__)
namespace {

constexpr int trace_options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
constexpr int give_up_after_s = 10;

struct Shared {
    volatile bool over;  // start has returned: no more faults
    bool verified, started;
    Failure failure;
};

// The host: what `launch` does, with the app's output in a pipe that the tracer reads.
[[noreturn]] void be_host(const plan::Plan& plan, int output, Shared& shared) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    launch::Options options;
    sigemptyset(&options.signal_mask);
    options.stdio[1] = Fd(output);
    options.before_go = [&](const launch::Waiting& waiting) -> Result<void> {
        TRY(verify_from_outside(waiting));
        shared.verified = true;
        return {};
    };
    auto running = launch::start(plan, std::move(options));
    shared.started = static_cast<bool>(running);
    shared.over = true;
    if (!running) {
        shared.failure.failed = true;
        shared.failure.code = running.error().code();
        shared.failure.text = running.error().text();
        ::_exit(0);
    }
    // The app ends by itself.
    (void)sys::wait_readable(running.value().pidfd, 10000).operator bool();
    while (::waitpid(running.value().pid, nullptr, __WALL) < 0 && errno == EINTR) {
    }
    ::_exit(0);
}

class Tracer {
public:
    Tracer(const Injection& injection, Shared& shared, Trial& trial) : injection_(injection), shared_(shared), trial_(trial) {}

    void follow(pid_t host) {
        host_ = host;
        int status = 0;
        ::waitpid(host, &status, __WALL);
        ::ptrace(PTRACE_SETOPTIONS, host, nullptr, trace_options);
        ::ptrace(PTRACE_SYSCALL, host, nullptr, nullptr);
        // No SA_RESTART: the alarm ends the wait. What is alive then is counted as left.
        struct sigaction on_alarm {};
        on_alarm.sa_handler = [](int) {};
        ::sigaction(SIGALRM, &on_alarm, nullptr);
        ::alarm(give_up_after_s);
        for (;;) {
            const pid_t pid = ::waitpid(-1, &status, __WALL);
            if (pid < 0) break;
            if (WIFSTOPPED(status)) stopped(pid, status);
        }
        ::alarm(0);
    }

private:
    struct Tracee {
        bool inside = false;       // between the entry and the exit of a call
        bool broken = false;       // this call is the one that fails
        user_regs_struct before{};
    };

    void stopped(pid_t pid, int status) {
        const int signal = WSTOPSIG(status);
        const int event = status >> 16;
        if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
            unsigned long child = 0;
            ::ptrace(PTRACE_GETEVENTMSG, pid, nullptr, &child);
            if (pid == init_) app_born_ = true;  // the launch is done: what follows is the app's life
            if (pid == host_ && init_ < 0) init_ = static_cast<pid_t>(child);
        }
        if (signal == (SIGTRAP | 0x80)) system_call(pid);
        const bool is_ours = signal == (SIGTRAP | 0x80) || signal == SIGTRAP || signal == SIGSTOP;
        ::ptrace(PTRACE_SYSCALL, pid, nullptr, is_ours ? 0 : signal);
    }

    void system_call(pid_t pid) {
        Tracee& tracee = tracees_[pid];
        tracee.inside = !tracee.inside;
        user_regs_struct registers{};
        if (::ptrace(PTRACE_GETREGS, pid, nullptr, &registers) != 0) return;
        if (!tracee.inside) {
            if (tracee.broken) fail(pid, tracee);
            return;
        }
        const bool is_init = pid == init_;
        if (shared_.over || (pid != host_ && !is_init) || (is_init && app_born_)) return;
        const int count = ++(is_init ? trial_.init_calls : trial_.host_calls);
        if (trial_.reached || injection_.fault == Fault::none || count != injection_.number || is_init != (injection_.at == Role::init)) return;
        const auto number = static_cast<int>(registers.orig_rax);
        // These cannot fail.
        if (number == SYS_exit_group || number == SYS_exit || number == SYS_rt_sigreturn || number == SYS_umask) return;
        trial_.reached = true;
        trial_.system_call = number;
        if (injection_.fault == Fault::kill_host) ::kill(host_, SIGKILL);
        if (injection_.fault == Fault::kill_init && init_ > 0) ::kill(init_, SIGKILL);
        if (injection_.fault != Fault::fail_call) return;
        // In its place a read of no descriptor: a call that every filter allows.
        tracee.before = registers;
        tracee.broken = true;
        registers.orig_rax = SYS_read;
        registers.rdi = static_cast<unsigned long long>(-1);
        ::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
    }

    void fail(pid_t pid, Tracee& tracee) const {
        tracee.broken = false;
        user_regs_struct registers = tracee.before;
        registers.rax = static_cast<unsigned long long>(-static_cast<long long>(injection_.error));
        ::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
    }

    const Injection& injection_;
    Shared& shared_;
    Trial& trial_;
    pid_t host_ = -1, init_ = -1;
    bool app_born_ = false;
    std::map<pid_t, Tracee> tracees_;
};

}  // namespace

bool can_inject_faults() { return needs(Need::root); }

Trial run_with_fault(const plan::Plan& plan, const Injection& injection) {
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto& shared = *new (memory) Shared{};
    const auto trial = in_child<Trial>([&](Trial& result) {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        const int mounts = count_mounts();
        int output[2];
        if (::pipe2(output, O_CLOEXEC) != 0) ::_exit(1);
        const pid_t host = ::fork();
        if (host == 0) {
            ::close(output[0]);
            if (plan.ids().mode == plan::Mode::rootless && !become_user(plain_user)) ::_exit(1);
            be_host(plan, output[1], shared);
        }
        ::close(output[1]);
        Tracer(injection, shared, result).follow(host);
        result.left = reap_leftovers();
        result.mounts_grown = count_mounts() - mounts;
        char bytes[64];
        ::fcntl(output[0], F_SETFL, O_NONBLOCK);
        result.app_ran = ::read(output[0], bytes, sizeof bytes) > 0;
    });
    Trial result = trial.value_or(Trial{});
    if (!trial) result.left = -1;
    result.verified = shared.verified;
    result.started = shared.started;
    result.failure = shared.failure;
    ::munmap(memory, sizeof(Shared));
    return result;
}

#else

bool can_inject_faults() {
    MESSAGE("SKIP: needs x86_64");
    return false;
}
Trial run_with_fault(const plan::Plan&, const Injection&) { return {}; }

#endif

}  // namespace casemate::test

#include "launch/host.h"

#include <poll.h>
#include <sched.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/text.h"
#include "cgroup/events.h"
#include "launch/init.h"
#include "launch/wire.h"
#include "steps/sequence.h"
#include "sys/call.h"
#include "sys/fd_passing.h"

namespace casemate::launch {
namespace {

// Waits for one message. Of `signals` (-1: none) the first that would end an app is an error. The pidfd is watched too:
// in a hostile container somebody else may have got hold of the channel's other end, and never let it close.
Result<Message> receive(FdView channel, FdView pidfd, int deadline_ms, FdView signals) {
    pollfd waiting[] = {{channel.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}, {pidfd.get(), POLLIN, 0}};
    do {
        int ready;
        do ready = ::poll(waiting, 3, deadline_ms);
        while (ready < 0 && errno == EINTR);
        if (ready < 0) return Error::sys("poll");
        if (ready == 0) return Error::from_errno(ETIMEDOUT, "waiting for init");
        if (waiting[1].revents) TRY(check_signals(signals));
    } while (!waiting[0].revents && !waiting[2].revents);
    char buffer[sizeof(FailedMessage)];
    ssize_t size;
    do size = ::recv(channel.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size < 0 && errno != ECONNRESET && errno != EAGAIN) return Error::sys("recv");
    return decode({buffer, size > 0 ? static_cast<size_t>(size) : 0});
}

Result<void> send(FdView channel, Letter letter) {
    const char byte = static_cast<char>(letter);
    if (::send(channel.get(), &byte, 1, MSG_NOSIGNAL) != 1) return Error::sys("send");
    return {};
}

Error failed(const FailedMessage& failure) {
    Error error = Error::with_code(failure.code, failure.text).exit_with(failure.exit_code);
    if (failure.hint[0]) error = std::move(error).hint(failure.hint);
    return error;
}

// Init is gone without a word: say how. One that only closed the channel is somebody else's doing, and is ended.
Error died(const steps::HostContext& host, FdView pidfd, std::string_view when) {
    constexpr int grace_ms = 2000;
    if (!sys::wait_readable(pidfd, grace_ms)) {
        (void)!sys::pidfd_send_signal(pidfd, SIGKILL);
        return Error::invalid(concat("init closed its channel ", when));
    }
    int status = 0;
    while (::waitpid(host.pid, &status, __WALL) < 0 && errno == EINTR) {
    }
    constexpr const char* filter_hint = "the filter must allow the calls that 'casemate plan' lists";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return Error::invalid(concat("init was killed by its seccomp filter ", when)).hint(filter_hint);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        const auto kills = cgroup::oom_kills(host.prepared.group);
        if (kills && kills.value().value_or(0) > 0)
            return Error::with_code(ENOMEM, concat("init was killed for want of memory (OOM) in its control group ", when)).hint("the memory limit is too low to start anything: init needs a few MiB itself");
    }
    // The stub, whose write and exit are refused, can only crash.
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && !host.plan.seccomp().program.empty())
        return Error::invalid(concat("init was killed by signal ", SIGSEGV, " ", when)).hint(filter_hint);
    if (WIFSIGNALED(status)) return Error::invalid(concat("init was killed by signal ", WTERMSIG(status), " ", when));
    return Error::invalid(concat("init ended with code ", WEXITSTATUS(status), " ", when));
}

Result<void> note_host_state(steps::HostContext& host) {
    const std::string text = TRY(host.proc->read("self/status"));
    const sys::Status status = TRY(sys::parse_status(text));
    host.prepared.expected = plan::expected_of(host.plan, status.seccomp_filters);
    // The host gave none to a caller without privilege. To root it gives one, or the launch has failed.
    if (host.prepared.group.members().empty() && host.plan.ids().mode == plan::Mode::rootless) {
        host.prepared.expected.cgroup.reset();
        host.prepared.expected.cgroup_limits.clear();
    }
    for (plan::MountLine& line : host.prepared.expected.mounts)
        if (const auto at = host.prepared.reached.find(line.mount_point); at != host.prepared.reached.end()) line.mount_point = at->second;
    for (const std::string& kind : host.prepared.expected.own_namespaces)
        host.prepared.host_namespaces[kind] = TRY_IN(kind, host.proc->namespace_inode("self", kind));
    if (const auto keyring = sys::session_keyring()) host.prepared.host_session_keyring = keyring.value();
    return {};
}

std::vector<int> stub_fds(const steps::Prepared& prepared) {
    const int channel = static_cast<int>(3 + prepared.plan.process().inherited_fds);
    std::vector<int> fds{channel};
    if (prepared.program) fds.push_back(channel + 2);
    if (prepared.gate.present()) fds.insert(fds.end(), {channel + 3, channel + 4});
    return fds;
}

// The stub's last word, or the end of the channel. In a hostile container (exec) somebody else may hold a copy of the
// stub's end, and it never closes: then the program that runs tells.
Result<Message> await_exec(steps::HostContext& host, FdView channel, FdView pidfd, int deadline_ms) {
    if (!host.plan.exec()) return receive(channel, pidfd, deadline_ms, -1);
    constexpr int look_after_ms = 1000;
    for (int waited = 0;; waited += look_after_ms) {
        auto message = receive(channel, pidfd, look_after_ms, -1);
        if (message || message.error().code() != ETIMEDOUT || waited >= deadline_ms) return message;
        const auto program = sys::readlinkat(host.proc->fd(), concat(host.pid, "/exe").c_str());
        if (program && !program.value().starts_with("/memfd:casemate-stub")) break;
    }
    Message over;
    over.end = true;
    return over;
}

// The listener belongs to whoever the plan names, before anything is asked of it.
Result<void> hand_over(steps::HostContext& host, FdView pidfd, int number, const Options& options) {
    if (!host.plan.seccomp().has_listener() || !options.hand_over_listener) return Error::with_code(ENOTSUP, "seccomp listener: nobody here hands it over");
    const Fd listener = TRY_IN("seccomp listener", sys::pidfd_getfd(pidfd, number));
    return options.hand_over_listener({host.pid, pidfd, *host.proc, host.prepared.expected, host.prepared.group, {}}, listener);
}

// From Go to the running app. Any error here leaves the killing to the caller.
Result<void> bring_up(steps::HostContext& host, FdView channel, FdView pidfd, const Options& options) {
    if (options.group) TRY_IN("join cgroup", options.group->attach(host.pid));
    TRY(steps::run_host(host, steps::Phase::adopt));
    host.prepared.group.let_go();
    TRY(sys::send_byte(channel, static_cast<char>(Letter::go), host.plan.mounts().root.layered() ? FdView(host.prepared.tree) : FdView(-1)));
    Message first = TRY(receive(channel, pidfd, options.deadline_ms, options.signals));
    if (first.letter == Letter::mounted && !first.end && plan::holds_for_hooks(host.plan.hooks()) && options.on_mounted) {
        TRY(options.on_mounted({host.pid, pidfd, *host.proc, host.prepared.expected, host.prepared.group, {}}));
        TRY(check_signals(options.signals));
        TRY(send(channel, Letter::resume));
        first = TRY(receive(channel, pidfd, options.deadline_ms, options.signals));
    }
    if (first.letter == Letter::listener && !first.end) {
        TRY(hand_over(host, pidfd, first.number, options));
        TRY(send(channel, Letter::go));
        first = TRY(receive(channel, pidfd, options.deadline_ms, options.signals));
    }
    if (first.end) return died(host, pidfd, "before the app was started");
    if (first.letter == Letter::failed) return failed(first.failure);
    if (first.letter != Letter::ready) return Error::invalid("init said something else than ready");
    if (options.before_go) TRY(options.before_go({host.pid, pidfd, *host.proc, host.prepared.expected, host.prepared.group, stub_fds(host.prepared)}));
    // From here on the app may run at any moment: a signal is then the app's, and waits for supervise().
    TRY(check_signals(options.signals));
    TRY(send(channel, Letter::execute));
    const Message second = TRY(await_exec(host, channel, pidfd, options.deadline_ms));
    // Without an init of ours the closed channel is the app's exec; with one, the stub keeps it open while it lives.
    if (second.end && host.plan.process().own_init) return died(host, pidfd, "before the app was started");
    if (host.prepared.gate.present() && second.letter != Letter::waiting) return died(host, pidfd, "before it waited for 'start'");
    if (second.end || second.letter == Letter::waiting) return {};
    if (second.letter == Letter::started && host.plan.process().own_init) return {};
    if (second.letter == Letter::cannot_execute) return cannot_execute(host.plan.process().program(), second.number);
    return Error::invalid("the stub said something else than started");
}

int group_fd(const cgroup::Group& group) {
    const auto directory = group.directory_fd();
    return directory ? directory->get() : -1;
}

Result<Birth> birth_of(const plan::Plan& plan, const Options& options, const cgroup::Group& group) {
    const auto& joined = plan.namespaces().joined;
    Birth birth;
    birth.new_namespaces = plan.namespaces().clone_flags;
    birth.cgroup = group_fd(group);
    if (plan.exec()) {
        birth.process = options.process.get();
        for (const plan::NamespaceFact& fact : joined)
            if (fact.type != "cgroup") birth.process_namespaces |= namespace_flag(fact.type);
        birth.cgroup_namespace = options.cgroup_namespace.get();
        birth.cpus = plan.process().initial_cpus;
    } else {
        if (options.joins.size() != joined.size()) return Error::invalid("the namespaces to join are not those of the plan");
        birth.joins = options.joins;
    }
    return birth;
}

}  // namespace

Result<void> check_signals(FdView signals) {
    signalfd_siginfo signal{};
    while (::read(signals.get(), &signal, sizeof signal) == sizeof signal)
        if (signal.ssi_signo != SIGWINCH && signal.ssi_signo != SIGCONT)
            return Error::from_errno(EINTR, concat("ended by signal ", signal.ssi_signo, " before the app ran")).exit_with(128 + static_cast<int>(signal.ssi_signo));
    return {};
}

Error cannot_execute(const std::string& program, int code) {
    const bool denied = code == EACCES || code == EPERM || code == ENOEXEC;
    Error error = Error::from_errno(code, concat("exec ", quoted(program))).exit_with(denied ? 126 : 127);
    if (code == ENOENT) return std::move(error).hint("the file is there: its interpreter (#! line or ELF loader) is not in the image");
    if (code == ENOEXEC) return std::move(error).hint("is the image for this architecture?");
    return error;
}

Result<void> end_group(cgroup::Group& group) {
    auto removed = group.remove(0);
    if (removed || removed.error().code() != EBUSY) return removed;
    TRY(group.kill_all());
    return group.remove();
}

Result<Running> start(const plan::Plan& plan, Options options) {
    steps::Prepared prepared(plan);
    prepared.inherited = std::move(options.inherited);
    prepared.program = std::move(options.program);
    prepared.gate = std::move(options.gate);
    prepared.console = std::move(options.console);
    if (plan.process().terminal && !prepared.console) return Error::invalid("a terminal needs somebody who takes its master");
    for (int fd = 0; fd < 3; ++fd) prepared.stdio[fd] = std::move(options.stdio[fd]);
    steps::HostContext host(prepared);
    host.proc = std::move(options.proc);
    ScopeExit remove_group([&] {
        // Twice: what an interruption or a moment without memory kept from going goes the second time.
        auto removed = end_group(prepared.group);
        if (!removed) removed = end_group(prepared.group);
        if (!removed) log(LogLevel::error, removed.error().text());
    });
    TRY(steps::run_host(host, steps::Phase::prepare));
    TRY(note_host_state(host));
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return Error::sys("socketpair");
    Fd ours(ends[0]), theirs(ends[1]);
    const Birth birth = TRY(birth_of(plan, options, options.group ? *options.group : prepared.group));
    auto cloned = make_init(birth);
    if (!cloned) {
        Error error = std::move(cloned).take_error().within("clone");
        if (error.code() == EACCES && plan.cgroup().draft.request.scope)
            return std::move(error).hint("a user may enter a scope only from another group of its own systemd: systemd-run --user --scope casemate ...");
        if (error.code() == ENOSPC) return std::move(error).hint("does the sysctl user.max_user_namespaces (or max_*_namespaces) allow no more?");
        if (error.code() == EPERM && birth.new_namespaces & CLONE_NEWUSER) return std::move(error).hint("a sysctl (kernel.unprivileged_userns_clone) or AppArmor may forbid user namespaces");
        return error;
    }
    sys::Cloned process = std::move(cloned).take();
    if (process.pid == 0) run_init(prepared, birth, std::move(theirs), ours.get(), options.signal_mask);
    theirs.reset();
    host.pid = process.pid;
    auto up = bring_up(host, ours, process.pidfd, options);
    if (!up) {
        // Already reaped when init had died; ESRCH and ECHILD then.
        (void)!sys::pidfd_send_signal(process.pidfd, SIGKILL);
        while (::waitpid(process.pid, nullptr, __WALL) < 0 && errno == EINTR) {
        }
        return std::move(up).take_error();
    }
    Running running;
    running.pid = process.pid;
    running.pidfd = std::move(process.pidfd);
    if (plan.process().own_init) running.channel = std::move(ours);
    running.expected = std::move(prepared.expected);
    running.group = std::move(prepared.group);
    remove_group.release();
    return running;
}

}  // namespace casemate::launch

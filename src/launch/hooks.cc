#include "launch/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <ctime>

#include "base/log.h"
#include "base/text.h"
#include "launch/host.h"
#include "sys/call.h"

namespace casemate::launch {
namespace {

constexpr size_t kept_output = 2048;

uint64_t now_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1000 + static_cast<uint64_t>(time.tv_nsec) / 1000000;
}

[[noreturn]] void give_up(const char* what) {
    ::dprintf(STDERR_FILENO, "%s: %s", what, ::strerror(errno));
    ::_exit(127);
}

// Into the container. Another process is needed, as the pid namespace is that of children; its end is passed on.
void join(const Surroundings& inside) {
    if (!sys::setns(inside.pidfd, inside.namespaces)) give_up("setns");
    // In a user namespace: its root, where it has one.
    if (inside.namespaces & CLONE_NEWUSER && sys::set_ids(0, 0) && !sys::set_groups({})) give_up("setgroups");
    const pid_t hook = ::fork();
    if (hook < 0) give_up("fork");
    if (hook == 0) return;
    int status = 0;
    while (::waitpid(hook, &status, 0) < 0 && errno == EINTR) {
    }
    ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

[[noreturn]] void become(const oci::Hook& hook, const HookRun& run, FdView state, FdView output) {
    // A group of its own, for its end; and no controlling terminal to speak to.
    ::setsid();
    if (::dup2(state.get(), STDIN_FILENO) < 0 || ::dup2(output.get(), STDOUT_FILENO) < 0 || ::dup2(output.get(), STDERR_FILENO) < 0) ::_exit(127);
    if (run.inside) join(*run.inside);
    // It ends with us: the container would be waited for by nobody.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::vector<char*> arguments, environment;
    for (const std::string& argument : hook.args) arguments.push_back(const_cast<char*>(argument.c_str()));
    if (arguments.empty()) arguments.push_back(const_cast<char*>(hook.path.c_str()));
    for (const std::string& variable : hook.env) environment.push_back(const_cast<char*>(variable.c_str()));
    arguments.push_back(nullptr);
    environment.push_back(nullptr);
    if (::chdir(run.directory.c_str()) < 0) give_up("chdir");
    if (!sys::close_range(3, ~0U)) give_up("close_range");
    ::signal(SIGPIPE, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &run.signal_mask, nullptr);
    ::execve(hook.path.c_str(), arguments.data(), environment.data());
    give_up("execve");
}

// A file and not a pipe: a hook that does not read it cannot make us wait.
Result<Fd> state_file(const std::string& state) {
    Fd file = TRY(sys::memfd("casemate-hook-state", 0));
    TRY(sys::write_all(file, state));
    if (::lseek(file.get(), 0, SEEK_SET) < 0) return Error::sys("lseek");
    return file;
}

void take_output(FdView reader, std::string& said) {
    char buffer[4096];
    for (ssize_t got; (got = ::read(reader.get(), buffer, sizeof buffer)) > 0;) {
        said.append(buffer, static_cast<size_t>(got));
        if (said.size() > kept_output) said.erase(0, said.size() - kept_output);
    }
}

// How the wait ended, when not by the hook's own end.
enum class Cut { no, late };

Result<Cut> await_end(const oci::Hook& hook, FdView process, FdView reader, FdView signals, std::string& said) {
    const uint64_t deadline = hook.timeout ? now_ms() + static_cast<uint64_t>(*hook.timeout) * 1000 : 0;
    pollfd waiting[] = {{process.get(), POLLIN, 0}, {reader.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
    for (;;) {
        int left = -1;
        if (deadline) {
            const uint64_t now = now_ms();
            if (now >= deadline) return Cut::late;
            left = static_cast<int>(std::min<uint64_t>(deadline - now, 1 << 30));
        }
        if (::poll(waiting, 3, left) < 0) {
            if (errno != EINTR) return Error::sys("poll");
            continue;
        }
        if (waiting[1].revents) take_output(reader, said);
        if (waiting[1].revents & POLLHUP) waiting[1].fd = -1;
        if (waiting[0].revents) return Cut::no;
        if (waiting[2].revents) TRY(check_signals(signals));
    }
}

std::string how_it_ended(Cut cut, int status, const oci::Hook& hook) {
    if (cut == Cut::late) return concat("did not end within ", *hook.timeout, " s and was killed");
    if (WIFSIGNALED(status)) return concat("killed by signal ", WTERMSIG(status));
    return concat("exit status ", WEXITSTATUS(status));
}

Result<void> run_hook(const oci::Hook& hook, const HookRun& run) {
    const Fd state = TRY(state_file(run.state));
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return Error::sys("pipe2");
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    if (::fcntl(reader.get(), F_SETFL, O_NONBLOCK) < 0) return Error::sys("fcntl");
    const sys::Cloned made = TRY(run.make ? run.make(hook, state, writer) : sys::clone3(0));
    if (made.pid == 0) become(hook, run, state, writer);
    writer.reset();
    std::string said;
    auto cut = await_end(hook, made.pidfd, reader, run.signals, said);
    // Not reaped yet, so the group is nobody else's.
    if (!cut || cut.value() != Cut::no) ::kill(-made.pid, SIGKILL), ::kill(made.pid, SIGKILL);
    int status = 0;
    while (::waitpid(made.pid, &status, __WALL) < 0 && errno == EINTR) {
    }
    if (!cut) return std::move(cut).take_error();
    take_output(reader, said);
    const std::string_view words = trimmed(said);
    if (cut.value() == Cut::no && status == 0) {
        if (!words.empty()) log(LogLevel::debug, concat("hook ", quoted(hook.path), ": ", words));
        return {};
    }
    return Error::invalid(concat(how_it_ended(cut.value(), status, hook), words.empty() ? "" : ": ", words.empty() ? "" : quoted(words)));
}

}  // namespace

Result<Surroundings> surroundings_of(const sys::Procfs& proc, pid_t pid, FdView pidfd) {
    constexpr std::pair<const char*, int> kinds[] = {{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS}, {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET},
                                                     {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}};
    Surroundings found{pidfd};
    for (const auto& [kind, flag] : kinds)
        if (TRY(proc.namespace_inode(std::to_string(pid), kind)) != TRY(proc.namespace_inode("self", kind))) found.namespaces |= flag;
    return found;
}

Result<void> run_hooks(std::string_view phase, const std::vector<oci::Hook>& hooks, const HookRun& run) {
    for (size_t i = 0; i < hooks.size(); ++i) TRY_IN(concat("hook ", phase, "[", i, "] ", quoted(hooks[i].path)), run_hook(hooks[i], run));
    return {};
}

}  // namespace casemate::launch

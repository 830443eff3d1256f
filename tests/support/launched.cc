#include "support/launched.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "runtime/app.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::test {
namespace {

void note(Outcome& outcome, const Error& error) {
    outcome.failure.failed = true;
    outcome.failure.code = error.code();
    outcome.failure.exit_code = error.exit_code();
    outcome.failure.text = error.text();
    outcome.failure.hint = error.hint_text();
}

// Copies the app's output to `out`, and calls `meanwhile` when it has said the word.
[[noreturn]] void listen(int reader, int out, const Launching& launching, pid_t host) {
    std::string heard;
    char buffer[1024];
    bool told = !launching.meanwhile;
    for (;;) {
        const ssize_t got = ::read(reader, buffer, sizeof buffer);
        if (got <= 0) ::_exit(0);
        heard.append(buffer, static_cast<size_t>(got));
        if (::write(out, buffer, static_cast<size_t>(got)) != got) ::_exit(1);
        if (!told && heard.find(launching.await) != std::string::npos) told = true, launching.meanwhile(host);
    }
}

Result<void> launch_app(const plan::Plan& plan, const Launching& launching, Outcome& outcome) {
    if (plan.ids().mode == plan::Mode::rootless && !become_user(plain_user)) return Error::sys("become_user");
    const launch::SignalGate gate = TRY(launch::SignalGate::close());
    int app[2], heard[2];
    if (::pipe2(app, O_CLOEXEC) != 0 || ::pipe2(heard, O_CLOEXEC) != 0) return Error::sys("pipe2");
    const pid_t host = ::getpid();
    const pid_t listener = ::fork();
    if (listener == 0) {
        ::close(app[1]);
        listen(app[0], heard[1], launching, host);
    }
    ::close(app[0]);
    ::close(heard[1]);
    const Fd heard_end(heard[0]);
    const auto run = [&]() -> Result<void> {
        launch::Options options;
        options.signal_mask = gate.mask_before();
        options.signals = gate.fd();
        options.stdio[1] = Fd(app[1]);
        options.stdio[2] = Fd(::fcntl(app[1], F_DUPFD_CLOEXEC, 3));
        if (launching.prepare) launching.prepare(options);
        launch::Running running = TRY(launch::start(plan, std::move(options)));
        outcome.started = true;
        const launch::Ending ending = TRY(launch::supervise(plan, running, gate, {}));
        outcome.code = ending.code;
        outcome.signal = ending.signal;
        outcome.timed_out = ending.timed_out;
        return launch::end_group(running.group);
    };
    const auto done = run();
    if (!done) note(outcome, done.error());
    // The pipe's end is the last process's end: what outlives the launch would keep the listener.
    pollfd end{static_cast<int>(sys::pidfd_open(listener).value().release()), POLLIN, 0};
    if (::poll(&end, 1, 5000) <= 0) ::kill(listener, SIGKILL), ++outcome.children_left;
    ::close(end.fd);
    ::waitpid(listener, nullptr, 0);
    char bytes[sizeof outcome.output.bytes];
    const ssize_t got = ::read(heard_end.get(), bytes, sizeof bytes - 1);
    outcome.output = std::string_view(bytes, got > 0 ? static_cast<size_t>(got) : 0);
    return {};
}

}  // namespace

Outcome launched(const plan::Plan& plan, const Launching& launching) {
    const auto outcome = in_child<Outcome>([&](Outcome& result) {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        const int mounts = count_mounts(), descriptors = count_descriptors();
        const auto done = launch_app(plan, launching, result);
        if (!done) note(result, done.error());
        result.children_left += reap_leftovers();
        result.mounts_grown = count_mounts() - mounts;
        result.descriptors_grown = count_descriptors() - descriptors;
    });
    if (outcome) return *outcome;
    Outcome lost;
    lost.failure.failed = true;
    lost.failure.text = "the host itself died";
    return lost;
}

int reap_leftovers() {
    int left = 0;
    for (;;) {
        const pid_t child = ::waitpid(-1, nullptr, __WALL | WNOHANG);
        if (child > 0) continue;  // had ended already
        if (child < 0) return left;
        // One is alive: a child of this process by /proc.
        const auto proc = sys::Procfs::host();
        const auto text = proc ? proc.value().read("thread-self/children") : Result<std::string>(Error::invalid("no procfs"));
        const int pid = text ? std::atoi(text.value().c_str()) : 0;
        if (pid <= 0) return left + 1;
        ++left;
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, __WALL);
    }
}

int count_mounts() {
    const Fd file(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
    const auto text = sys::read_all(file, size_t{1} << 22);
    int count = 0;
    if (text)
        for (const char c : text.value()) count += c == '\n';
    return count;
}

int count_descriptors() {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
    return count;
}

Result<void> verify_from_outside(const launch::Waiting& waiting) { return runtime::verify_waiting(waiting); }

}  // namespace casemate::test

// The judging happens in a child that has nothing: what it parses came from an image or a scanner, and a mistake in a
// parser must not be worth root. The parent waits, and cleans up.
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>

#include "audit/program.h"
#include "base/text.h"
#include "image/confine.h"
#include "image/digest.h"
#include "sys/call.h"

namespace casemate::audit {
namespace {

constexpr uint64_t max_answer_bytes = uint64_t{256} << 20;

[[noreturn]] void judge_and_exit(FdView scratch, const Judging& judge, pid_t parent) {
    image::Confinement wanted;
    wanted.scratch = scratch;
    wanted.own = ::geteuid() == 0;
    wanted.file_bytes = max_answer_bytes;
    wanted.read_only = true;
    const auto confined = image::confine(wanted);
    if (!confined) ::_exit(complain(Error(confined.error()).within("confine the judge")));
    if (::getppid() != parent) ::_exit(exit_unjudged);
    const auto code = judge("/image/rootfs");
    const int status = code ? code.value() : complain(code.error());
    // An answer that did not get out is none.
    if (std::fflush(stdout) != 0) ::_exit(exit_unjudged);
    ::_exit(status);
}

Result<int> wait_for(pid_t child, FdView signals) {
    const Fd ended = TRY(sys::pidfd_open(child));
    pollfd waiting[2] = {{ended.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
    while (::poll(waiting, 2, -1) < 0)
        if (errno != EINTR) return Error::sys("poll");
    return waiting[1].revents != 0 ? Result<int>(SIGKILL) : Result<int>(0);
}

}  // namespace

int complain(const Error& error) {
    std::fprintf(stderr, "casemate audit: %s\n", error.text().c_str());
    if (!error.hint_text().empty()) std::fprintf(stderr, "hint: %s\n", error.hint_text().c_str());
    return error.exit_code() > 128 ? error.exit_code() : exit_unjudged;
}

Result<Fd> signals_of_the_caller() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&set, signal);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Error::sys("sigprocmask");
    Fd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals) return Error::sys("signalfd");
    return signals;
}

Result<void> fail_if_signalled(FdView signals) {
    signalfd_siginfo info{};
    if (::read(signals.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return {};
    const int signal = static_cast<int>(info.ssi_signo);
    return Error::with_code(EINTR, concat("interrupted by SIG", ::sigabbrev_np(signal))).exit_with(128 + signal);
}

Result<int> judge_confined(const ScratchDirectory& scratch, const Judging& judge) {
    const Fd directory = TRY(sys::open(scratch.path().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const Fd signals = TRY(signals_of_the_caller());
    TRY(image::warm_up_hashing());
    std::fflush(stdout);
    const pid_t parent = ::getpid(), child = ::fork();
    if (child < 0) return Error::sys("fork");
    if (child == 0) judge_and_exit(directory, judge, parent);
    const auto waited = wait_for(child, signals);
    if (!waited || waited.value() != 0) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return Error::sys("waitpid");
    TRY(fail_if_signalled(signals));
    if (!waited) return waited;
    if (WIFSIGNALED(status))
        return Error::with_code(ECHILD, concat("the judge was killed by signal ", WTERMSIG(status)));
    return WEXITSTATUS(status);
}

}  // namespace casemate::audit

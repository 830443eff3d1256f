#include "cgroup/systemd.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"
#include "cgroup/events.h"
#include "sys/call.h"

namespace casemate::cgroup {
namespace {

constexpr int answer_ms = 40000;  // the program itself gives systemd 30 s
constexpr size_t text_max = 8192;

struct Pipe {
    Fd read, write;
};

Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return Error::sys("pipe2");
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// The user bus is found by these two; the system bus needs nothing of the caller's.
std::vector<std::string> environment_for(Manager manager) {
    if (manager == Manager::system) return {};
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    const char* address = std::getenv("DBUS_SESSION_BUS_ADDRESS");
    std::vector<std::string> environment;
    environment.push_back(runtime && *runtime ? concat("XDG_RUNTIME_DIR=", runtime) : concat("XDG_RUNTIME_DIR=/run/user/", ::geteuid()));
    if (address && *address) environment.push_back(concat("DBUS_SESSION_BUS_ADDRESS=", address));
    return environment;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
    list.push_back(nullptr);
    return list;
}

struct Child {
    sys::Cloned process;
    Fd input, output, errors;
};

Result<Child> spawn(const std::string& program, Manager manager, std::vector<std::string> words) {
    words.insert(words.begin(), {"casemate-systemd-cgroup", manager == Manager::system ? "system" : "user"});
    const std::vector<std::string> environment = environment_for(manager);
    const std::vector<char*> argv = pointers(words), envp = pointers(environment);
    Pipe input = TRY(make_pipe()), output = TRY(make_pipe()), errors = TRY(make_pipe());
    sys::Cloned process = TRY(sys::clone3(0));
    if (process.pid == 0) {
        sigset_t none;
        ::sigemptyset(&none);
        const bool ready = ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0 && ::dup2(input.read.get(), 0) == 0 &&
                           ::dup2(output.write.get(), 1) == 1 && ::dup2(errors.write.get(), 2) == 2 &&
                           ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
        if (ready) ::execve(program.c_str(), argv.data(), envp.data());
        ::_exit(127);
    }
    return Child{std::move(process), std::move(input.write), std::move(output.read), std::move(errors.read)};
}

int reap(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, __WALL) < 0)
        if (errno != EINTR) return -1;
    return status;
}

// Until a line's end, or the end.
Result<std::string> read_line(FdView fd, const Deadline& deadline) {
    std::string text;
    char bytes[512];
    while (text.find('\n') == std::string::npos && text.size() < text_max) {
        TRY(sys::wait_readable(fd, deadline.left_ms()));
        const ssize_t size = ::read(fd.get(), bytes, sizeof bytes);
        if (size < 0 && errno != EINTR) return Error::sys("read");
        if (size == 0) break;
        if (size > 0) text.append(bytes, static_cast<size_t>(size));
    }
    return text;
}

// What the program wrote before it ended: "error", "hint: remedy".
Error failure_of(FdView errors) {
    std::string text(text_max, '\0');
    const ssize_t size = ::read(errors.get(), text.data(), text.size());
    text.resize(size > 0 ? static_cast<size_t>(size) : 0);
    std::string what, hint;
    for (const std::string_view line : split(trimmed(text), '\n'))
        if (line.starts_with("hint: ")) hint = printable(line.substr(6));
        else if (what.empty()) what = printable(line);
    Error error = Error::with_code(EIO, concat("systemd cgroup: ", what.empty() ? "casemate-systemd-cgroup ended without a word" : what));
    return hint.empty() ? error : std::move(error).hint(hint);
}

}  // namespace

HeldScope& HeldScope::operator=(HeldScope&& other) noexcept {
    if (this == &other) return *this;
    let_go();
    pid_ = other.pid_;
    pidfd_ = std::move(other.pidfd_);
    input_ = std::move(other.input_);
    path_ = std::move(other.path_);
    return *this;
}

Result<HeldScope> HeldScope::start(const std::string& program, const Scope& scope, const std::string& description,
                                   const std::vector<UnitProperty>& properties) {
    std::vector<std::string> words = {"start", scope.unit, scope.slice, description};
    for (const UnitProperty& property : properties) words.push_back(property.text());
    Child child = TRY(spawn(program, scope.manager, std::move(words)));
    HeldScope held;
    held.pid_ = child.process.pid;
    held.pidfd_ = std::move(child.process.pidfd);
    held.input_ = std::move(child.input);
    const std::string line = TRY_IN("casemate-systemd-cgroup", read_line(child.output, Deadline(answer_ms)));
    if (!line.ends_with('\n')) return failure_of(child.errors);
    held.path_ = line.substr(0, line.size() - 1);
    return held;
}

void HeldScope::let_go() {
    if (!pidfd_) return;
    // Gone already is as good.
    if (sys::pidfd_send_signal(pidfd_, SIGKILL)) {}
    reap(pid_);
    pidfd_.reset();
    input_.reset();
}

Result<void> set_scope(const std::string& program, Manager manager, const std::string& unit, const std::vector<UnitProperty>& properties) {
    if (properties.empty()) return {};
    std::vector<std::string> words = {"set", unit};
    for (const UnitProperty& property : properties) words.push_back(property.text());
    Child child = TRY(spawn(program, manager, std::move(words)));
    const auto ended = sys::wait_readable(child.process.pidfd, answer_ms);
    if (!ended && !sys::pidfd_send_signal(child.process.pidfd, SIGKILL)) return Error(ended.error());
    const int status = reap(child.process.pid);
    if (!ended) return Error(ended.error()).within("casemate-systemd-cgroup");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return failure_of(child.errors);
    return {};
}

}  // namespace casemate::cgroup

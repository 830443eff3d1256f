#include "launch/egress.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "base/text.h"
#include "launch/companion.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::launch {
namespace {

constexpr const char* tun_device = "/dev/net/tun";
constexpr size_t most_output = 4096;

struct Pipe {
    Fd read, write;
};

Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return Error::sys("pipe2");
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<void> check_tun_device() {
    if (::faccessat(AT_FDCWD, tun_device, R_OK | W_OK, AT_EACCESS) == 0) return {};
    if (errno == ENOENT) return Error::sys(concat("'", tun_device, "'")).hint("load the tun module: modprobe tun");
    return Error::sys(concat("pasta needs to open '", tun_device, "'"))
        .hint(concat("as root: chmod 0666 ", tun_device, " (udev's usual mode), or launch without --egress open"));
}

// What pasta is started with: its arguments and the descriptors that it inherits.
struct Command {
    std::string path;
    std::vector<std::string> arguments;
    std::vector<int> inherited;
};

Command command_for(const EgressSpec& spec, std::string path, FdView netns, FdView userns, FdView pid_pipe) {
    const auto by_fd = [](FdView fd) { return concat("/proc/self/fd/", fd.get()); };
    Command command;
    // No port in either direction, no way to the host's own loopback through the gateway's address. -P into a pipe:
    // pasta writes its pid when all is configured.
    command.arguments = {"pasta", "-f", "-4",   "--config-net", "-t", "none",          "-u",      "none",      "-T",
                         "none",  "-U", "none", "--no-map-gw",  "-P", by_fd(pid_pipe), "--netns", by_fd(netns)};
    command.inherited = {netns.get(), pid_pipe.get()};
    if (spec.mode == plan::Mode::rootless) {
        command.arguments.insert(command.arguments.end(), {"--userns", by_fd(userns)});
        command.inherited.push_back(userns.get());
    } else {
        command.arguments.insert(command.arguments.end(), {"--runas", "0"});
    }
    command.path = std::move(path);
    return command;
}

[[noreturn]] void pasta_main(const Command& command, FdView output) {
    // Its signals are its own again; the guard's are blocked.
    sigset_t none;
    ::sigemptyset(&none);
    bool ready =
        ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0 && ::dup2(output.get(), 1) >= 0 && ::dup2(output.get(), 2) >= 0;
    ready = ready && ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
    for (const int fd : command.inherited) ready = ready && ::fcntl(fd, F_SETFD, 0) == 0;
    std::vector<char*> arguments;
    for (const std::string& argument : command.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    char* environment[] = {nullptr};
    if (ready) ::execve(command.path.c_str(), arguments.data(), environment);
    ::_exit(127);
}

Result<void> drop_capabilities() {
    TRY(sys::set_no_new_privs());
    TRY_IN("bounding set", empty_bounding_set());
    TRY(sys::capset({}));
    return sys::prctl(PR_SET_DUMPABLE, 0, "prctl PR_SET_DUMPABLE");
}

// Starts pasta and waits: for its end, init's, the lifeline's, or SIGTERM. Then pasta is ended, whatever it was.
Result<void> guard(const EgressSpec& spec, const Command& command, const Pipe& output) {
    // The guard keeps both ends of the output: a reader that goes would end pasta by SIGPIPE; a full pipe only makes it
    // lose its lines, for the writing end does not block.
    std::vector<int> kept = {spec.init.get(), spec.lifeline.get(), output.read.get(), output.write.get()};
    kept.insert(kept.end(), command.inherited.begin(), command.inherited.end());
    TRY(become_companion("casemate-egress", std::move(kept)));
    sigset_t told;
    ::sigemptyset(&told);
    ::sigaddset(&told, SIGTERM);
    const Fd signals(::signalfd(-1, &told, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals) return Error::sys("signalfd");
    sys::Cloned cloned = TRY(sys::clone3(0));
    if (cloned.pid == 0) pasta_main(command, output.write);
    OwnedProcess pasta(cloned.pid, std::move(cloned.pidfd));
    // It needs no right to end a process of its own user.
    TRY(drop_capabilities());
    for (const int fd : command.inherited) ::close(fd);
    std::array<pollfd, 4> watched = {{{pasta.pidfd().get(), POLLIN, 0},
                                      {spec.init.get(), POLLIN, 0},
                                      {spec.lifeline.get(), POLLIN, 0},
                                      {signals.get(), POLLIN, 0}}};
    while (::poll(watched.data(), watched.size(), -1) < 0)
        if (errno != EINTR) return Error::sys("poll");
    return {};
}

[[noreturn]] void guard_main(const EgressSpec& spec, const Command& command, const Pipe& output) {
    const Result<void> guarded = guard(spec, command, output);
    if (guarded) ::_exit(0);
    ::_exit(sys::write_all(output.write, concat("guard: ", guarded.error().text(), "\n")) ? 125 : 124);
}

// pasta's last line that says something: it also notes each line that no syslog took.
std::string last_line(FdView output) {
    std::string text(most_output, '\0');
    const ssize_t size = ::read(output.get(), text.data(), text.size());
    text.resize(size > 0 ? static_cast<size_t>(size) : 0);
    std::string found;
    for (const std::string_view line : split(text, '\n'))
        if (!trimmed(line).empty() && line.find("to syslog") == std::string_view::npos)
            found = printable(trimmed(line));
    return found;
}

// The line with the pid says "configured"; the guard's end says that it will not come.
Result<void> await_ready(FdView pid_pipe, FdView output, OwnedProcess& process, int timeout_ms) {
    std::array<pollfd, 2> watched = {{{pid_pipe.get(), POLLIN, 0}, {process.pidfd().get(), POLLIN, 0}}};
    int ready = 0;
    do ready = ::poll(watched.data(), watched.size(), timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return Error::sys("poll");
    char text[32];
    const ssize_t size = ::read(pid_pipe.get(), text, sizeof text);
    if (size > 0) return {};
    if (ready == 0) return Error::with_code(ETIMEDOUT, concat("not ready within ", timeout_ms, " ms"));
    process.kill_and_reap();
    const std::string line = last_line(output);
    return Error::with_code(ECHILD, concat("it ended at once", line.empty() ? "" : ": ", line));
}

Result<OwnedProcess> start(const EgressSpec& spec) {
    std::string path = TRY(find_pasta(spec.search_path));
    TRY(check_tun_device());
    const sys::Procfs procfs = TRY(sys::Procfs::host());
    const Fd netns = TRY_IN("network namespace", procfs.namespace_fd(std::to_string(spec.init_pid), "net"));
    Fd userns;
    if (spec.mode == plan::Mode::rootless)
        userns = TRY_IN("user namespace", procfs.namespace_fd(std::to_string(spec.init_pid), "user"));
    // The pidfd still names init, so these were init's namespaces and not those of a later process with its pid.
    TRY_IN("init", sys::pidfd_send_signal(spec.init, 0));
    Pipe ready = TRY(make_pipe());
    Pipe output = TRY(make_pipe());
    const Command command = command_for(spec, std::move(path), netns, userns, ready.write);
    sys::Cloned cloned = TRY(sys::clone3(0));
    if (cloned.pid == 0) guard_main(spec, command, output);
    OwnedProcess process(cloned.pid, std::move(cloned.pidfd), SIGTERM);
    ready.write.reset();
    output.write.reset();
    TRY(await_ready(ready.read, output.read, process, spec.ready_timeout_ms));
    return process;
}

}  // namespace

Result<std::string> find_pasta(const std::string& search_path) {
    for (const std::string_view directory : split(search_path, ':')) {
        if (!is_normal_path(directory)) continue;
        std::string path = concat(directory, "/pasta");
        struct stat status {};
        if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0)
            return path;
    }
    return Error::with_code(ENOENT, concat("pasta is not installed (looked in ", search_path, ")"))
        .hint("install Debian's package passt, or launch without --egress open");
}

Result<OwnedProcess> start_egress(const EgressSpec& spec) { return TRY_IN("pasta", start(spec)); }

}  // namespace casemate::launch

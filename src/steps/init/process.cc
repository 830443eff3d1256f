// Init as a process: not traceable, in the right place, and finally the stub.
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {

// The host writes it where init cannot (steps/host/limits.cc); this row is only for the time before dumpable goes off.
const InitStep hide_from_ptrace{
    "stay hidden from ptrace", Phase::session, [](const plan::Plan&) { return true; },
    [](const plan::Plan&) { return std::string("PR_SET_DUMPABLE 0"); },
    [](InitContext&) { return sys::prctl(PR_SET_DUMPABLE, 0, "prctl PR_SET_DUMPABLE"); }};

const InitStep set_umask{
    "set umask", Phase::credentials, [](const plan::Plan& plan) { return plan.process().umask.has_value(); },
    [](const plan::Plan& plan) {
        const uint32_t mask = *plan.process().umask;
        return std::string{'0', static_cast<char>('0' + (mask >> 6 & 7)), static_cast<char>('0' + (mask >> 3 & 7)), static_cast<char>('0' + (mask & 7))};
    },
    [](InitContext& context) -> Result<void> {
        ::umask(*context.plan.process().umask);
        return {};
    }};

namespace {

std::string_view path_variable(const plan::ProcessPlan& process) {
    for (const std::string& variable : process.env)
        if (variable.starts_with("PATH=")) return std::string_view(variable).substr(5);
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

// 0, or the errno that says why `path` cannot be executed by the app's user. A magic link is ELOOP: /proc/self/exe is
// the launcher or the stub at this moment, /proc/self/fd whatever they have open (CVE-2019-5736, CVE-2024-21626).
int executable(const std::string& path) {
    const auto found = sys::openat2(AT_FDCWD, path.c_str(), O_PATH, RESOLVE_NO_MAGICLINKS);
    if (!found) return found.error().code();
    struct stat status {};
    if (::fstat(found.value().get(), &status) < 0) return errno;
    if (!S_ISREG(status.st_mode)) return EACCES;
    return ::syscall(SYS_faccessat2, found.value().get(), "", X_OK, AT_EACCESS | AT_EMPTY_PATH) < 0 ? errno : 0;
}

Result<std::string> find_program(const plan::ProcessPlan& process) {
    const std::string name = process.program();
    int reason = ENOENT;
    if (name.find('/') != std::string::npos) {
        reason = executable(name);
        if (reason == 0) return name;
    } else {
        for (const std::string_view directory : split(path_variable(process), ':')) {
            const std::string candidate = concat(directory.empty() ? "." : directory, "/", name);
            const int why = executable(candidate);
            if (why == 0) return candidate;
            if (why == EACCES) reason = EACCES;  // as execvp(3)
        }
    }
    Error error = Error::from_errno(reason, concat("exec ", quoted(name)));
    if (reason == ELOOP)
        return std::move(error).exit_with(126).hint("the path leads through a magic link of /proc, to what is not the image's");
    if (reason == EACCES || reason == EPERM)
        return std::move(error).exit_with(126).hint("the file exists in the image, but its user may not execute it");
    if (name.find('/') == std::string::npos)
        error = Error::with_code(ENOENT, concat("exec ", quoted(name), ": executable file not found in $PATH"));
    return std::move(error).exit_with(127).hint("is the command in the image, and is the image for this architecture?");
}

// The home of `uid` in the container's passwd(5); "/" where none is told. Not a FIFO, nor more than a file of accounts is.
std::string home_of(uint32_t uid) {
    constexpr size_t passwd_max = 1 << 20;
    const auto file = sys::openat2(AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_NO_MAGICLINKS);
    if (!file) return "/";
    const auto status = sys::fstat(file.value());
    if (!status || !S_ISREG(status.value().st_mode)) return "/";
    const auto text = sys::read_all(file.value(), passwd_max);
    if (!text) return "/";
    for (const std::string_view line : split(text.value(), '\n')) {
        const std::vector<std::string_view> parts = split(line, ':');
        if (parts.size() == 7 && parse_decimal(parts[2]) == uid && parts[5].starts_with('/') && parts[5].find('\0') == std::string_view::npos) return std::string(parts[5]);
    }
    return "/";
}

// runc and crun set it, and Kubernetes counts on it: CRI names no HOME.
void add_home(InitContext& context) {
    const plan::ProcessPlan& process = context.plan.process();
    for (const std::string& variable : process.env)
        if (variable.starts_with("HOME=")) return;
    static std::string home;  // until the exec, which is this process' only one
    home = concat("HOME=", home_of(context.plan.ids().uid));
    context.envp.push_back(home.c_str());
}

// For the stub: its control word, the program's path, then the app's own argv. Ready before the filter, which may deny
// whatever an allocation needs.
void prepare_arguments(InitContext& context) {
    const plan::ProcessPlan& process = context.plan.process();
    context.control = concat(3 + process.inherited_fds, process.own_init ? "i" : "", context.prepared.program ? "p" : "", context.prepared.gate.present() ? "w" : "");
    context.argv = {context.control.c_str(), context.program.c_str()};
    for (const std::string& argument : process.args) context.argv.push_back(argument.c_str());
    context.argv.push_back(nullptr);
    for (const std::string& variable : process.env) context.envp.push_back(variable.c_str());
    if (!context.prepared.program && process.executable.empty()) add_home(context);  // a hook gets its own environment
    context.envp.push_back(nullptr);
}

}  // namespace

// As the app's user, while errors can still be printed. The kernel says "(unreachable)" when the directory is outside
// the root: such a cwd is a way back to the host (I8, CVE-2024-21626).
const InitStep resolve_program{
    "resolve program", Phase::credentials, [](const plan::Plan&) { return true; },
    [](const plan::Plan& plan) {
        const plan::ProcessPlan& process = plan.process();
        return concat(process.args.empty() ? "none" : quoted(process.program()), " in ", quoted(process.cwd));
    },
    [](InitContext& context) -> Result<void> {
        const plan::ProcessPlan& process = context.plan.process();
        const auto cwd = sys::openat2(AT_FDCWD, process.cwd.c_str(), O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
        if (!cwd) return Error::from_errno(cwd.error().code(), "chdir").within(quoted(process.cwd)).hint("the working directory must exist in the image");
        if (::fchdir(cwd.value().get()) < 0) return Error::sys("chdir").within(quoted(process.cwd));
        char where[PATH_MAX];
        const long length = ::syscall(SYS_getcwd, where, sizeof where);
        if (length < 0) return Error::sys("getcwd");
        if (where[0] != '/') return Error::invalid(concat(quoted(process.cwd), ": is outside the container's root"));
        // A config.json without a process: what `start` cannot execute.
        if (!process.args.empty()) context.program = context.prepared.program ? process.program() : TRY(find_program(process));
        prepare_arguments(context);
        return {};
    }};

// setresuid cleared both (measured, RECIPES I19). The host may have died before the signal was armed: hence the look
// at the lifeline.
const InitStep rearm_parent_death{
    "rearm parent death signal", Phase::credentials, [](const plan::Plan&) { return true; },
    [](const plan::Plan& plan) {
        return std::string(plan.process().parent_death_signal ? "PR_SET_DUMPABLE 0, PR_SET_PDEATHSIG KILL" : "PR_SET_DUMPABLE 0");
    },
    [](InitContext& context) -> Result<void> {
        TRY(sys::prctl(PR_SET_DUMPABLE, 0, "prctl PR_SET_DUMPABLE"));
        if (!context.plan.process().parent_death_signal) return {};
        TRY(sys::prctl(PR_SET_PDEATHSIG, SIGKILL, "prctl PR_SET_PDEATHSIG"));
        pollfd host{context.channel, POLLIN, 0};
        int ready;
        do ready = ::poll(&host, 1, 0);
        while (ready < 0 && errno == EINTR);
        if (ready < 0) return Error::sys("poll");
        if (host.revents & POLLHUP) return Error::invalid("the launcher is gone");
        return {};
    }};

// The stub was sealed by the host; it says "ready", awaits "go" and becomes the app. Everything is done before it: it
// runs as the app's user and is dumpable (RECIPES X1).
const InitStep execute_stub{
    "execute stub", Phase::exec, [](const plan::Plan&) { return true; },
    [](const plan::Plan& plan) {
        return std::string(plan.process().own_init ? "stays as PID 1, starts the app, forwards signals, reaps" : "becomes the app");
    },
    [](InitContext& context) -> Result<void> {
        const int stub = static_cast<int>(4 + context.plan.process().inherited_fds);
        ::syscall(SYS_execveat, stub, "", context.argv.data(), context.envp.data(), AT_EMPTY_PATH);
        return Error::sys("execveat stub");
    }};

}  // namespace casemate::steps::init

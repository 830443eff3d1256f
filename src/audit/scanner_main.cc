// Calling a vulnerability scanner. It parses everything that is in an image, as root would if one let it; so it runs as
// nobody, in pid, network and IPC namespaces of its own, with a clean environment and a deadline. What it says is a
// report to be judged, and its exit code means nothing.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>

#include "audit/program.h"
#include "base/text.h"
#include "image/supervise.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::audit {
namespace {

constexpr uid_t nobody = 65534;
constexpr size_t max_complaint_bytes = 4096;

Result<std::string> find_on_path(const std::string& name) {
    const char* const path = std::getenv("PATH");
    for (const std::string_view directory : split(path ? path : "/usr/local/bin:/usr/bin:/bin", ':')) {
        const std::string program = concat(directory, '/', name);
        if (directory.starts_with('/') && ::access(program.c_str(), X_OK) == 0) return program;
    }
    return Error::with_code(ENOENT, concat("the scanner ", quoted(name), " is not installed"));
}

Result<std::vector<std::string>> words_of(const ScannerCall& call) {
    const image::SourceText source = TRY(image::split_source(call.source));
    char* const resolved = ::realpath(source.path.c_str(), nullptr);
    const std::string path = resolved ? resolved : source.path;
    std::free(resolved);
    const struct stat status = TRY_IN(quoted(path), sys::fstatat(AT_FDCWD, path.c_str(), 0));
    const bool layout = S_ISDIR(status.st_mode);
    if (call.scanner == "grype") {
        const char* const scheme = layout ? "oci-dir:" : call.manifest_digest.empty() ? "docker-archive:" : "oci-archive:";
        return std::vector<std::string>{"grype", scheme + path, "-o", "json", "-q"};
    }
    return std::vector<std::string>{"trivy",
                                    "image",
                                    "--input",
                                    layout ? concat(path, '@', call.manifest_digest) : path,
                                    "--format",
                                    "json",
                                    "--scanners",
                                    "vuln,secret",
                                    "--quiet",
                                    "--skip-version-check",
                                    "--skip-db-update",
                                    "--offline-scan"};
}

// Where its database is, the operator's environment may say.
std::vector<std::string> environment_of(const std::string& home) {
    std::vector<std::string> list = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", concat("HOME=", home),
                                     concat("TMPDIR=", home), "GRYPE_DB_AUTO_UPDATE=false",
                                     "GRYPE_CHECK_FOR_APP_UPDATE=false"};
    for (const char* name : {"TRIVY_CACHE_DIR", "GRYPE_DB_CACHE_DIR"})
        if (const char* const value = std::getenv(name)) list.push_back(concat(name, '=', value));
    return list;
}

std::vector<char*> pointers(std::vector<std::string>& list) {
    std::vector<char*> out;
    for (std::string& item : list) out.push_back(item.data());
    out.push_back(nullptr);
    return out;
}

// As nobody, or, without root, as ourselves in a user namespace: what nobody may do is not ours to give.
Result<void> give_up_rights() {
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    const int own = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC;
    TRY(sys::unshare(uid == 0 ? own : own | CLONE_NEWUSER));
    if (uid == 0) {
        TRY(sys::set_groups({}));
        TRY(sys::set_ids(nobody, nobody));
    } else {
        const sys::Procfs proc = TRY(sys::Procfs::host());
        TRY(proc.write("self/setgroups", "deny"));
        TRY(proc.write("self/uid_map", concat(uid, ' ', uid, " 1")));
        TRY(proc.write("self/gid_map", concat(gid, ' ', gid, " 1")));
    }
    TRY(sys::set_no_new_privs());
    TRY(sys::set_limit(0, RLIMIT_CORE, 0, 0));
    return sys::prctl(PR_SET_PDEATHSIG, SIGKILL, "prctl PR_SET_PDEATHSIG");
}

struct Prepared {
    std::string program, home;
    std::vector<std::string> words, environment;
    int output, complaints;
};

// The scanner is PID 1 of its namespace: with it, everything that it started ends.
[[noreturn]] void execute(Prepared& prepared) {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const Fd null = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const bool ready = null && ::dup2(null.get(), 0) == 0 && ::dup2(prepared.output, 1) == 1 &&
                       ::dup2(prepared.complaints, 2) == 2 && ::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0 &&
                       ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && ::chdir(prepared.home.c_str()) == 0;
    errno = 0;
    if (::nice(10) != -1 || errno == 0)
        if (ready) ::execve(prepared.program.c_str(), pointers(prepared.words).data(), pointers(prepared.environment).data());
    ::dprintf(2, "execute %s: %s\n", prepared.program.c_str(), std::strerror(errno));
    ::_exit(127);
}

[[noreturn]] void contain(Prepared& prepared) {
    const auto done = give_up_rights();
    if (!done) {
        ::dprintf(prepared.complaints, "%s", done.error().text().c_str());
        ::_exit(127);
    }
    const pid_t scanner = ::fork();
    if (scanner == 0) execute(prepared);
    int status = 0;
    while (scanner > 0 && ::waitpid(scanner, &status, 0) < 0 && errno == EINTR) {}
    ::_exit(scanner > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 126);
}

int64_t monotonic_ms() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

struct Said {
    std::string output, complaints;
};

// Appends what is there; false at the end.
Result<bool> take(int from, std::string& to, size_t limit, bool keep_going) {
    char buffer[65536];
    const ssize_t count = ::read(from, buffer, sizeof buffer);
    if (count < 0) return errno == EINTR ? Result<bool>(true) : Result<bool>(Error::sys("read"));
    const size_t room = limit - to.size();
    if (static_cast<size_t>(count) > room && !keep_going) return Error::with_code(EFBIG, "its report is too large");
    to.append(buffer, std::min(static_cast<size_t>(count), room));
    return count > 0;
}

Result<Said> listen_to(FdView output, FdView complaints, FdView signals, int64_t deadline_ms) {
    Said said;
    pollfd waiting[3] = {{output.get(), POLLIN, 0}, {complaints.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
    while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
        const int64_t left = deadline_ms - monotonic_ms();
        if (left <= 0) return Error::with_code(ETIMEDOUT, "it took too long");
        const int ready = ::poll(waiting, 3, static_cast<int>(std::min<int64_t>(left, 60'000)));
        if (ready < 0 && errno != EINTR) return Error::sys("poll");
        if (ready <= 0) continue;
        TRY(fail_if_signalled(signals));
        if (waiting[0].revents != 0 && !TRY(take(output.get(), said.output, max_report_bytes, false))) waiting[0].fd = -1;
        if (waiting[1].revents != 0 && !TRY(take(complaints.get(), said.complaints, max_complaint_bytes, true)))
            waiting[1].fd = -1;
    }
    return said;
}

struct Pipe {
    Fd reader, writer;
    static Result<Pipe> make() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return Error::sys("pipe2");
        return Pipe{Fd(ends[0]), Fd(ends[1])};
    }
};

}  // namespace

Result<std::string> run_scanner(const ScannerCall& call) {
    const Fd signals = TRY(signals_of_the_caller());
    const ScratchDirectory home = TRY(ScratchDirectory::make());
    if (::geteuid() == 0 && ::chown(home.path().c_str(), nobody, nobody) != 0) return Error::sys("chown");
    Pipe output = TRY(Pipe::make()), complaints = TRY(Pipe::make());
    Prepared prepared{TRY(find_on_path(call.scanner)), home.path(),           TRY(words_of(call)),
                      environment_of(home.path()),     output.writer.get(), complaints.writer.get()};
    const pid_t child = ::fork();
    if (child < 0) return Error::sys("fork");
    if (child == 0) contain(prepared);
    output.writer.reset();
    complaints.writer.reset();
    auto said = listen_to(output.reader, complaints.reader, signals, monotonic_ms() + call.timeout_seconds * 1000);
    ::kill(child, SIGKILL);
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {}
    if (!said) return std::move(said).take_error().within(call.scanner);
    if (said.value().output.empty())
        return Error::invalid(concat(call.scanner, " wrote no report: ", printable(trimmed(said.value().complaints))));
    return std::move(said).take().output;
}

}  // namespace casemate::audit

// A hostile container: looks, as fast as it can, into every process that appears in its pid namespace, and tells what it
// must not be able to see: the launcher's program, descriptors, environment and directories of the host.
//
//   hostile look|attack LAUNCHER
//     look only looks. attack also takes hold of what it may: it traces newcomers, takes copies of their sockets, sends
//     garbage through them, keeps them open, sends signals, and lets /work, their working directory, and a link to their
//     descriptors change places. LAUNCHER: the launcher's path on the host.
//   Ends when /stop exists; prints one line a violation ("VIOLATION ...") and the number of newcomers it met.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

namespace {

bool attacks = false;
std::string launcher;
struct stat own_root;
std::set<std::string> told;

void tell(const std::string& what) {
    if (told.insert(what).second) std::printf("VIOLATION %s\n", what.c_str()), std::fflush(stdout);
}

std::string link_of(const std::string& path) {
    char text[4096];
    const ssize_t length = ::readlink(path.c_str(), text, sizeof text - 1);
    return length < 0 ? std::string() : std::string(text, static_cast<size_t>(length));
}

bool begins(const std::string& text, const char* with) { return text.rfind(with, 0) == 0; }

// What the exec'ed process may be seen as: the sealed stub, or a program of the container.
void look_at_program(const std::string& process) {
    const std::string program = link_of(process + "exe");
    if (program.empty()) return;
    const bool stub = begins(program, "/memfd:casemate-stub");
    if (!stub && !begins(program, "/bin/")) tell("program " + program);
    if (!stub) return;
    for (const int mode : {O_WRONLY, O_RDWR, O_RDWR | O_TRUNC}) {
        const int file = ::open((process + "exe").c_str(), mode | O_CLOEXEC);
        if (file < 0) continue;
        // The descriptor alone harms nobody: the seals are what counts.
        if (::write(file, "x", 1) == 1) tell("the stub was written");
        ::close(file);
    }
}

void look_at_environment(const std::string& process) {
    const int file = ::open((process + "environ").c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    char text[8192];
    const ssize_t length = ::read(file, text, sizeof text);
    ::close(file);
    if (length > 0 && ::memmem(text, static_cast<size_t>(length), "HOST_SECRET", 11)) tell("the launcher's environment");
}

void take_socket(pid_t pid, int number) {
    const long pidfd = ::syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) return;
    const long copy = ::syscall(SYS_pidfd_getfd, pidfd, number, 0);  // kept open for good
    ::close(static_cast<int>(pidfd));
    if (copy < 0) return;
    const char garbage[1200] = {'g', 's', 'e', 'x'};
    for (const size_t size : {size_t{1}, size_t{5}, size_t{9}, sizeof garbage})
        (void)!::send(static_cast<int>(copy), garbage, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void look_at_descriptors(pid_t pid, const std::string& process) {
    DIR* const stream = ::opendir((process + "fd").c_str());
    if (!stream) return;
    while (const dirent* entry = ::readdir(stream)) {
        const int number = std::atoi(entry->d_name);
        if (entry->d_name[0] == '.') continue;
        const std::string target = link_of(process + "fd/" + entry->d_name);
        bool known = target.empty();
        for (const char* allowed : {"pipe:", "socket:", "/memfd:casemate-stub", "/dev/null", "/dev/pts", "/bin/", "/proc"})
            known = known || begins(target, allowed);
        // Standard streams are the caller's gift.
        if (!known && number > 2) tell("descriptor " + target);
        if (attacks && begins(target, "socket:")) take_socket(pid, number);
    }
    ::closedir(stream);
}

void look_at_directories(const std::string& process) {
    for (const char* name : {"root", "cwd"}) {
        struct stat seen {};
        if (::stat((process + name).c_str(), &seen) == 0 && seen.st_dev != own_root.st_dev) tell(std::string("the host's tree by ") + name);
    }
}

void trace(pid_t pid, const std::string& process) {
    if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) return;
    const std::string program = link_of(process + "exe");
    if (program == launcher) tell("the launcher can be traced");
    ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
    int status = 0;
    if (::waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) ::ptrace(PTRACE_DETACH, pid, nullptr, attacks && pid % 3 == 0 ? SIGTERM : 0);
}

void send_signal(pid_t pid) {
    constexpr int signals[] = {SIGHUP, SIGTERM, SIGKILL, SIGCHLD, SIGURG};
    if (pid % 4 == 1) ::kill(pid, signals[static_cast<size_t>(pid / 4) % std::size(signals)]);
}

void swap_work() { ::syscall(SYS_renameat2, AT_FDCWD, "/work", AT_FDCWD, "/evil-work", 2U /* RENAME_EXCHANGE */); }

void look_at(pid_t pid) {
    const std::string process = "/proc/" + std::to_string(pid) + "/";
    look_at_program(process);
    look_at_environment(process);
    look_at_descriptors(pid, process);
    look_at_directories(process);
    if (!attacks) return;
    trace(pid, process);
    swap_work();
    send_signal(pid);
}

}  // namespace

int main(int, char** argv) {
    attacks = std::strcmp(argv[1], "attack") == 0;
    launcher = argv[2];
    if (::stat("/", &own_root) != 0) return 1;
    std::puts("ready");
    std::fflush(stdout);
    std::set<pid_t> met;
    while (::access("/stop", F_OK) != 0) {
        DIR* const stream = ::opendir("/proc");
        if (!stream) return 1;
        while (const dirent* entry = ::readdir(stream)) {
            const pid_t pid = std::atoi(entry->d_name);
            if (pid <= 1 || pid == ::getpid()) continue;
            met.insert(pid);
            for (int again = 0; again < 20; ++again) look_at(pid);
        }
        ::closedir(stream);
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
    }
    std::printf("met %zu\n", met.size());
}

// Acts on other processes: siblings, the launcher, and the limits on how many there may be.
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "proof/probe/act.h"

namespace casemate::probe {

namespace {

// A process beside us that waits to be ended.
class Sibling {
public:
    Sibling() : pid_(fork()) {
        if (pid_ == 0) {
            for (;;) pause();
        }
    }
    ~Sibling() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    Sibling(const Sibling&) = delete;
    Sibling& operator=(const Sibling&) = delete;
    pid_t pid() const { return pid_; }

private:
    pid_t pid_;
};

std::string trace_sibling(const std::string&) {
    const Sibling sibling;
    return outcome(ptrace(PTRACE_ATTACH, sibling.pid(), nullptr, nullptr));
}

std::string seize_sibling(const std::string&) {
    const Sibling sibling;
    return outcome(ptrace(PTRACE_SEIZE, sibling.pid(), nullptr, nullptr));
}

std::string trace_me(const std::string&) { return outcome(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }

std::string copy_memory(const std::string& direction) {
    static char secret = 's';
    const Sibling sibling;
    char byte = 0;
    const iovec local{&byte, 1}, remote{&secret, 1};
    if (direction == "write") return outcome(process_vm_writev(sibling.pid(), &local, 1, &remote, 1, 0));
    return outcome(process_vm_readv(sibling.pid(), &local, 1, &remote, 1, 0));
}

std::string take_descriptor(const std::string&) {
    const Sibling sibling;
    const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, sibling.pid(), 0)));
    if (!pidfd) return failed();
    const Fd taken(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), 0, 0)));
    return outcome(taken.get());
}

// A sibling's memory through procfs: no system call of its own.
std::string open_memory(const std::string&) {
    const Sibling sibling;
    const Fd memory(open(concat("/proc/", sibling.pid(), "/mem").c_str(), O_RDWR | O_CLOEXEC));
    return outcome(memory.get());
}

std::string unshare_flag(const std::string& flag) {
    const auto bits = parse_decimal(flag);
    return bits ? outcome(unshare(static_cast<int>(*bits))) : "wrong act";
}

// In a pid namespace of its own the app is 1, or 2 below a stub of ours; this act is its child.
std::string own_pid(const std::string&) {
    constexpr pid_t highest_of_app = 2;
    const pid_t app = getppid();
    return app >= 1 && app <= highest_of_app ? "own" : concat("pid ", app);
}

// Processes that are neither process 1, nor the app, nor its children.
std::string foreign_processes(const std::string&) {
    DIR* stream = opendir("/proc");
    if (!stream) return failed();
    const pid_t app = getppid(), self = getpid();
    std::string foreign;
    int count = 0;
    while (const dirent* entry = readdir(stream)) {
        const auto pid = parse_decimal(entry->d_name, INT32_MAX);
        if (!pid || *pid == 1 || static_cast<pid_t>(*pid) == app || static_cast<pid_t>(*pid) == self) continue;
        if (++count <= 5) foreign += concat(foreign.empty() ? "" : " ", *pid);
    }
    closedir(stream);
    return count == 0 ? "none" : concat(count, ": ", foreign);
}

// The descriptors of the app's parent: the stub of process.init has the standard streams, pipes and sockets alone. A
// directory or a device there would lead out.
std::string descriptors_of_parent(const std::string&) {
    const Fd parent(open("/proc/1/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent) return "out of reach";
    constexpr int standard_streams = 3, enough = 64;
    for (int fd = standard_streams; fd < enough; ++fd) {
        struct stat info {};
        if (fstatat(parent.get(), std::to_string(fd).c_str(), &info, 0) != 0) continue;
        if (S_ISDIR(info.st_mode) || S_ISBLK(info.st_mode) || S_ISCHR(info.st_mode)) return concat("descriptor ", fd);
    }
    return "nothing that leads out";
}

// Forks until it fails, at most the limit and a few more.
std::string fork_past(const std::string& limit_text) {
    const auto limit = parse_decimal(limit_text, 4096);
    if (!limit) return "wrong act";
    std::vector<pid_t> children;
    std::string seen = "no limit";
    for (uint64_t i = 0; i < *limit + 8; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            for (;;) pause();
        }
        if (child < 0) {
            seen = failed();
            break;
        }
        children.push_back(child);
    }
    for (const pid_t child : children) kill(child, SIGKILL);
    for (const pid_t child : children) waitpid(child, nullptr, 0);
    return seen;
}

std::string open_past(const std::string& limit_text) {
    const auto limit = parse_decimal(limit_text, 1u << 20);
    if (!limit) return "wrong act";
    for (uint64_t i = 0; i < *limit + 8; ++i) {
        if (dup(STDOUT_FILENO) < 0) return failed();
    }
    return "no limit";
}

std::string signal_process(const std::string& pid) {
    const auto number = parse_decimal(pid, INT32_MAX);
    return number ? outcome(kill(static_cast<pid_t>(*number), 0)) : "wrong act";
}

constexpr std::array<Act, 13> acts = {{{"ptrace-attach", trace_sibling},
                                       {"ptrace-seize", seize_sibling},
                                       {"ptrace-me", trace_me},
                                       {"copy-memory", copy_memory},
                                       {"pidfd-getfd", take_descriptor},
                                       {"open-memory", open_memory},
                                       {"unshare", unshare_flag},
                                       {"own-pid", own_pid},
                                       {"foreign-processes", foreign_processes},
                                       {"parent-descriptors", descriptors_of_parent},
                                       {"fork-past", fork_past},
                                       {"open-past", open_past},
                                       {"signal", signal_process}}};

}  // namespace

std::span<const Act> process_acts() { return acts; }

}  // namespace casemate::probe

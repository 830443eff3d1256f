// The race engine (SECURITY H3): runs a launcher under ptrace, stops it before one chosen system call that has to do with
// paths, does there what an attacker would have to hit by luck, and lets it go on. A race becomes one test a call.
//
//   security_stepper --programs DIR --report FILE [--at PROCESS.CALL|--each BEGIN] [--back] [--exchange A B]... [--cover SOURCE TARGET]... -- COMMAND ARG...
//     --programs  whose calls count: programs in DIR, and what they fork; whatever else is executed runs untraced
//     --at        where: the n-th such call of the n-th process (by birth, from 0). Without it nothing is swapped, and every
//                 call is listed in FILE, "PROCESS.CALL NAME" a line
//     --each      where: every openat2 of a path that begins so, a slash before it or not, for that call only: an attacker who
//                 is always in time
//     --exchange  the two names change places; A may be a pattern, of which the first match counts
//     --cover     SOURCE is bind-mounted on TARGET
//     --back      undone again right after that call; else when COMMAND has ended
//   Exit code: COMMAND's. A last line "swapped" in FILE says that it happened.
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

struct Named {
    long number;
    const char* name;
};

// Calls that take a path, or act on what a path was resolved to.
constexpr Named path_calls[] = {
#define CALL(name) {SYS_##name, #name}
#ifdef SYS_open
    CALL(open), CALL(stat), CALL(lstat), CALL(access), CALL(mkdir), CALL(rmdir), CALL(unlink), CALL(rename), CALL(link), CALL(symlink), CALL(readlink),
    CALL(chmod), CALL(chown), CALL(lchown), CALL(mknod), CALL(creat), CALL(getdents),
#endif
    CALL(openat), CALL(openat2), CALL(newfstatat), CALL(statx), CALL(faccessat), CALL(faccessat2), CALL(mkdirat), CALL(mknodat), CALL(unlinkat),
    CALL(renameat), CALL(renameat2), CALL(linkat), CALL(symlinkat), CALL(readlinkat), CALL(fchmodat), CALL(fchownat), CALL(truncate), CALL(utimensat),
    CALL(execve), CALL(execveat), CALL(chdir), CALL(fchdir), CALL(chroot), CALL(pivot_root), CALL(mount), CALL(umount2), CALL(open_tree),
    CALL(move_mount), CALL(mount_setattr), CALL(fsmount), CALL(getdents64), CALL(statfs), CALL(setxattr), CALL(lsetxattr), CALL(fchown), CALL(fchmod),
    CALL(ftruncate), CALL(name_to_handle_at), CALL(setns),
#undef CALL
};

const char* name_of(unsigned long long number) {
    for (const Named& call : path_calls)
        if (static_cast<unsigned long long>(call.number) == number) return call.name;
    return nullptr;
}

struct Swap {
    bool cover = false;
    std::string from, to;
    std::string done;  // the name that was taken, while it is swapped
};

struct Options {
    std::string programs, each;
    int report = -1;
    long process = -1, call = -1;
    bool back = false;
    std::vector<Swap> swaps;
    char** command = nullptr;
};

struct Tracee {
    int ordinal = 0;
    long calls = 0;
    bool ours = false;
    bool held = false;    // stopped at its birth, until its parent's report says whose child it is
    bool chosen = false;  // inside the call that was chosen
};

class Stepper {
public:
    explicit Stepper(Options& options) : options_(options) {}

    int run() {
        const pid_t first = ::fork();
        if (first == 0) {
            ::raise(SIGSTOP);
            ::execvp(options_.command[0], options_.command);
            std::perror("stepper: execvp");
            ::_exit(127);
        }
        int status = 0;
        ::waitpid(first, &status, WUNTRACED);
        constexpr long follow = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
        if (::ptrace(PTRACE_SEIZE, first, nullptr, follow) != 0) {
            std::perror("stepper: ptrace");
            return 125;
        }
        tracees_[first] = {};
        ::kill(first, SIGCONT);
        for (;;) {
            const pid_t pid = ::waitpid(-1, &status, __WALL);
            if (pid < 0) return 125;
            if (WIFSTOPPED(status)) {
                stopped(pid, status);
                continue;
            }
            if (tracees_[pid].chosen) undo();
            tracees_.erase(pid);
            // What it leaves behind, as `create` does, is let go by our own end.
            if (pid == first) break;
        }
        undo();
        if (swapped_) ::dprintf(options_.report, "swapped\n");
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }

private:
    void stopped(pid_t pid, int status) {
        const auto [found, is_new] = tracees_.try_emplace(pid);
        Tracee& tracee = found->second;
        if (is_new) tracee.ordinal = next_++;
        const int signal = WSTOPSIG(status), event = status >> 16;
        if (event == PTRACE_EVENT_STOP) {
            // A birth, or a group stop: neither is a signal for it.
            const bool group = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
            tracee.held = is_new;
            if (!is_new) ::ptrace(group ? PTRACE_LISTEN : PTRACE_SYSCALL, pid, nullptr, nullptr);
            return;
        }
        if (event == PTRACE_EVENT_EXEC && !became(pid, tracee)) {
            ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
            return;
        }
        if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) born(pid, tracee);
        if (signal == (SIGTRAP | 0x80)) system_call(pid, tracee);
        ::ptrace(PTRACE_SYSCALL, pid, nullptr, event || signal == (SIGTRAP | 0x80) ? 0 : signal);
    }

    void born(pid_t parent, const Tracee& tracee) {
        unsigned long child = 0;
        ::ptrace(PTRACE_GETEVENTMSG, parent, nullptr, &child);
        const auto [found, is_new] = tracees_.try_emplace(static_cast<pid_t>(child));
        if (is_new) found->second.ordinal = next_++;
        found->second.ours = tracee.ours;
        if (found->second.held) ::ptrace(PTRACE_SYSCALL, found->first, nullptr, nullptr);
        found->second.held = false;
    }

    // Whether it is still to be followed: a program of the launcher, its stub, or what has not become the launcher yet.
    bool became(pid_t pid, Tracee& tracee) {
        char path[4096];
        const ssize_t length = ::readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), path, sizeof path - 1);
        const std::string program(path, length > 0 ? static_cast<size_t>(length) : 0);
        const bool before = tracee.ours;
        tracee.ours = program.rfind(options_.programs + "/", 0) == 0 || program.rfind("/memfd:", 0) == 0;
        return tracee.ours || !before;
    }

    void system_call(pid_t pid, Tracee& tracee) {
        __ptrace_syscall_info info{};
        if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0 || !tracee.ours) return;
        if (info.op == PTRACE_SYSCALL_INFO_EXIT && tracee.chosen) {
            tracee.chosen = false;
            if (options_.back) undo();
        }
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
        const char* const name = name_of(info.entry.nr);
        if (!name) return;
        const long number = tracee.calls++;
        if (options_.call < 0 && options_.each.empty()) {
            ::dprintf(options_.report, "%d.%ld %s\n", tracee.ordinal, number, name);
        } else if (options_.each.empty() ? tracee.ordinal == options_.process && number == options_.call : looks_at_each(pid, info)) {
            tracee.chosen = options_.back;
            for (Swap& swap : options_.swaps) act(swap);
        }
    }

    bool looks_at_each(pid_t pid, const __ptrace_syscall_info& info) const {
        if (info.entry.nr != SYS_openat2) return false;
        char text[256] = {};
        iovec here{text, sizeof text - 1}, there{reinterpret_cast<void*>(info.entry.args[1]), sizeof text - 1};
        if (::process_vm_readv(pid, &here, 1, &there, 1, 0) <= 0) return false;
        const std::string path = text[0] == '/' ? text + 1 : text;
        return path.rfind(options_.each, 0) == 0;
    }

    void act(Swap& swap) {
        glob_t names{};
        std::string name = swap.from;
        if (!swap.cover && ::glob(name.c_str(), GLOB_NOSORT, nullptr, &names) == 0) name = names.gl_pathv[0];
        ::globfree(&names);
        const bool good = swap.cover ? ::mount(name.c_str(), swap.to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0
                                     : ::syscall(SYS_renameat2, AT_FDCWD, name.c_str(), AT_FDCWD, swap.to.c_str(), 2U /* RENAME_EXCHANGE */) == 0;
        if (!good) return;
        swap.done = name;
        swapped_ = true;
    }

    void undo() {
        for (auto swap = options_.swaps.rbegin(); swap != options_.swaps.rend(); ++swap) {
            if (swap->done.empty()) continue;
            if (swap->cover) ::umount2(swap->to.c_str(), MNT_DETACH);
            else ::syscall(SYS_renameat2, AT_FDCWD, swap->done.c_str(), AT_FDCWD, swap->to.c_str(), 2U);
            swap->done.clear();
        }
    }

    Options& options_;
    std::map<pid_t, Tracee> tracees_;
    int next_ = 1;
    bool swapped_ = false;
};

bool parse(int count, char** words, Options& options) {
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        if (word == "--") {
            options.command = words + i + 1;
            return i + 1 < count && !options.programs.empty() && options.report >= 0;
        }
        if (word == "--back") options.back = true;
        else if (word == "--programs" && i + 1 < count) options.programs = words[++i];
        else if (word == "--each" && i + 1 < count) options.each = words[++i], options.back = true;
        else if (word == "--report" && i + 1 < count) options.report = ::open(words[++i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        else if (word == "--at" && i + 1 < count && std::sscanf(words[i + 1], "%ld.%ld", &options.process, &options.call) == 2) ++i;
        else if ((word == "--exchange" || word == "--cover") && i + 2 < count) {
            options.swaps.push_back({word == "--cover", words[i + 1], words[i + 2], {}});
            i += 2;
        } else return false;
    }
    return false;
}

}  // namespace

int main(int count, char** words) {
    Options options;
    if (!parse(count, words, options)) {
        std::fputs("usage: security_stepper --programs DIR --report FILE [--at PROCESS.CALL|--each BEGIN] [--back] [--exchange A B]... [--cover SOURCE TARGET]... -- COMMAND\n", stderr);
        return 125;
    }
    return Stepper(options).run();
}

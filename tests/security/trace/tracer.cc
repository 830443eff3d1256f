// security_tracer [--log FILE] [--calls] [--sites] [--at PROCESS:N:ACTION]... -- PROGRAM ARGS...
//
// Runs a program and all that it starts under ptrace, writes every system call as a line of JSON, and can break one: fail it
// with an errno (fail=5), kill its caller (kill) or the first process (kill-first), or cut a read or write to a byte (short).
// Why our own: strace counts calls by name and knows a process by its pid only, so "the 17th call of init" cannot be said;
// a process here is named by its birth: "0" is PROGRAM, "0.1" its second child. The container's app is not ours and is let
// go at its exec. What lives when the first process ends is let go too: a created container, or what has been left behind.
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "seccomp/filter.h"
#include "trace/memory.h"

#if !defined(__x86_64__)
int main() {
    std::puts("SKIP: needs x86_64");
    return 77;
}
#else

using namespace casemate;
using namespace casemate::test;

namespace {

constexpr long trace_options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

enum class Act { none, fail, kill, kill_first, cut };

struct Break {
    std::string process;
    long number = 0;
    Act act = Act::none;
    int error = 0;
};

struct Wanted {
    FILE* log = stderr;
    bool calls = false, sites = false;
    std::vector<Break> breaks;
    char** program = nullptr;
};

struct Tracee {
    std::string name;         // empty: born, but its parent's event has not come yet
    bool ours = false;        // its program is one of casemate's
    long calls = 0;
    int children = 0;
    bool inside = false;
    int give = 0;             // the errno that this call is made to give
    std::string line;         // of the call it is inside
    TextRange text{};
};

// Which arguments of a call are paths.
struct PathCall {
    const char* name;
    int first, second;  // -1: none
};
constexpr PathCall path_calls[] = {
    {"open", 0, -1}, {"creat", 0, -1}, {"openat", 1, -1}, {"openat2", 1, -1}, {"open_tree", 1, -1}, {"open_tree_attr", 1, -1}, {"move_mount", 1, 3},
    {"mount", 0, 1}, {"umount2", 0, -1}, {"pivot_root", 0, 1}, {"mount_setattr", 1, -1}, {"fspick", 1, -1}, {"chroot", 0, -1}, {"chdir", 0, -1},
    {"stat", 0, -1}, {"lstat", 0, -1}, {"newfstatat", 1, -1}, {"statx", 1, -1}, {"statfs", 0, -1}, {"access", 0, -1}, {"faccessat", 1, -1}, {"faccessat2", 1, -1},
    {"readlink", 0, -1}, {"readlinkat", 1, -1}, {"mkdir", 0, -1}, {"mkdirat", 1, -1}, {"mknod", 0, -1}, {"mknodat", 1, -1}, {"rmdir", 0, -1},
    {"unlink", 0, -1}, {"unlinkat", 1, -1}, {"rename", 0, 1}, {"renameat", 1, 3}, {"renameat2", 1, 3}, {"link", 0, 1}, {"linkat", 1, 3},
    {"symlink", 0, 1}, {"symlinkat", 0, 2}, {"chmod", 0, -1}, {"fchmodat", 1, -1}, {"fchmodat2", 1, -1}, {"chown", 0, -1}, {"lchown", 0, -1},
    {"fchownat", 1, -1}, {"truncate", 0, -1}, {"utimensat", 1, -1}, {"setxattr", 0, 1}, {"lsetxattr", 0, 1}, {"fsetxattr", 1, -1}, {"getxattr", 0, 1}, {"lgetxattr", 0, 1},
    {"listxattr", 0, -1}, {"llistxattr", 0, -1}, {"removexattr", 0, 1}, {"lremovexattr", 0, 1}, {"execve", 0, -1}, {"execveat", 1, -1},
    {"inotify_add_watch", 1, -1}, {"name_to_handle_at", 1, -1}, {"fsopen", 0, -1}, {"memfd_create", 0, -1}, {"sethostname", 0, -1}};

std::string json_text(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        char code[8];
        if (c == '"' || c == '\\') out += concat("\\", std::string(1, c));
        else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned char>(c)), out += code;
        else out += c;
    }
    return out + "\"";
}

std::string call_name(unsigned long long number) {
    const seccomp::Syscall* known = seccomp::find_syscall(seccomp::Arch::x86_64, static_cast<int64_t>(number));
    return known ? std::string(known->name) : std::to_string(number);
}

// "openat2", arguments, paths and what a struct holds that a rule asks for.
std::string described(pid_t pid, const std::string& name, const uint64_t* args) {
    std::string out = concat("\"call\":\"", name, "\",\"args\":[");
    for (int i = 0; i < 6; ++i) out += concat(i ? "," : "", std::to_string(static_cast<long long>(args[i])));
    out += "]";
    for (const PathCall& call : path_calls) {
        if (name != call.name) continue;
        out += concat(",\"path\":", json_text(read_string(pid, args[call.first])));
        if (call.second >= 0) out += concat(",\"path2\":", json_text(read_string(pid, args[call.second])));
    }
    if (name == "openat2") {
        open_how how{};
        if (read_memory(pid, args[2], &how, sizeof how)) out += concat(",\"flags\":", std::to_string(how.flags), ",\"resolve\":", std::to_string(how.resolve));
    }
    if (name == "clone3" || name == "mount_setattr") {
        std::array<uint64_t, 2> head{};  // clone_args.flags; mount_attr.attr_set, .attr_clr
        if (read_memory(pid, args[name == "clone3" ? 0 : 3], head.data(), sizeof head)) out += concat(",\"flags\":", std::to_string(head[0]));
    }
    return out;
}

// The files of the kernel take a write whole or not at all; cut short here, "1234" into cgroup.procs would move process 1.
bool may_be_cut(pid_t pid, int fd) {
    struct statfs status {};
    if (::statfs(concat("/proc/", std::to_string(pid), "/fd/", std::to_string(fd)).c_str(), &status) != 0) return false;
    for (const long kernel : {0x9fa0L /* proc */, 0x27e0ebL /* cgroup */, 0x63677270L /* cgroup2 */, 0x62656572L /* sysfs */})
        if (static_cast<long>(status.f_type) == kernel) return false;
    return true;
}

class Tracer {
public:
    explicit Tracer(Wanted wanted) : wanted_(std::move(wanted)) {}

    int run() {
        start();
        while (true) {
            int status = 0;
            const pid_t pid = ::waitpid(-1, &status, __WALL);
            if (pid < 0 && errno == EINTR) continue;
            if (pid < 0) return 125;
            if (WIFSTOPPED(status)) {
                stopped(pid, status);
                continue;
            }
            ended(pid, status);
            if (pid != first_) continue;
            let_all_go();
            summarise();
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
    }

private:
    void start() {
        int ready[2];
        if (::pipe2(ready, O_CLOEXEC) != 0) std::exit(125);
        first_ = ::fork();
        if (first_ == 0) {
            char byte;
            if (::read(ready[0], &byte, 1) == 1) ::execvp(wanted_.program[0], wanted_.program);
            ::_exit(127);
        }
        tracees_[first_].name = "0";
        if (::ptrace(PTRACE_SEIZE, first_, nullptr, trace_options) != 0 || ::write(ready[1], "", 1) != 1) std::exit(125);
        ::close(ready[0]);
        ::close(ready[1]);
    }

    void stopped(pid_t pid, int status) {
        Tracee& tracee = tracees_[pid];
        const int signal = WSTOPSIG(status), event = status >> 16;
        if (tracee.name.empty()) return;  // held until its parent tells who it is
        int deliver = 0;
        if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
            born(pid, tracee);
        } else if (event == PTRACE_EVENT_EXEC) {
            if (!executed(pid, tracee)) return;
        } else if (event == PTRACE_EVENT_STOP) {
            if (signal != SIGTRAP) {
                ::ptrace(PTRACE_LISTEN, pid, nullptr, 0);
                return;
            }
        } else if (signal == (SIGTRAP | 0x80)) {
            system_call(pid, tracee);
        } else {
            deliver = signal;
        }
        ::ptrace(PTRACE_SYSCALL, pid, nullptr, deliver);
    }

    void born(pid_t pid, Tracee& parent) {
        unsigned long child = 0;
        ::ptrace(PTRACE_GETEVENTMSG, pid, nullptr, &child);
        const auto known = tracees_.find(static_cast<pid_t>(child));
        const bool waits = known != tracees_.end();
        Tracee& tracee = tracees_[static_cast<pid_t>(child)];
        const std::string name = concat(parent.name, ".", std::to_string(parent.children++));
        tracee = Tracee{};
        tracee.name = name;
        tracee.ours = parent.ours;
        tracee.text = parent.text;
        say(concat("{\"p\":\"", parent.name, "\",\"event\":\"born\",\"child\":\"", name, "\",\"pid\":", std::to_string(child), "}"));
        if (waits) ::ptrace(PTRACE_SYSCALL, static_cast<pid_t>(child), nullptr, 0);
    }

    // False: it is another program now, and let go.
    bool executed(pid_t pid, Tracee& tracee) {
        const std::string program = program_of(pid);
        const std::string base = program.substr(program.rfind('/') + 1);
        tracee.ours = base.starts_with("casemate") || program.starts_with("/memfd:casemate-stub");
        say(concat("{\"p\":\"", tracee.name, "\",\"event\":\"exec\",\"program\":", json_text(program), "}"));
        if (tracee.ours) {
            if (wanted_.sites) tracee.text = text_of(pid, program);
            return true;
        }
        if (pid == first_) return true;  // setpriv and the like, on the way to us
        ::ptrace(PTRACE_DETACH, pid, nullptr, 0);
        tracees_.erase(pid);
        return false;
    }

    void system_call(pid_t pid, Tracee& tracee) {
        __ptrace_syscall_info info{};
        if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) return;
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) enter(pid, tracee, info);
        else if (info.op == PTRACE_SYSCALL_INFO_EXIT) leave(pid, tracee, info);
    }

    void enter(pid_t pid, Tracee& tracee, const __ptrace_syscall_info& info) {
        tracee.inside = true;
        tracee.line.clear();
        if (!tracee.ours) return;
        ++tracee.calls;
        const Break* broken = nullptr;
        for (const Break& one : wanted_.breaks)
            if (one.process == tracee.name && one.number == tracee.calls) broken = &one;
        if (!wanted_.calls && !broken) return;
        const std::string name = call_name(info.entry.nr);
        tracee.line = concat("{\"p\":\"", tracee.name, "\",\"n\":", std::to_string(tracee.calls), ",", described(pid, name, info.entry.args));
        if (wanted_.sites) tracee.line += concat(",\"site\":", json_text(call_site(pid, tracee.text, info.stack_pointer)));
        if (broken) do_break(pid, tracee, *broken, name);
    }

    void do_break(pid_t pid, Tracee& tracee, const Break& broken, const std::string& name) {
        tracee.line += ",\"broken\":true";
        if (broken.act == Act::kill || broken.act == Act::kill_first) {
            say(concat(tracee.line, "}"));
            tracee.line.clear();
            ::kill(broken.act == Act::kill ? pid : first_, SIGKILL);
            return;
        }
        user_regs_struct registers{};
        if (::ptrace(PTRACE_GETREGS, pid, nullptr, &registers) != 0) return;
        if (broken.act == Act::cut && registers.rdx > 1 && may_be_cut(pid, static_cast<int>(registers.rdi))) registers.rdx = 1;
        // These cannot fail, and some of them do not return.
        const bool can = name != "exit_group" && name != "exit" && name != "rt_sigreturn" && name != "umask" && !name.starts_with("get");
        if (broken.act == Act::fail && can) tracee.give = broken.error;
        // close(2): whatever it gives, the descriptor is gone.
        if (tracee.give && name != "close") registers.orig_rax = static_cast<unsigned long long>(-1);
        ::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
    }

    void leave(pid_t pid, Tracee& tracee, const __ptrace_syscall_info& info) {
        tracee.inside = false;
        long long value = info.exit.rval;
        if (tracee.give) {
            user_regs_struct registers{};
            ::ptrace(PTRACE_GETREGS, pid, nullptr, &registers);
            value = -tracee.give;
            registers.rax = static_cast<unsigned long long>(value);
            ::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
            tracee.give = 0;
        }
        if (!tracee.line.empty()) say(concat(tracee.line, ",\"gave\":", std::to_string(value), "}"));
        tracee.line.clear();
    }

    void ended(pid_t pid, int status) {
        const auto known = tracees_.find(pid);
        if (known == tracees_.end()) return;
        if (!known->second.line.empty()) say(concat(known->second.line, ",\"gave\":null}"));
        say(concat("{\"p\":\"", known->second.name, "\",\"event\":\"ended\",\"status\":", std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)), "}"));
        counted_[known->second.name] = known->second.calls;
        tracees_.erase(known);
    }

    // A tracee must stand still to be let go; one in vfork stands when its child has been.
    void let_all_go() {
        for (auto& [pid, tracee] : tracees_) {
            counted_[tracee.name] = tracee.calls;
            ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
        }
        while (!tracees_.empty()) {
            int status = 0;
            const pid_t pid = ::waitpid(-1, &status, __WALL);
            if (pid < 0 && errno != EINTR) return;
            tracees_.erase(pid);
            const int event = status >> 16, signal = WSTOPSIG(status);
            if (pid > 0 && WIFSTOPPED(status)) ::ptrace(PTRACE_DETACH, pid, nullptr, event || signal == (SIGTRAP | 0x80) ? 0 : signal);
        }
    }

    void say(const std::string& line) const { std::fprintf(wanted_.log, "%s\n", line.c_str()); }

    void summarise() const {
        std::string out;
        for (const auto& [name, calls] : counted_) out += concat(out.empty() ? "" : ",", "\"", name, "\":", std::to_string(calls));
        say(concat("{\"event\":\"over\",\"calls\":{", out, "}}"));
    }

    Wanted wanted_;
    pid_t first_ = -1;
    std::map<pid_t, Tracee> tracees_;
    std::map<std::string, long> counted_;
};

bool parse_break(const std::string& text, Break& out) {
    const auto fields = split(text, ':');
    if (fields.size() != 3) return false;
    out.process = fields[0];
    out.number = std::atol(std::string(fields[1]).c_str());
    const std::string act(fields[2]);
    if (act == "kill") out.act = Act::kill;
    else if (act == "kill-first") out.act = Act::kill_first;
    else if (act == "short") out.act = Act::cut;
    else if (act.starts_with("fail=")) out.act = Act::fail, out.error = std::atoi(act.c_str() + 5);
    return out.act != Act::none && out.number > 0;
}

bool parse(int argc, char** argv, Wanted& wanted) {
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--calls") wanted.calls = true;
        else if (word == "--sites") wanted.sites = true;
        else if (word == "--log" && i + 1 < argc) wanted.log = std::fopen(argv[++i], "we");
        else if (word == "--at" && i + 1 < argc) {
            if (!parse_break(argv[++i], wanted.breaks.emplace_back())) return false;
        } else if (word == "--" && i + 1 < argc) {
            wanted.program = argv + i + 1;
            return wanted.log;
        } else return false;
    }
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    Wanted wanted;
    if (!parse(argc, argv, wanted)) {
        std::fputs("security_tracer [--log FILE] [--calls] [--sites] [--at PROCESS:N:fail=ERRNO|kill|kill-first|short]... -- PROGRAM ARGS...\n", stderr);
        return 125;
    }
    return Tracer(std::move(wanted)).run();
}
#endif

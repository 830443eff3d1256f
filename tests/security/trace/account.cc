// security_account: the container's process says what it is and what it may do, in one write. The fault sweep compares that
// with what the same process says when nothing has failed: any difference is a restriction that was lost on the way.
// casemate-probe judges more, but takes half a second; there are thousands of points. Static: the image holds nothing.
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

std::string account;

[[gnu::format(printf, 1, 2)]] void say(const char* format, ...) {
    char line[4096];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    account += line;
    account += '\n';
}

std::string content(const char* path) {
    std::string text;
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    char buffer[4096];
    for (ssize_t got; file >= 0 && (got = ::read(file, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(got));
    if (file >= 0) ::close(file);
    return text;
}

std::vector<std::string> lines_of(const char* path) {
    std::vector<std::string> lines;
    const std::string text = content(path);
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

void identity() {
    for (const std::string& line : lines_of("/proc/self/status"))
        for (const char* key : {"Umask:", "Uid:", "Gid:", "Groups:", "NSpid:", "Cap", "NoNewPrivs:", "Seccomp", "Speculation", "SigBlk:", "SigIgn:", "Cpus_allowed:"})
            if (line.starts_with(key)) say("%s", line.c_str());
    for (const int option : {PR_GET_SECUREBITS, PR_GET_DUMPABLE, PR_GET_KEEPCAPS, 66 /* PR_GET_MDWE */, PR_GET_TIMERSLACK, PR_GET_TSC})
        say("prctl %d: %d", option, ::prctl(option, 0, 0, 0, 0));
    int death = 0;
    ::prctl(PR_GET_PDEATHSIG, &death);
    say("dies by %d; session %d group %d", death, ::getsid(0) == ::getpid(), ::getpgrp() == ::getpid());
    for (int which = 0; which < RLIM_NLIMITS; ++which) {
        rlimit limit{};
        ::getrlimit(static_cast<__rlimit_resource>(which), &limit);
        say("limit %d: %llu %llu", which, static_cast<unsigned long long>(limit.rlim_cur), static_cast<unsigned long long>(limit.rlim_max));
    }
    char directory[4096] = "?";
    utsname name{};
    ::uname(&name);
    say("cwd %s host %s oom %s nice %d policy %d personality %x", ::getcwd(directory, sizeof directory) ? directory : "?", name.nodename,
        content("/proc/self/oom_score_adj").substr(0, 5).c_str(), ::getpriority(PRIO_PROCESS, 0), ::sched_getscheduler(0), static_cast<unsigned>(::personality(0xffffffff)));
    for (char** one = environ; *one; ++one) say("env %s", *one);
    say("cgroup %s", content("/proc/self/cgroup").c_str());
    for (const char* map : {"/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups"}) say("%s: %s", map, content(map).c_str());
}

void surroundings() {
    for (const std::string& line : lines_of("/proc/self/mountinfo")) {
        // Without the numbers of mount, parent and device: root, mount point, options, propagation, type, source, options.
        size_t at = 0;
        for (int field = 0; field < 3; ++field) at = line.find(' ', at) + 1;
        std::string kept = line.substr(at);
        if (const size_t peer = kept.find("master:"); peer != std::string::npos) kept.replace(peer, kept.find(' ', peer) - peer, "master:N");
        say("mount %s", kept.c_str());
    }
    for (int fd = 0; fd < 256; ++fd) {
        struct stat status{};
        if (::fstat(fd, &status) == 0) say("fd %d is %o, flags %x", fd, status.st_mode & S_IFMT, static_cast<unsigned>(::fcntl(fd, F_GETFL)) & 3);
    }
    for (const char* kind : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}) {
        char target[64] = {};
        const ssize_t got = ::readlink((std::string("/proc/self/ns/") + kind).c_str(), target, sizeof target - 1);
        say("ns %s", got > 0 ? target : kind);
    }
    for (const char* path : {"/", "/dev", "/sys", "/proc"}) {
        std::vector<std::string> names;
        if (DIR* open = ::opendir(path)) {
            while (const dirent* entry = ::readdir(open))
                if (entry->d_name[0] < '0' || entry->d_name[0] > '9') names.emplace_back(entry->d_name);
            ::closedir(open);
        }
        std::sort(names.begin(), names.end());
        std::string all;
        for (const std::string& name : names) all += " " + name;
        say("in %s:%s", path, all.c_str());
    }
}

void attempt(const char* what, long result) { say("%s: %s", what, result < 0 ? std::to_string(errno).c_str() : "done"); }

void attempts() {
    for (const char* path : {"/", "/etc", "/tmp", "/dev/shm", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sysrq-trigger", "/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern",
                             "/proc/1/mem", "/proc/self/attr/current", "/sys/firmware", "/sys/kernel", "/sys/fs/cgroup", "/dev/null", "/dev/mem", "/dev/kmsg", "/dev/tty"})
        for (const int how : {O_RDONLY, O_WRONLY}) {
            const int file = ::open(path, how | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
            attempt((std::string(how ? "write " : "read ") + path).c_str(), file);
            if (file >= 0) ::close(file);
        }
    for (const char* directory : {"/", "/tmp", "/dev/shm", "/etc", "/dev", "/proc", "/sys/fs/cgroup"}) {
        const std::string name = std::string(directory) + "/made-by-account";
        attempt(("mkdir " + name).c_str(), ::mkdir(name.c_str(), 0700));
        ::rmdir(name.c_str());
        attempt(("mknod " + name).c_str(), ::mknod(name.c_str(), S_IFCHR | 0600, 0x103));
        ::unlink(name.c_str());
    }
    say("write+execute: %s", ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? "denied" : "done");
    for (const int family : {AF_UNIX, AF_INET, AF_NETLINK, AF_PACKET, AF_VSOCK, 38 /* AF_ALG */}) attempt(("socket " + std::to_string(family)).c_str(), ::socket(family, family == AF_PACKET || family == AF_NETLINK ? SOCK_RAW : SOCK_STREAM, 0));
    const struct { const char* name; long number, a, b, c; } calls[] = {
        {"mount", SYS_mount, 0, 0, 0}, {"umount2", SYS_umount2, 0, 0, 0}, {"pivot_root", SYS_pivot_root, 0, 0, 0}, {"unshare user", SYS_unshare, 0x10000000, 0, 0}, {"unshare mnt", SYS_unshare, 0x20000, 0, 0},
        {"setns", SYS_setns, -1, 0, 0}, {"ptrace", SYS_ptrace, 0x4206, 1, 0}, {"bpf", 321, 0, 0, 0}, {"add_key", SYS_add_key, 0, 0, 0}, {"keyctl", SYS_keyctl, 0, -3, 0},
        {"perf_event_open", SYS_perf_event_open, 0, 0, 0}, {"io_uring_setup", 425, 0, 0, 0}, {"userfaultfd", SYS_userfaultfd, 0x80000, 0, 0}, {"init_module", SYS_init_module, 0, 0, 0},
        {"kexec_load", SYS_kexec_load, 0, 99, 0}, {"swapon", SYS_swapon, 0, 0, 0}, {"open_by_handle_at", SYS_open_by_handle_at, -1, 0, 0}, {"clone3", 435, 0, 0, 0}, {"fsopen", 430, 0, 0, 0},
        {"open_tree", 428, -1, 0, 0}, {"move_mount", 429, -1, 0, -1}, {"syslog", SYS_syslog, 10, 0, 0}, {"sethostname", SYS_sethostname, 0, -1, 0}, {"chroot", SYS_chroot, 0, 0, 0},
        {"acct", SYS_acct, 1, 0, 0}, {"quotactl", SYS_quotactl, 0, 0, 0}, {"setgroups", SYS_setgroups, 99999999, 0, 0}, {"memfd_secret", 447, -1, 0, 0}, {"landlock", 444, 0, 0, 1}, {"unknown", 1000, 0, 0, 0}};
    for (const auto& call : calls) attempt(call.name, ::syscall(call.number, call.a, call.b, call.c, 0L, 0L, 0L));
}

}  // namespace

int main(int argc, char**) {
    ::signal(SIGSYS, SIG_DFL);
    identity();
    surroundings();
    attempts();
    // In one piece: who reads half of it would take the other for lost. A pipe holds 64 KiB.
    const ssize_t wrote = ::write(1, account.data(), account.size());
    if (argc > 1) ::pause();
    return wrote == static_cast<ssize_t>(account.size()) ? 0 : 1;
}

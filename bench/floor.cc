// floor: the least that starting one OCI container costs: exactly the kernel work that the bundle of bench/start asks
// for, hard-coded. No JSON, no state, no policy: the filter comes as ready BPF. A yardstick, not a runtime: it checks
// nothing but that each call succeeds, and mounts by path because nobody hostile is here.
//
//   floor -r ROOTFS [-c none|v1|v2] [-b FILTER.bpf] -- PROGRAM [ARG...]
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

// <sys/mount.h> and <linux/mount.h> do not go together in this glibc.
extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*) noexcept;
extern "C" int umount2(const char*, int) noexcept;

namespace {

constexpr unsigned long rdonly = 1, nosuid = 2, nodev = 4, noexec = 8, bind_mount = 4096, recursive = 16384,
                        private_mount = 1ul << 18, strictatime = 1ul << 24, relatime = 1ul << 21;
constexpr int detach = 2;

struct Options {
    const char* rootfs = nullptr;
    std::string cgroup = "none";
    sock_fprog filter{};
    char** program = nullptr;
};
Options options;

[[noreturn]] void die(const char* what) {
    dprintf(2, "floor: %s: %s\n", what, strerror(errno));
    _exit(125);
}
long must(long result, const char* what) {
    if (result < 0) die(what);
    return result;
}

// The container's directories: one on v2, one a hierarchy on v1.
struct Cgroup {
    std::vector<std::string> directories;
    std::vector<const char*> hierarchies;
    int fd = -1;
};
Cgroup cgroup;

void make_cgroup() {
    const std::string name = "/floor-" + std::to_string(getpid());
    if (options.cgroup == "v2") {
        cgroup.directories.push_back("/sys/fs/cgroup" + name);
    } else if (options.cgroup == "v1") {
        cgroup.hierarchies = {"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd"};
        for (const char* hierarchy : cgroup.hierarchies)
            cgroup.directories.push_back(std::string("/sys/fs/cgroup/") + hierarchy + name);
    }
    for (const std::string& directory : cgroup.directories) must(mkdir(directory.c_str(), 0755), directory.c_str());
    if (options.cgroup == "v2")
        cgroup.fd = static_cast<int>(must(open(cgroup.directories[0].c_str(), O_PATH | O_CLOEXEC), "open cgroup"));
    for (const std::string& directory : cgroup.directories) {
        if (directory.find("/cpuset/") == directory.npos) continue;
        for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
            const int fd = static_cast<int>(must(open((directory + file).c_str(), O_WRONLY | O_CLOEXEC), file));
            must(write(fd, "0", 1), file);
            close(fd);
        }
    }
}

void join_v1_cgroups() {
    if (options.cgroup != "v1") return;
    for (const std::string& directory : cgroup.directories) {
        const int fd =
            static_cast<int>(must(open((directory + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC), "procs"));
        must(write(fd, "0", 1), "cgroup.procs");
        close(fd);
    }
}

void remove_cgroup() {
    for (const std::string& directory : cgroup.directories)
        for (int tries = 0; rmdir(directory.c_str()) != 0; ++tries) {
            if (errno != EBUSY || tries > 2000) die("rmdir cgroup");
            usleep(50);
        }
}

void lo_up() {
    const int fd = static_cast<int>(must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    ifreq request{};
    strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    must(ioctl(fd, SIOCSIFFLAGS, &request), "lo up");
    close(fd);
}

void make_devices() {
    must(mount("tmpfs", "dev", "tmpfs", nosuid | strictatime, "mode=755,size=65536k"), "/dev");
    struct {
        const char* path;
        unsigned major, minor;
    } const nodes[] = {{"dev/null", 1, 3}, {"dev/zero", 1, 5},   {"dev/full", 1, 7},
                       {"dev/tty", 5, 0},  {"dev/random", 1, 8}, {"dev/urandom", 1, 9}};
    for (const auto& node : nodes) must(mknod(node.path, S_IFCHR | 0666, makedev(node.major, node.minor)), node.path);
    must(symlink("/proc/self/fd", "dev/fd"), "dev/fd");
    must(symlink("/proc/self/fd/0", "dev/stdin"), "dev/stdin");
    must(symlink("/proc/self/fd/1", "dev/stdout"), "dev/stdout");
    must(symlink("/proc/self/fd/2", "dev/stderr"), "dev/stderr");
    must(symlink("pts/ptmx", "dev/ptmx"), "dev/ptmx");
    for (const char* directory : {"dev/pts", "dev/shm", "dev/mqueue"}) must(mkdir(directory, 0755), directory);
    must(mount("devpts", "dev/pts", "devpts", nosuid | noexec, "newinstance,ptmxmode=0666,mode=0620,gid=5"), "devpts");
    must(mount("shm", "dev/shm", "tmpfs", nosuid | noexec | nodev, "mode=1777,size=65536k"), "shm");
    must(mount("mqueue", "dev/mqueue", "mqueue", nosuid | noexec | nodev, nullptr), "mqueue");
}

void mount_cgroup() {
    if (options.cgroup == "v2")
        must(mount("cgroup", "sys/fs/cgroup", "cgroup2", nosuid | noexec | nodev | relatime | rdonly, nullptr),
             "cgroup2");
    if (options.cgroup != "v1") return;
    must(mount("tmpfs", "sys/fs/cgroup", "tmpfs", nosuid | noexec | nodev, "mode=755"), "cgroup tmpfs");
    for (size_t i = 0; i < cgroup.directories.size(); ++i) {
        const std::string target = std::string("sys/fs/cgroup/") + cgroup.hierarchies[i];
        must(mkdir(target.c_str(), 0755), "mkdir");
        must(mount(cgroup.directories[i].c_str(), target.c_str(), nullptr, bind_mount, nullptr), "bind cgroup");
    }
}

void enter_root() {
    must(mount(nullptr, "/", nullptr, recursive | private_mount, nullptr), "private");
    must(mount(options.rootfs, options.rootfs, nullptr, bind_mount | recursive, nullptr), "bind rootfs");
    must(chdir(options.rootfs), "chdir");
    must(mount("proc", "proc", "proc", 0, nullptr), "proc");
    umask(0);
    make_devices();
    must(mount("sysfs", "sys", "sysfs", nosuid | noexec | nodev | rdonly, nullptr), "sysfs");
    mount_cgroup();
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", detach), "umount old root");
    must(chdir("/"), "chdir /");
}

// One read-only tmpfs on the first directory, cloned onto the others; /dev/null over files. Mounted straight on its
// target: closing a still detached mount waits for an RCU grace period (0.2 ms).
void mask_paths() {
    const char* first = nullptr;
    for (const char* path :
         {"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"}) {
        struct stat status {};
        if (lstat(path, &status) != 0) continue;
        if (S_ISDIR(status.st_mode) && first == nullptr) {
            must(mount("tmpfs", path, "tmpfs", rdonly | nosuid | nodev | noexec, "size=0"), path);
            first = path;
            continue;
        }
        const char* source = S_ISDIR(status.st_mode) ? first : "/dev/null";
        must(mount(source, path, nullptr, bind_mount, nullptr), path);
    }
}

void make_readonly() {
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    for (const char* path : {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}) {
        const long tree = syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree < 0) continue;
        must(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes), path);
        must(syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH), path);
        close(static_cast<int>(tree));
    }
    must(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attributes, sizeof attributes), "root read-only");
}

void drop_privileges() {
    const int kept[] = {CAP_AUDIT_WRITE, CAP_KILL, CAP_NET_BIND_SERVICE};
    uint64_t keep = 0;
    for (const int capability : kept) keep |= 1ull << capability;
    for (int capability = 0; capability <= CAP_LAST_CAP; ++capability)
        if ((keep >> capability & 1) == 0) must(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "bounding set");
    const rlimit limit{1024, 1024};
    must(setrlimit(RLIMIT_NOFILE, &limit), "rlimit");
    must(syscall(SYS_setgroups, 0, nullptr), "setgroups");
    must(syscall(SYS_setresgid, 0, 0, 0), "setresgid");
    must(syscall(SYS_setresuid, 0, 0, 0), "setresuid");
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    data[0].effective = data[0].permitted = data[0].inheritable = static_cast<uint32_t>(keep);
    must(syscall(SYS_capset, &header, data), "capset");
    for (const int capability : kept) must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), "ambient");
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    must(syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC), "close_range");
    umask(022);
}

[[noreturn]] void contained() {
    join_v1_cgroups();
    must(sethostname("bench", 5), "sethostname");
    lo_up();
    setsid();
    enter_root();
    mask_paths();
    make_readonly();
    drop_privileges();
    if (options.filter.len > 0)
        must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &options.filter), "seccomp");
    static const char* const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", nullptr};
    execve(options.program[0], options.program, const_cast<char**>(environment));
    die("execve");
}

// clone3 that shares memory until exec, on a stack of its own; glibc has no wrapper for it.
pid_t clone_shared(clone_args& arguments, void (*entry)()) {
    constexpr size_t stack_bytes = 65536;
    void* stack = mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) die("mmap");
    arguments.stack = reinterpret_cast<uint64_t>(stack);
    arguments.stack_size = stack_bytes;
    arguments.flags |= CLONE_VM | CLONE_VFORK;
#if defined(__x86_64__)
    long result = SYS_clone3;
    asm volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "call *%%rdx\n\t"
        "hlt\n"
        "1:"
        : "+a"(result)
        : "D"(&arguments), "S"(sizeof arguments), "d"(entry)
        : "rcx", "r11", "memory");
#else
    arguments.stack = arguments.stack_size = 0;
    arguments.flags &= ~static_cast<uint64_t>(CLONE_VM | CLONE_VFORK);
    long result = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (result == 0) entry();
    if (result < 0) result = -errno;
#endif
    if (result < 0) {
        errno = static_cast<int>(-result);
        die("clone3");
    }
    return static_cast<pid_t>(result);
}

void read_filter(const char* path) {
    const int fd = static_cast<int>(must(open(path, O_RDONLY | O_CLOEXEC), path));
    struct stat status {};
    must(fstat(fd, &status), "fstat");
    void* bytes = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED) die("mmap filter");
    options.filter.len = static_cast<unsigned short>(static_cast<size_t>(status.st_size) / sizeof(sock_filter));
    options.filter.filter = static_cast<sock_filter*>(bytes);
    close(fd);
}

}  // namespace

int main(int argc, char** argv) {
    for (int option; (option = getopt(argc, argv, "+r:c:b:")) != -1;) {
        if (option == 'r') options.rootfs = optarg;
        if (option == 'c') options.cgroup = optarg;
        if (option == 'b') read_filter(optarg);
        if (option == '?') return 2;
    }
    if (options.rootfs == nullptr || optind >= argc) {
        fputs("usage: floor -r ROOTFS [-c none|v1|v2] [-b FILTER.bpf] -- PROGRAM [ARG...]\n", stderr);
        return 2;
    }
    options.program = argv + optind;

    make_cgroup();
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    arguments.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    if (options.cgroup == "v2") {
        arguments.flags |= CLONE_NEWCGROUP | CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<uint64_t>(cgroup.fd);
    }
    const pid_t pid = clone_shared(arguments, contained);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) die("waitpid");
    remove_cgroup();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

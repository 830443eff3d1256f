// Acts on paths: reading, writing, creating, mount flags as the kernel itself tells them, and programs of our own.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "proof/probe/act.h"

namespace casemate::probe {

namespace {

constexpr const char* our_name = ".casemate-probe";

std::string in(const std::string& directory) { return concat(directory, directory == "/" ? "" : "/", our_name); }

std::vector<std::string> entries(const std::string& directory) {
    std::vector<std::string> names;
    DIR* stream = opendir(directory.c_str());
    if (!stream) return names;
    while (const dirent* entry = readdir(stream)) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
    }
    closedir(stream);
    std::sort(names.begin(), names.end());
    return names;
}

// "empty" is what a mask shows: a file without bytes, a directory without entries.
std::string read_path(const std::string& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return failed();
    const Fd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file) return failed();
    if (S_ISDIR(info.st_mode)) return entries(path).empty() ? "empty" : "ok";
    char byte = 0;
    const ssize_t got = read(file.get(), &byte, 1);
    if (got == 0) return "empty";
    return outcome(got);
}

std::string write_path(const std::string& path) {
    const Fd file(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    return outcome(file.get());
}

// Opens and writes "PATH TEXT": for files of procfs whose open says little.
std::string write_text(const std::string& object) {
    std::string text = object;
    const std::string path = take(text, ' ');
    const Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file) return failed();
    return outcome(write(file.get(), text.data(), text.size()));
}

std::string create(const std::string& directory) {
    const std::string path = in(directory);
    const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) return failed();
    unlink(path.c_str());
    return "ok";
}

std::string make_directory(const std::string& directory) {
    const std::string path = in(directory);
    if (mkdir(path.c_str(), 0700) != 0) return failed();
    rmdir(path.c_str());
    return "ok";
}

// The file's own mode, so that nothing changes where it is allowed.
std::string change_mode(const std::string& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return failed();
    return outcome(chmod(path.c_str(), info.st_mode & 07777));
}

// "PATH FLAG,FLAG": "ok" when statfs(2) shows them all, else those that lack.
std::string mount_flags(const std::string& object) {
    std::string wanted = object;
    const std::string path = take(wanted, ' ');
    struct statfs info {};
    if (statfs(path.c_str(), &info) != 0) return failed();
    std::string lacking;
    while (!wanted.empty()) {
        const std::string flag = take(wanted, ',');
        const long bit = flag == "ro"       ? ST_RDONLY
                         : flag == "nosuid" ? ST_NOSUID
                         : flag == "nodev"  ? ST_NODEV
                         : flag == "noexec" ? ST_NOEXEC
                                            : 0;
        if (bit == 0 || !(info.f_flags & bit)) lacking += concat(lacking.empty() ? "not " : ",", flag);
    }
    return lacking.empty() ? "ok" : lacking;
}

std::string make_node(const std::string& object) {
    std::string directory = object;
    const std::string type = take(directory, ' ');
    const std::string path = in(directory);
    constexpr unsigned null_major = 1, null_minor = 3, loop_major = 7;
    const bool block = type == "block";
    const dev_t device = block ? makedev(loop_major, 0) : makedev(null_major, null_minor);
    const int made = mknod(path.c_str(), (block ? S_IFBLK : S_IFCHR) | 0600, device);
    const std::string seen = outcome(made);
    if (made == 0) unlink(path.c_str());
    return seen;
}

// "DIRECTORY NAME,NAME...": entries beyond those named.
std::string only_entries(const std::string& object) {
    std::string known = object;
    const std::string directory = take(known, ' ');
    std::string extra;
    for (const std::string& name : entries(directory)) {
        if ((',' + known + ',').find(',' + name + ',') == std::string::npos) extra += (extra.empty() ? "" : " ") + name;
    }
    return extra.empty() ? "ok" : extra;
}

Result<Fd> written_program(const std::string& path) {
    Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700));
    if (!file) return Error::sys("open");
    const auto program = smallest_program();
    if (write(file.get(), program.data(), program.size()) != static_cast<ssize_t>(program.size()))
        return Error::sys("write");
    return file;
}

std::string exec_here(const std::string& path) {
    const pid_t child = fork();
    if (child == 0) {
        char* const nothing[] = {nullptr};
        char* const argv[] = {const_cast<char*>("probe"), nullptr};
        execve(path.c_str(), argv, nothing);
        _exit(errno);
    }
    return child_outcome(child);
}

// Writes a program to the directory and starts it.
std::string exec_from(const std::string& directory) {
    const std::string path = in(directory);
    auto file = written_program(path);
    if (!file) return errno_name(file.error().code());
    std::move(file).take().reset();  // ETXTBSY while it is open for writing
    const std::string seen = exec_here(path);
    unlink(path.c_str());
    return seen;
}

std::string map_from(const std::string& directory) {
    const std::string path = in(directory);
    const auto file = written_program(path);
    if (!file) return errno_name(file.error().code());
    void* mapped = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file.value().get(), 0);
    const std::string seen = mapped == MAP_FAILED ? failed() : "ok";
    unlink(path.c_str());
    return seen;
}

// Does an existing program start? Its exit code does not matter.
std::string exec_path(const std::string& path) {
    const pid_t child = fork();
    if (child == 0) {
        const int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3 && null >= 0; ++fd) dup2(null, fd);
        fcntl(null, F_SETFD, FD_CLOEXEC);
        char* const nothing[] = {nullptr};
        char* const argv[] = {const_cast<char*>(path.c_str()), nullptr};
        execve(path.c_str(), argv, nothing);
        _exit(errno);
    }
    const std::string seen = child_outcome(child);
    return seen == "EACCES" || seen == "ENOENT" || seen == "EPERM" || seen == "ENOEXEC" ? seen : "ok";
}

// The copy of this probe that the launcher made setuid: exec'ed, it says whether it gained anything.
std::string setid_copy(const std::string& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return "skip: no setuid file was prepared";
    if (!(info.st_mode & (S_ISUID | S_ISGID))) return "skip: the prepared file has no setuid bit";
    const pid_t child = fork();
    if (child == 0) {
        const std::string own = concat(getuid(), ' ', getgid());
        int out[2];
        if (pipe(out) != 0) _exit(errno);
        const pid_t inner = fork();
        if (inner == 0) {
            dup2(out[1], STDOUT_FILENO);
            char* const argv[] = {const_cast<char*>("probe"), const_cast<char*>("effective-ids"), const_cast<char*>(""),
                                  nullptr};
            char* const nothing[] = {nullptr};
            execve(path.c_str(), argv, nothing);
            _exit(errno);
        }
        close(out[1]);
        char text[64] = {};
        const ssize_t got = read(out[0], text, sizeof text - 1);
        if (got <= 0) _exit(EACCES);
        _exit(std::string(text, static_cast<size_t>(got)) == concat("0 ", own, '\n') ? child_ok : EUCLEAN);
    }
    const std::string seen = child_outcome(child);
    return seen == "ok" ? "gained nothing" : seen == "EUCLEAN" ? "gained privilege" : seen;
}

// Any setuid file that the image holds in the usual places, on a mount that would honour it.
std::string setid_in_image(const std::string&) {
    bool found = false;
    for (const char* directory : {"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/lib/openssh", "/usr/libexec"}) {
        for (const std::string& name : entries(directory)) {
            const std::string path = concat(directory, '/', name);
            struct stat info {};
            struct statfs mount {};
            if (lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || !(info.st_mode & (S_ISUID | S_ISGID)))
                continue;
            found = true;
            if (statfs(path.c_str(), &mount) != 0 || !(mount.f_flags & ST_NOSUID)) return "honoured: " + path;
        }
    }
    return found ? "ignored" : "skip: the image holds no setuid file";
}

// "DIRECTORY BYTES": writes more than that.
std::string fill(const std::string& object) {
    std::string size_text = object;
    const std::string directory = take(size_text, ' ');
    const auto size = parse_decimal(size_text, uint64_t{1} << 30);
    if (!size) return "wrong act";
    const std::string path = in(directory);
    const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) return failed();
    unlink(path.c_str());
    static const std::array<char, 1 << 18> block{};
    for (uint64_t written = 0; written < *size + 2 * block.size();) {
        const ssize_t got = write(file.get(), block.data(), block.size());
        if (got < 0) return failed();
        written += static_cast<uint64_t>(got);
    }
    return "ok";
}

std::string mount_tmpfs(const std::string& target) {
    return outcome(mount("probe", target.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k"));
}

std::string change_root(const std::string& target) { return outcome(chroot(target.c_str())); }

// The process 1 that we see: its root must be ours, or out of reach.
std::string root_of_first(const std::string&) {
    struct stat own {
    }, first{};
    if (stat("/", &own) != 0) return failed();
    if (stat("/proc/1/root/.", &first) != 0) return "out of reach";
    return own.st_dev == first.st_dev && own.st_ino == first.st_ino ? "our own" : "another root";
}

constexpr std::array<Act, 18> acts = {{{"fill", fill},
                                       {"read", read_path},
                                       {"write", write_path},
                                       {"write-text", write_text},
                                       {"create", create},
                                       {"mkdir", make_directory},
                                       {"chmod", change_mode},
                                       {"mount-flags", mount_flags},
                                       {"mknod", make_node},
                                       {"only-entries", only_entries},
                                       {"exec-from", exec_from},
                                       {"map-from", map_from},
                                       {"exec", exec_path},
                                       {"setid-copy", setid_copy},
                                       {"setid-image", setid_in_image},
                                       {"mount", mount_tmpfs},
                                       {"chroot", change_root},
                                       {"root-of-1", root_of_first}}};

}  // namespace

std::span<const Act> file_acts() { return acts; }

}  // namespace casemate::probe

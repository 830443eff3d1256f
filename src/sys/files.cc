// Files: thin wrappers, O_CLOEXEC always.
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <climits>

#include "sys/call.h"

namespace casemate::sys {

Result<Fd> openat2(FdView directory, const char* path, uint64_t flags, uint64_t resolve, mode_t mode) {
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.mode = mode;
    how.resolve = resolve;
    // EAGAIN: a rename or mount raced with the walk (openat2(2)); a hostile peer could do so for ever, hence the bound.
    for (int attempt = 0;; ++attempt) {
        const long fd = ::syscall(SYS_openat2, directory.get(), path, &how, sizeof how);
        if (fd >= 0) return Fd(static_cast<int>(fd));
        if ((errno == EAGAIN || errno == EINTR) && attempt < 128) continue;
        if (errno == ENOSYS)
            return Error::sys("openat2").hint("casemate needs openat2(2), Linux 5.6; it has no weaker way to resolve paths");
        return Error::sys("openat2");
    }
}

Result<Fd> open(const char* path, int flags, mode_t mode) {
    const int fd = ::open(path, flags | O_CLOEXEC, mode);
    if (fd < 0) return Error::sys("open");
    return Fd(fd);
}

Result<struct stat> fstat(FdView fd) {
    struct stat status {};
    if (::fstat(fd.get(), &status) < 0) return Error::sys("fstat");
    return status;
}

Result<struct stat> fstatat(FdView directory, const char* path, int flags) {
    struct stat status {};
    if (::fstatat(directory.get(), path, &status, flags) < 0) return Error::sys("fstatat");
    return status;
}

Result<uint64_t> filesystem_magic(FdView fd) {
    struct statfs status {};
    if (::fstatfs(fd.get(), &status) < 0) return Error::sys("fstatfs");
    return static_cast<uint64_t>(status.f_type);
}

Result<std::string> read_all(FdView fd, size_t limit) {
    std::string text;
    char buffer[16384];
    while (true) {
        const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return Error::sys("read");
        if (count == 0) return text;
        if (text.size() + static_cast<size_t>(count) > limit) return Error::from_errno(EFBIG, "read");
        text.append(buffer, static_cast<size_t>(count));
    }
}

Result<std::string> read_file(FdView directory, const char* path, size_t limit) {
    const int fd = ::openat(directory.get(), path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return Error::sys("openat");
    const Fd file(fd);
    return read_all(file, limit);
}

Result<void> write_all(FdView fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd.get(), text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return Error::sys("write");
        text.remove_prefix(static_cast<size_t>(count));
    }
    return {};
}

Result<void> write_file(FdView directory, const char* path, std::string_view text) {
    const int raw = ::openat(directory.get(), path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (raw < 0) return Error::sys("openat");
    const Fd file(raw);
    const ssize_t count = ::write(file.get(), text.data(), text.size());
    if (count < 0) return Error::sys("write");
    if (static_cast<size_t>(count) != text.size()) return Error::from_errno(EIO, "short write");
    return {};
}

Result<std::string> readlinkat(FdView directory, const char* path) {
    char buffer[PATH_MAX];
    const ssize_t count = ::readlinkat(directory.get(), path, buffer, sizeof buffer);
    if (count < 0) return Error::sys("readlinkat");
    return std::string(buffer, static_cast<size_t>(count));
}

Result<void> mkdirat(FdView directory, const char* path, mode_t mode) {
    if (::mkdirat(directory.get(), path, mode) < 0) return Error::sys("mkdirat");
    return {};
}

Result<void> close_range(unsigned first, unsigned last) {
    if (::syscall(SYS_close_range, first, last, 0) < 0) return Error::sys("close_range");
    return {};
}

Result<Fd> duplicate(FdView fd) {
    const int copy = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return Error::sys("fcntl F_DUPFD_CLOEXEC");
    return Fd(copy);
}

Result<void> wait_readable(FdView fd, int timeout_ms) {
    pollfd waiting{fd.get(), POLLIN, 0};
    int ready;
    do ready = ::poll(&waiting, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return Error::sys("poll");
    if (ready == 0) return Error::from_errno(ETIMEDOUT, "poll");
    return {};
}

Result<Fd> memfd(const char* name, unsigned flags) {
    const int fd = ::memfd_create(name, flags | MFD_CLOEXEC);
    if (fd < 0) return Error::sys("memfd_create");
    return Fd(fd);
}

}  // namespace casemate::sys

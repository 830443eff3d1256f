// The image is hostile: each name is opened once, without following a link, and judged by what was opened. The size of
// the tmpfs bounds what is copied.
#include "steps/init/copy_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::steps::init {
namespace {

constexpr int deepest = 64;

// By name: what was just made at `to`/`name` is ours alone, as the tmpfs is attached nowhere.
Result<void> take_attributes(FdView to, const char* name, const struct stat& status) {
    if (::fchownat(to.get(), name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0) return Error::sys("fchownat");
    if (!S_ISLNK(status.st_mode) && ::fchmodat(to.get(), name, status.st_mode & 07777, 0) < 0) return Error::sys("fchmodat");
    const timespec times[2] = {status.st_atim, status.st_mtim};
    if (::utimensat(to.get(), name, times, AT_SYMLINK_NOFOLLOW) < 0) return Error::sys("utimensat");
    return {};
}

Result<void> copy_file(FdView from, const char* name, FdView to) {
    const Fd source = TRY(sys::openat2(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0));
    const struct stat status = TRY(sys::fstat(source));
    if (!S_ISREG(status.st_mode)) return Error::invalid("changed while it was copied");
    const Fd copy = TRY(sys::openat2(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0, 0600));
    constexpr size_t chunk = size_t{1} << 24;
    ssize_t moved;
    do moved = ::sendfile(copy.get(), source.get(), nullptr, chunk);
    while (moved > 0 || (moved < 0 && errno == EINTR));
    if (moved < 0) return Error::sys("sendfile");
    return {};
}

Result<void> copy_directory(FdView from, FdView to, int depth);

Result<void> copy_entry(FdView from, const char* name, FdView to, int depth) {
    const struct stat status = TRY(sys::fstatat(from, name, AT_SYMLINK_NOFOLLOW));
    if (S_ISDIR(status.st_mode)) {
        TRY(sys::mkdirat(to, name, 0700));
        const Fd inner_from = TRY(sys::openat2(from, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0));
        const Fd inner_to = TRY(sys::openat2(to, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0));
        TRY(copy_directory(inner_from, inner_to, depth + 1));
    } else if (S_ISREG(status.st_mode)) {
        TRY(copy_file(from, name, to));
    } else if (S_ISLNK(status.st_mode)) {
        const std::string target = TRY(sys::readlinkat(from, name));
        if (::symlinkat(target.c_str(), to.get(), name) < 0) return Error::sys("symlinkat");
    } else if (S_ISFIFO(status.st_mode)) {
        if (::mknodat(to.get(), name, S_IFIFO | 0600, 0) < 0) return Error::sys("mknodat");
    } else {
        return {};
    }
    return take_attributes(to, name, status);
}

Result<void> copy_directory(FdView from, FdView to, int depth) {
    if (depth > deepest) return Error::from_errno(EOVERFLOW, concat("more than ", deepest, " directories deep"));
    Fd readable = TRY(sys::openat2(from, ".", O_RDONLY | O_DIRECTORY, 0));
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(readable.get()), ::closedir);
    if (!stream) return Error::sys("fdopendir");
    (void)readable.release();  // the stream's
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") TRY_IN(quoted(name), copy_entry(from, entry->d_name, to, depth));
        errno = 0;
    }
    if (errno != 0) return Error::sys("readdir");
    return {};
}

}  // namespace

Result<void> copy_up(FdView from, FdView to) {
    TRY_IN("tmpcopyup", copy_directory(from, to, 0));
    return {};
}

}  // namespace casemate::steps::init

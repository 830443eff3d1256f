#include "sys/removal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::sys {
namespace {

constexpr int depth_max = 256;
constexpr int scratch_depth = 32;

// The names in a directory. Read as a whole: removing while reading may skip some.
Result<std::vector<std::string>> names_in(FdView directory) {
    Fd copy(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!copy) return Error::sys("openat");
    std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), ::closedir);
    if (!stream) return Error::sys("fdopendir");
    copy.release();
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
        errno = 0;
    }
    if (errno != 0) return Error::sys("readdir");
    return names;
}

Result<void> remove_in(FdView directory, uint64_t inode, const std::string& leaf, dev_t device, const Keep& keep,
                       int depth) {
    const bool kept = keep(inode, leaf);
    if (!kept) {
        if (::unlinkat(directory.get(), leaf.c_str(), 0) == 0 || errno == ENOENT) return {};
        if (errno != EISDIR && errno != EPERM) return Error::sys(concat("unlinkat ", quoted(leaf)));
    }
    Fd child(::openat(directory.get(), leaf.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!child) {
        if (kept && (errno == ENOTDIR || errno == ELOOP || errno == ENOENT)) return {};
        return Error::sys(concat("openat ", quoted(leaf)));
    }
    const struct stat status = TRY(sys::fstat(child));
    if (status.st_dev != device) return Error::with_code(EXDEV, concat(quoted(leaf), ": another file system"));
    if (depth >= depth_max) return Error::with_code(ELOOP, concat("deeper than ", depth_max, " directories"));
    for (const std::string& name : TRY(names_in(child)))
        TRY(remove_in(child, status.st_ino, name, device, keep, depth + 1));
    if (kept) return {};
    child.reset();
    if (::unlinkat(directory.get(), leaf.c_str(), AT_REMOVEDIR) == 0 || errno == ENOTEMPTY) return {};
    return Error::sys(concat("unlinkat ", quoted(leaf)));
}

Fd open_own_directory(FdView directory, const std::string& leaf) {
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Fd child(::openat(directory.get(), leaf.c_str(), flags));
    if (child || errno != EACCES) return child;
    // A directory of ours with mode 0; nobody else can reach into the scratch directory (0700).
    if (::fchmodat(directory.get(), leaf.c_str(), 0700, AT_SYMLINK_NOFOLLOW) != 0) return child;
    return Fd(::openat(directory.get(), leaf.c_str(), flags));
}

// Empties `directory`; what is deeper than scratch_depth is moved into `top` under a fresh name for a later round.
Result<void> empty_scratch(FdView directory, FdView top, int depth, uint64_t& moved) {
    struct stat status = TRY(sys::fstat(directory));
    if ((status.st_mode & 0700) != 0700 && ::fchmod(directory.get(), 0700) != 0) return Error::sys("fchmod");
    for (const std::string& name : TRY(names_in(directory))) {
        if (::unlinkat(directory.get(), name.c_str(), 0) == 0 || errno == ENOENT) continue;
        if (errno != EISDIR && errno != EPERM) return Error::sys(concat("unlinkat ", quoted(name)));
        Fd child = open_own_directory(directory, name);
        if (!child) return Error::sys(concat("openat ", quoted(name)));
        if (depth >= scratch_depth) {
            if (::fchmod(child.get(), 0700) != 0) return Error::sys("fchmod");
            const std::string fresh = concat(".deep-", moved++);
            if (::renameat(directory.get(), name.c_str(), top.get(), fresh.c_str()) != 0) return Error::sys("renameat");
            continue;
        }
        TRY(empty_scratch(child, top, depth + 1, moved));
        child.reset();
        if (::unlinkat(directory.get(), name.c_str(), AT_REMOVEDIR) != 0)
            return Error::sys(concat("unlinkat ", quoted(name)));
    }
    return {};
}

}  // namespace

Result<void> remove_below(FdView directory, const std::string& leaf, dev_t device, const Keep& keep) {
    const struct stat status = TRY(sys::fstat(directory));
    return remove_in(directory, status.st_ino, leaf, device, keep, 0);
}

Result<void> remove_children(FdView directory, dev_t device, const Keep& keep) {
    const struct stat status = TRY(sys::fstat(directory));
    for (const std::string& name : TRY(names_in(directory)))
        TRY(remove_in(directory, status.st_ino, name, device, keep, 0));
    return {};
}

Result<void> remove_scratch(FdView directory, const std::string& leaf) {
    Fd top = open_own_directory(directory, leaf);
    if (!top) {
        if (errno == ENOENT) return {};
        return Error::sys(concat("openat ", quoted(leaf)));
    }
    uint64_t moved = 0;
    for (bool again = true; again;) {
        const uint64_t before = moved;
        TRY(empty_scratch(top, top, 0, moved));
        again = moved != before;
    }
    top.reset();
    if (::unlinkat(directory.get(), leaf.c_str(), AT_REMOVEDIR) != 0)
        return Error::sys(concat("unlinkat ", quoted(leaf)));
    return {};
}

}  // namespace casemate::sys

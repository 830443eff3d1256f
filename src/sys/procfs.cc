// Verified procfs: every open is checked by the kernel not to cross a mount and not to follow a symlink, so that what a
// bind mount put over a proc file is never read or written (CVE-2019-19921, CVE-2025-52881).
#include "sys/procfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::sys {

namespace {

constexpr uint64_t resolve_strictly = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH;
constexpr uint64_t proc_root_inode = 1;

// "self/..." with the number that this procfs knows us by: "self" is a symlink, and none is followed.
Result<std::string> numbered(FdView mount, const std::string& path) {
    if (path != "self" && path.compare(0, 5, "self/") != 0) return path;
    const std::string number = TRY_IN("self", readlinkat(mount, "self"));
    if (!parse_decimal(number)) return Error::invalid("procfs: 'self' leads to no number");
    return number + path.substr(4);
}

}  // namespace

Result<Procfs> Procfs::make() {
    MountBuilder builder = TRY(MountBuilder::open("proc"));
    return Procfs(TRY(builder.mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)), true);
}

Result<Procfs> Procfs::host() {
    Fd mount = TRY(sys::open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW));
    if (TRY(filesystem_magic(mount)) != PROC_SUPER_MAGIC || TRY(fstat(mount)).st_ino != proc_root_inode) {
        return Error::invalid("'/proc' is not the root of a procfs");
    }
    return Procfs(std::move(mount));
}

Result<Fd> Procfs::open(const std::string& path, int flags) const {
    const std::string name = TRY_IN("procfs", numbered(mount_, path));
    return TRY_IN(concat("procfs '", path, "'"),
                  openat2(mount_, name.c_str(), static_cast<uint64_t>(flags), resolve_strictly));
}

Result<std::string> Procfs::read(const std::string& path, size_t limit) const {
    const Fd file = TRY(open(path, O_RDONLY));
    return TRY_IN(concat("procfs '", path, "'"), read_all(file, limit));
}

Result<void> Procfs::write(const std::string& path, std::string_view text) const {
    const Fd file = TRY(open(path, O_WRONLY));
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0) return Error::sys(concat("procfs '", path, "': write"));
    if (static_cast<size_t>(written) != text.size())
        return Error::from_errno(EIO, concat("procfs '", path, "': short write"));
    return {};
}

Result<uint64_t> Procfs::namespace_inode(const std::string& process, const std::string& kind) const {
    const std::string path = concat(process, "/ns/", kind);
    const std::string where = concat("procfs '", path, "'");
    // What the link itself says: "net:[4026531840]". Of the host's /proc only after an open that crossed no mount.
    const Fd link = ours_ ? Fd() : TRY(open(path, O_PATH | O_NOFOLLOW));
    const std::string text = TRY_IN(where, ours_ ? readlinkat(mount_, path.c_str()) : readlinkat(link, ""));
    const size_t open_bracket = text.find(":[");
    if (open_bracket != std::string::npos && text.back() == ']') {
        const std::string_view digits = std::string_view(text).substr(open_bracket + 2, text.size() - open_bracket - 3);
        if (const auto inode = parse_decimal(digits)) return *inode;
    }
    return Error::invalid(concat(where, ": not a namespace: ", quoted(text)));
}

Result<Fd> Procfs::namespace_fd(const std::string& process, const std::string& kind) const {
    const Fd directory = TRY(open(concat(process, "/ns"), O_PATH | O_DIRECTORY));
    const std::string where = concat("procfs '", process, "/ns/", kind, "'");
    Fd opened = TRY_IN(where, openat2(directory, kind.c_str(), O_RDONLY, 0));
    // The magic link was followed: nsfs and the inode prove that nothing else lay over it.
    if (TRY_IN(where, filesystem_magic(opened)) != NSFS_MAGIC ||
        TRY_IN(where, fstat(opened)).st_ino != TRY(namespace_inode(process, kind))) {
        return Error::invalid(concat(where, ": not that namespace"));
    }
    return opened;
}

Result<std::vector<int>> Procfs::descriptors(const std::string& process) const {
    const Fd directory = TRY(open(concat(process, "/fd"), O_RDONLY | O_DIRECTORY));
    const bool own = process == "self" || process == TRY(readlinkat(mount_, "self"));
    std::vector<int> numbers;
    alignas(dirent64) char buffer[4096];
    for (;;) {
        const long got = syscall(SYS_getdents64, directory.get(), buffer, sizeof buffer);
        if (got < 0) return Error::sys(concat("procfs '", process, "/fd': getdents64"));
        if (got == 0) break;
        for (long at = 0; at < got;) {
            const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
            at += entry->d_reclen;
            const auto number = parse_decimal(entry->d_name, INT32_MAX);
            if (number && !(own && static_cast<int>(*number) == directory.get()))
                numbers.push_back(static_cast<int>(*number));
        }
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

Result<std::string> Procfs::descriptor_path(FdView fd) const {
    return readlinkat(mount_, concat("self/fd/", fd.get()).c_str());
}

}  // namespace casemate::sys

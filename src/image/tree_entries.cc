// Tree's non-directories and the metadata of all of them. Order of the calls: owner first (chown(2) clears set-id bits
// and file capabilities), then mode, attributes, and the time last.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"
#include "image/tree.h"
#include "sys/call.h"

namespace casemate::image {
namespace {

Result<void> set_time(FdView fd, const Entry& entry) {
    const timespec time{static_cast<time_t>(entry.mtime.seconds), static_cast<long>(entry.mtime.nanoseconds)};
    const timespec times[2] = {time, time};
    if (::utimensat(fd.get(), "", times, AT_EMPTY_PATH) != 0) return Error::sys("utimensat");
    return {};
}

Result<void> write_piece(FdView fd, std::span<const uint8_t> piece) {
    while (!piece.empty()) {
        const ssize_t done = ::write(fd.get(), piece.data(), piece.size());
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return Error::sys("write");
        piece = piece.subspan(static_cast<size_t>(done));
    }
    return {};
}

// In an overlay that was mounted without privilege a copied file keeps its old number under its old name; everything else
// is that of the one file, with the time of the link in its ctime.
bool is_same_file(const struct stat& a, const struct stat& b) {
    const auto same = [](const timespec& one, const timespec& other) { return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec; };
    if (a.st_dev != b.st_dev) return false;
    return a.st_ino == b.st_ino || (a.st_nlink == b.st_nlink && a.st_nlink > 1 && a.st_size == b.st_size && a.st_mode == b.st_mode && same(a.st_mtim, b.st_mtim) &&
                                    same(a.st_ctim, b.st_ctim));
}

}  // namespace

Result<void> Tree::give_owner(FdView fd, const Entry& entry) const {
    if (!options_.own) return {};
    if (options_.shift_ids != 0 && (entry.uid >= options_.shift_ids || entry.gid >= options_.shift_ids))
        return Error::with_code(ERANGE, concat("owner ", entry.uid, ":", entry.gid, " does not fit into the ",
                                               options_.shift_ids, " ids of the container's range"));
    // shift + shift_ids was checked not to wrap.
    const uid_t uid = entry.uid + options_.shift;
    const gid_t gid = entry.gid + options_.shift;
    if (::fchownat(fd.get(), "", uid, gid, AT_EMPTY_PATH) != 0) return Error::sys("fchownat");
    return {};
}

// Set-id bits of a directory give nobody privileges: they pass the group on.
uint32_t Tree::mode_of(const Entry& entry) {
    if (entry.type == EntryType::directory || options_.setid != Setid::strip || (entry.mode & 06000) == 0)
        return entry.mode;
    ++counts_.stripped_setid;
    return entry.mode & 01777;
}

// U10: user.* but for overlayfs's own; file capabilities where they are kept. Everything else is dropped and counted:
// trusted.* and security.* would speak to the host's kernel, system.* are ACLs, whose ids nobody maps.
Result<void> Tree::give_xattrs(FdView fd, const Entry& entry) {
    if (entry.acls) ++counts_.dropped_xattrs;
    size_t total = 0;
    for (const Xattr& xattr : entry.xattrs) total += xattr.name.size() + xattr.value.size();
    if (total > limits_.xattr_bytes)
        return Error::with_code(EFBIG, concat("more than ", limits_.xattr_bytes, " bytes of extended attributes"));
    for (const Xattr& xattr : entry.xattrs) {
        if (xattr.name == "security.capability") {
            if (options_.setid != Setid::keep || !options_.own) {
                ++counts_.stripped_file_caps;
                continue;
            }
        } else if (!xattr.name.starts_with("user.") || xattr.name.starts_with("user.overlay.")) {
            ++counts_.dropped_xattrs;
            continue;
        }
        if (::fsetxattr(fd.get(), xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) != 0)
            return Error::sys(concat("fsetxattr ", quoted(xattr.name)))
                .hint("the destination's file system holds no or fewer extended attributes");
    }
    return {};
}

Result<void> Tree::add_file(const std::string& leaf, const Entry& entry, const Content& content) {
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Fd fd(::openat(parent_.fd.get(), leaf.c_str(), flags, 0600));
    if (!fd && errno == EEXIST) {
        TRY(make_room(leaf));
        fd = Fd(::openat(parent_.fd.get(), leaf.c_str(), flags, 0600));
    }
    if (!fd) return Error::sys("openat");
    parent_.changed = true;
    for (auto piece = TRY(content()); !piece.empty(); piece = TRY(content())) TRY(write_piece(fd, piece));
    TRY(give_owner(fd, entry));
    if (::fchmod(fd.get(), mode_of(entry)) != 0) return Error::sys("fchmod");
    TRY(give_xattrs(fd, entry));
    TRY(set_time(fd, entry));
    ++counts_.files;
    counts_.bytes += entry.size;
    return {};
}

Result<void> Tree::add_symlink(const std::string& leaf, const Entry& entry) {
    // The text is stored, never read (U4). readlink(2) of more than PATH_MAX is for nobody.
    if (entry.link.size() > limits_.path_bytes) return Error::with_code(ENAMETOOLONG, "the symlink's text");
    if (entry.link.find('\0') != std::string::npos) return Error::with_code(EBADMSG, "a NUL in the symlink's text");
    if (::symlinkat(entry.link.c_str(), parent_.fd.get(), leaf.c_str()) != 0) {
        if (errno != EEXIST) return Error::sys("symlinkat");
        TRY(make_room(leaf));
        if (::symlinkat(entry.link.c_str(), parent_.fd.get(), leaf.c_str()) != 0) return Error::sys("symlinkat");
    }
    parent_.changed = true;
    const Fd fd(::openat(parent_.fd.get(), leaf.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return Error::sys("openat");
    TRY(give_owner(fd, entry));
    TRY(set_time(fd, entry));
    // No file system has user.* on symlinks.
    counts_.dropped_xattrs += entry.xattrs.size();
    ++counts_.symlinks;
    return {};
}

// U4: the target is a regular file that this image made; its parents are found in the root, its leaf is not followed.
Result<void> Tree::add_hard_link(const EntryName& name, const Entry& entry) {
    const EntryName target = TRY_IN("its target", split_name(entry.link, limits_));
    const auto in_target = [&](Error error) {
        return std::move(error).within(concat("hard link to ", quoted(entry.link)));
    };
    if (target.is_root()) return in_target(Error::with_code(EPERM, "not a regular file"));
    auto directory = open_directory(target.parent);
    if (!directory) return in_target(std::move(directory).take_error());
    const auto found = sys::fstatat(directory.value(), target.leaf.c_str(), AT_SYMLINK_NOFOLLOW);
    if (!found) return in_target(Error::with_code(ENOENT, "no such file in this image"));
    const struct stat wanted = found.value();
    if (!S_ISREG(wanted.st_mode)) return in_target(Error::with_code(EPERM, "not a regular file"));
    const auto same = [&](const struct stat& other) {
        return other.st_dev == wanted.st_dev && other.st_ino == wanted.st_ino;
    };
    const auto there = sys::fstatat(parent_.fd, name.leaf.c_str(), AT_SYMLINK_NOFOLLOW);
    ++counts_.hardlinks;
    if (there && same(there.value())) return {};
    if (there) TRY(make_room(name.leaf));
    parent_.changed = true;
    if (::linkat(directory.value().get(), target.leaf.c_str(), parent_.fd.get(), name.leaf.c_str(), 0) != 0)
        return in_target(Error::sys("linkat"));
    // Nobody else writes here; should somebody, then the wrong file must not stay.
    // The target is looked at again: in an overlay its number changed with the copy that the link made.
    const auto linked = sys::fstatat(parent_.fd, name.leaf.c_str(), AT_SYMLINK_NOFOLLOW);
    const auto now = sys::fstatat(directory.value(), target.leaf.c_str(), AT_SYMLINK_NOFOLLOW);
    if (linked && now && S_ISREG(now.value().st_mode) && is_same_file(now.value(), linked.value())) return {};
    ::unlinkat(parent_.fd.get(), name.leaf.c_str(), 0);
    return in_target(Error::with_code(EAGAIN, "the target changed while it was linked"));
}

Result<void> Tree::add_fifo(const std::string& leaf, const Entry& entry) {
    TRY(make_room(leaf));
    // The worker's umask is 0, so that this is the mode: an O_PATH descriptor cannot be chmod-ed before Linux 6.6.
    if (::mknodat(parent_.fd.get(), leaf.c_str(), S_IFIFO | (entry.mode & 01777), 0) != 0) return Error::sys("mknodat");
    const Fd fd(::openat(parent_.fd.get(), leaf.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return Error::sys("openat");
    TRY(give_owner(fd, entry));
    TRY(set_time(fd, entry));
    counts_.dropped_xattrs += entry.xattrs.size();
    ++counts_.fifos;
    return {};
}

}  // namespace casemate::image

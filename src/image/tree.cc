#include "image/tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <unistd.h>

#include "base/text.h"
#include "image/removal.h"
#include "sys/call.h"

namespace casemate::image {
namespace {

constexpr uint64_t in_root = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr timespec epoch{0, 0};

bool keep_nothing(uint64_t, std::string_view) { return false; }

Result<void> set_time(FdView fd, timespec mtime) {
    const timespec times[2] = {mtime, mtime};
    if (::utimensat(fd.get(), "", times, AT_EMPTY_PATH) != 0) return Error::sys("utimensat");
    return {};
}

timespec time_of(const Entry& entry) {
    return {static_cast<time_t>(entry.mtime.seconds), static_cast<long>(entry.mtime.nanoseconds)};
}

}  // namespace

Result<Tree> Tree::make(Fd root, const TreeOptions& options, const Limits& limits) {
    const struct stat status = TRY(sys::fstat(root));
    if (!S_ISDIR(status.st_mode)) return Error::with_code(ENOTDIR, "the root is no directory");
    SeenNames seen = TRY(SeenNames::make());
    return Tree(std::move(root), options, limits, std::move(seen), status.st_dev);
}

Result<void> Tree::apply(const Entry& entry, const Content& content) {
    const EntryName name = TRY(split_name(entry.name, limits_));
    if (name.is_root()) return apply_root(entry);
    const WhiteoutName whiteout = TRY(whiteout_name(name));
    if (whiteout.kind != Whiteout::none) return apply_whiteout(name, whiteout, entry);
    if (entry.type == EntryType::char_device || entry.type == EntryType::block_device) return skip_device(entry);

    TRY_IN("its directory", enter_parent(name.parent));
    switch (entry.type) {
        case EntryType::file: TRY(add_file(name.leaf, entry, content)); break;
        case EntryType::directory: return add_directory(name, entry);
        case EntryType::symlink: TRY(add_symlink(name.leaf, entry)); break;
        case EntryType::hard_link: TRY(add_hard_link(name, entry)); break;
        default: TRY(add_fifo(name.leaf, entry)); break;
    }
    seen_.add(parent_.inode, name.leaf);
    return {};
}

// U3: "/" may get an owner, a mode and a time, and nothing else.
Result<void> Tree::apply_root(const Entry& entry) {
    if (entry.type != EntryType::directory)
        return Error::with_code(EBADMSG, "the root directory would become something else");
    TRY(give_owner(root_, entry));
    TRY(give_xattrs(root_, entry));
    if (::fchmod(root_.get(), mode_of(entry)) != 0) return Error::sys("fchmod");
    if (parent_.fd && parent_.inode == TRY(sys::fstat(root_)).st_ino) parent_.mtime = time_of(entry);
    return set_time(root_, time_of(entry));
}

Result<void> Tree::apply_whiteout(const EntryName& name, const WhiteoutName& whiteout, const Entry& entry) {
    if (entry.type != EntryType::file || entry.size != 0)
        return Error::with_code(EBADMSG, "a whiteout that is no empty file");
    ++counts_.whiteouts;
    if (!seen_.anything_below()) return {};
    auto directory = open_directory(name.parent);
    if (!directory && directory.error().code() == ENOENT) return {};
    if (!directory) return std::move(directory).take_error();
    TRY_IN("its directory", enter_parent(name.parent));
    const Keep keep = [this](uint64_t inode, std::string_view leaf) { return seen_.contains(inode, leaf); };
    parent_.changed = true;
    if (whiteout.kind == Whiteout::opaque) return remove_children(parent_.fd, device_, keep);
    return remove_below(parent_.fd, whiteout.target, device_, keep);
}

Result<void> Tree::skip_device(const Entry& entry) {
    if (entry.type == EntryType::char_device && entry.dev_major == 0 && entry.dev_minor == 0)
        return Error::with_code(EBADMSG, "character device 0:0 is overlayfs's whiteout, which no layer may carry");
    if (options_.devices == Devices::refuse)
        return Error::with_code(EPERM, "a device node").hint("leave it out of the image, or use --devices skip");
    ++counts_.skipped_devices;
    return {};
}

Result<Fd> Tree::open_directory(const std::string& path) const {
    return sys::openat2(root_, path.empty() ? "." : path.c_str(), directory_flags, in_root);
}

Result<void> Tree::enter_parent(const std::string& path) {
    if (parent_.fd && parent_.path == path) return {};
    TRY(leave_parent());
    auto opened = open_directory(path);
    if (!opened && opened.error().code() == ENOENT) {
        TRY(make_missing(path));
        TRY(leave_parent());
        opened = open_directory(path);
    }
    if (!opened) return std::move(opened).take_error();
    Fd fd = std::move(opened).take();
    const struct stat status = TRY(sys::fstat(fd));
    if (status.st_dev != device_) return Error::with_code(EXDEV, "another file system");
    parent_ = Parent{path, std::move(fd), status.st_ino, status.st_mtim, false};
    return {};
}

Result<void> Tree::leave_parent() {
    if (parent_.fd && parent_.changed) TRY(set_time(parent_.fd, parent_.mtime));
    parent_ = Parent();
    return {};
}

// Directories that no entry names: mode 0755, root's, time 0, so that the result depends on the image alone.
Result<void> Tree::make_missing(const std::string& path) {
    const size_t slash = path.rfind('/');
    const std::string above = slash == std::string::npos ? std::string() : path.substr(0, slash);
    const std::string leaf = slash == std::string::npos ? path : path.substr(slash + 1);
    TRY(enter_parent(above));
    if (::mkdirat(parent_.fd.get(), leaf.c_str(), 0700) != 0) {
        if (errno == EEXIST) return Error::with_code(ENOENT, concat(quoted(path), " is a symlink that leads nowhere"));
        return Error::sys(concat("mkdirat ", quoted(path)));
    }
    parent_.changed = true;
    const Fd fd(::openat(parent_.fd.get(), leaf.c_str(), directory_flags | O_NOFOLLOW));
    if (!fd) return Error::sys("openat");
    TRY(give_owner(fd, Entry()));
    if (::fchmod(fd.get(), 0755) != 0) return Error::sys("fchmod");
    TRY(set_time(fd, epoch));
    seen_.add(parent_.inode, leaf);
    ++counts_.directories;
    return {};
}

// U5: what has the name goes, whole.
Result<void> Tree::make_room(const std::string& leaf) {
    parent_.changed = true;
    return remove_below(parent_.fd, leaf, device_, keep_nothing);
}

Result<void> Tree::add_directory(const EntryName& name, const Entry& entry) {
    const std::string& leaf = name.leaf;
    bool fresh = ::mkdirat(parent_.fd.get(), leaf.c_str(), 0700) == 0;
    if (!fresh && errno != EEXIST) return Error::sys("mkdirat");
    Fd fd(::openat(parent_.fd.get(), leaf.c_str(), directory_flags | O_NOFOLLOW));
    if (!fd && !fresh && (errno == ENOTDIR || errno == ELOOP)) {
        TRY(make_room(leaf));
        fresh = true;
        if (::mkdirat(parent_.fd.get(), leaf.c_str(), 0700) != 0) return Error::sys("mkdirat");
        fd = Fd(::openat(parent_.fd.get(), leaf.c_str(), directory_flags | O_NOFOLLOW));
    }
    if (!fd) return Error::sys("openat");
    if (fresh) ++counts_.directories;
    if (fresh) parent_.changed = true;
    TRY(give_owner(fd, entry));
    TRY(give_xattrs(fd, entry));
    if (::fchmod(fd.get(), mode_of(entry)) != 0) return Error::sys("fchmod");
    TRY(set_time(fd, time_of(entry)));
    seen_.add(parent_.inode, leaf);
    // Most likely its content is next.
    const struct stat status = TRY(sys::fstat(fd));
    if (status.st_dev != device_) return Error::with_code(EXDEV, "another file system");
    TRY(leave_parent());
    parent_ = Parent{name.path(), std::move(fd), status.st_ino, time_of(entry), false};
    return {};
}

}  // namespace casemate::image

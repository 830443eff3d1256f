#include "sys/root.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::sys {
namespace {

constexpr uint64_t in_root = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

// "a//b/./c/" -> {a, b, c}; ".." is refused: nothing of ours needs it, and lexical ".." is where resolvers fail.
Result<std::vector<std::string>> components(std::string_view path) {
    std::vector<std::string> parts;
    for (const std::string_view part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..") return Error::invalid(concat(quoted(path), ": '..' is not accepted"));
        parts.emplace_back(part);
    }
    return parts;
}

std::string relative(std::string_view path) {
    while (path.starts_with('/')) path.remove_prefix(1);
    return path.empty() ? "." : std::string(path);
}

// "rootfs/" and "rootfs/." are what a link `rootfs` leads to, whatever O_NOFOLLOW says: the kernel is asked for "rootfs".
std::string bare(std::string path) {
    while (path.size() > 1 && (path.ends_with('/') || path.ends_with("/."))) path.pop_back();
    return path;
}

}  // namespace

Result<Root> Root::open(const std::string& path) {
    // The operator's path: its parents may be links, its last component not (a bundle's "rootfs" is image data).
    Fd directory = TRY_IN(quoted(path), openat2(AT_FDCWD, bare(path).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW, 0));
    return Root(std::move(directory));
}

Result<Fd> Root::resolve(std::string_view path, bool follow, uint64_t flags) const {
    auto found = openat2(directory_, relative(path).c_str(), O_PATH | (follow ? 0 : O_NOFOLLOW) | flags, in_root);
    if (!found) return std::move(found).take_error().within(quoted(path));
    Fd fd = std::move(found).take();
    if (!follow) {
        // O_PATH|O_NOFOLLOW opens a symlink itself.
        const struct stat status = TRY_IN(quoted(path), fstat(fd));
        if (S_ISLNK(status.st_mode)) return Error::from_errno(ELOOP, "a symbolic link is in the way").within(quoted(path));
    }
    return fd;
}

Result<std::string> Root::read_regular(std::string_view path, size_t limit) const {
    const Fd found = TRY(resolve(path, true));
    const struct stat status = TRY_IN(quoted(path), fstat(found));
    if (!S_ISREG(status.st_mode)) return Error::invalid(concat(quoted(path), ": not a regular file"));
    // Opened again through the root; O_NONBLOCK so that a FIFO swapped in cannot hang us, and compared by identity.
    const Fd file = TRY_IN(quoted(path), openat2(directory_, relative(path).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY, in_root));
    const struct stat again = TRY_IN(quoted(path), fstat(file));
    if (again.st_dev != status.st_dev || again.st_ino != status.st_ino)
        return Error::invalid(concat(quoted(path), ": changed while it was being opened"));
    return TRY_IN(quoted(path), read_all(file, limit));
}

Result<Fd> Root::make_directory(std::string_view path, mode_t mode) const {
    auto existing = resolve(path, true, O_DIRECTORY);
    if (existing || existing.error().code() != ENOENT) return existing;
    const std::vector<std::string> parts = TRY(components(path));
    std::string walked;
    Fd current = TRY(openat2(directory_, ".", O_PATH | O_DIRECTORY, in_root));
    for (const std::string& part : parts) {
        walked += "/" + part;
        // What exists is followed in the root; what does not is made, and opened without following.
        auto next = openat2(directory_, walked.c_str() + 1, O_PATH | O_DIRECTORY, in_root);
        if (!next) {
            if (next.error().code() != ENOENT) return std::move(next).take_error().within(quoted(walked));
            TRY_IN(quoted(walked), mkdirat(current, part.c_str(), mode));
            next = openat2(current, part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
            if (!next) return std::move(next).take_error().within(quoted(walked));
        }
        current = std::move(next).take();
    }
    return current;
}

Result<Fd> Root::make_file(std::string_view path, mode_t mode) const {
    auto existing = resolve(path, true);
    if (!existing && existing.error().code() != ENOENT) return existing;
    if (existing) {
        const struct stat status = TRY_IN(quoted(path), fstat(existing.value()));
        if (S_ISDIR(status.st_mode)) return Error::from_errno(EISDIR, "a directory is in the way").within(quoted(path));
        return existing;
    }
    const size_t slash = path.rfind('/');
    const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    if (name.empty() || name == "." || name == "..") return Error::invalid(concat(quoted(path), ": not a file name"));
    const Fd parent = TRY(make_directory(slash == std::string_view::npos ? "/" : path.substr(0, slash)));
    const Fd made = TRY_IN(quoted(path), openat2(parent, std::string(name).c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY,
                                                RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, mode));
    return TRY_IN(quoted(path), openat2(parent, std::string(name).c_str(), O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
}

}  // namespace casemate::sys

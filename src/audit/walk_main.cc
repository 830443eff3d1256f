// Walks a root file system into rows. Nothing is followed: directories are opened beneath the root without symlinks,
// and only regular files are opened at all.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <memory>

#include "audit/program.h"
#include "base/text.h"
#include "oci/conversion.h"
#include "sys/call.h"
#include "sys/root.h"

namespace casemate::audit {
namespace {

constexpr size_t max_entries = 4'000'000;
constexpr int max_depth = 256;
constexpr uint64_t max_key_bytes = 64 << 10;  // a PEM file is small

FileType type_of(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFDIR: return FileType::directory;
        case S_IFLNK: return FileType::symlink;
        case S_IFCHR: return FileType::char_device;
        case S_IFBLK: return FileType::block_device;
        case S_IFIFO: return FileType::fifo;
        case S_IFSOCK: return FileType::socket;
        default: return FileType::regular;
    }
}

// "-----BEGIN ... PRIVATE KEY-----" on the first line.
bool begins_private_key(FdView file) {
    char head[64];
    const ssize_t size = ::pread(file.get(), head, sizeof head, 0);
    if (size <= 0) return false;
    const std::string_view text(head, static_cast<size_t>(size));
    const std::string_view line = text.substr(0, text.find('\n'));
    return line.starts_with("-----BEGIN ") && line.find("PRIVATE KEY-----") != std::string_view::npos;
}

class Walk {
public:
    Result<std::vector<TreeEntry>> run(FdView root) {
        TreeEntry entry;
        entry.path = "/";
        fill(entry, TRY(sys::fstat(root)));
        entries_.push_back(std::move(entry));
        TRY(descend(root, "", 0));
        std::ranges::sort(entries_, {}, &TreeEntry::path);
        return std::move(entries_);
    }

private:
    static void fill(TreeEntry& entry, const struct stat& status) {
        entry.type = type_of(status.st_mode);
        entry.mode = status.st_mode & 07777;
        entry.uid = status.st_uid;
        entry.gid = status.st_gid;
        entry.size = static_cast<uint64_t>(status.st_size);
    }

    Result<void> descend(FdView directory, const std::string& path, int depth) {
        if (depth > max_depth) return Error::with_code(ELOOP, concat(quoted(path), ": nested too deep"));
        Fd copy = TRY(sys::openat2(directory, ".", O_RDONLY | O_DIRECTORY, 0));
        std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), ::closedir);
        if (!stream) return Error::sys("fdopendir");
        copy.release();
        errno = 0;
        while (const dirent* row = ::readdir(stream.get())) {
            const std::string name = row->d_name;
            if (name != "." && name != "..") TRY(visit(directory, name, concat(path, '/', name), depth));
            errno = 0;
        }
        if (errno != 0) return Error::sys("readdir");
        return {};
    }

    Result<void> visit(FdView directory, const std::string& name, std::string path, int depth) {
        if (entries_.size() >= max_entries) return Error::with_code(EFBIG, "too many files");
        TreeEntry entry;
        fill(entry, TRY_IN(quoted(path), sys::fstatat(directory, name.c_str(), AT_SYMLINK_NOFOLLOW)));
        entry.path = path;
        if (entry.type == FileType::symlink)
            entry.link = TRY_IN(quoted(path), sys::readlinkat(directory, name.c_str()));
        if (entry.type == FileType::regular) TRY_IN(quoted(path), look_into(directory, name, entry));
        const bool enter = entry.type == FileType::directory;
        entries_.push_back(std::move(entry));
        if (!enter) return {};
        const Fd below = TRY_IN(quoted(path), sys::openat2(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                                           RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
        return descend(below, path, depth + 1);
    }

    // A file that may not be read (mode 0000, without root) shows its row only.
    static Result<void> look_into(FdView directory, const std::string& name, TreeEntry& entry) {
        auto opened = sys::openat2(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                                   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        if (!opened && opened.error().code() == EACCES) return {};
        const Fd file = TRY(std::move(opened));
        entry.file_caps = ::fgetxattr(file.get(), "security.capability", nullptr, 0) > 0;
        entry.private_key = entry.size <= max_key_bytes && begins_private_key(file);
        return {};
    }

    std::vector<TreeEntry> entries_;
};

// A missing file is none; one that is no regular file, too large or not to be read is an error, not "nothing found".
Result<std::optional<std::string>> text_of(const sys::Root& root, const char* path) {
    auto text = root.read_regular(path, oci::max_account_file_bytes);
    if (text) return std::optional(std::move(text).take());
    if (text.error().code() == ENOENT) return std::optional<std::string>();
    return std::move(text).take_error().within(quoted(path));
}

}  // namespace

Result<TreeFacts> walk_tree(const std::string& path) {
    const sys::Root root = TRY(sys::Root::open(path));
    const Fd directory = TRY(sys::openat2(root.fd(), ".", O_RDONLY | O_DIRECTORY, 0));
    TreeFacts facts;
    facts.entries = TRY(Walk().run(directory));
    facts.passwd = TRY(text_of(root, "/etc/passwd"));
    facts.group = TRY(text_of(root, "/etc/group"));
    facts.shadow = TRY(text_of(root, "/etc/shadow"));
    facts.os_release = TRY(text_of(root, "/etc/os-release"));
    return facts;
}

}  // namespace casemate::audit

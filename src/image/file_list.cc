#include "image/file_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "base/text.h"
#include "image/digest.h"
#include "image/stream.h"
#include "sys/call.h"

namespace casemate::image {
Result<std::vector<std::string>> names_in(FdView directory) {
    Fd copy(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(copy ? ::fdopendir(copy.get()) : nullptr, ::closedir);
    if (!stream) return Error::sys("fdopendir");
    copy.release();
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(stream.get()))
        if (const std::string_view name = entry->d_name; name != "." && name != "..") names.emplace_back(name);
    std::sort(names.begin(), names.end());
    return names;
}

namespace {

constexpr int depth_max = 512;
constexpr int read_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

// mtree's vis(3) form: everything that is not plain is \ooo.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 32 && byte < 127 && c != '\\' && c != '#' && c != '=') {
            out += c;
        } else {
            const char octal[] = {'\\', static_cast<char>('0' + (byte >> 6)), static_cast<char>('0' + (byte >> 3 & 7)), static_cast<char>('0' + (byte & 7))};
            out.append(octal, sizeof octal);
        }
    }
    return out;
}

std::string octal(unsigned mode) {
    char text[16];
    std::snprintf(text, sizeof text, "%04o", mode);
    return text;
}

std::string time_text(const timespec& time) {
    char text[48];
    std::snprintf(text, sizeof text, "%lld.%09ld", static_cast<long long>(time.tv_sec), time.tv_nsec);
    return text;
}

Result<std::string> content_digest(FdView file) {
    Hasher hasher = TRY(Hasher::make(oci::Digest::Algorithm::sha256));
    std::vector<uint8_t> buffer(chunk_bytes);
    while (true) {
        const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return Error::sys("read");
        if (count == 0) return hasher.finish();
        hasher.update({buffer.data(), static_cast<size_t>(count)});
    }
}

Result<std::string> attributes(FdView file) {
    std::string names(64 << 10, '\0');
    const ssize_t size = ::flistxattr(file.get(), names.data(), names.size());
    if (size < 0 && errno == ENOTSUP) return std::string();
    if (size < 0) return Error::sys("flistxattr");
    names.resize(static_cast<size_t>(size));
    std::vector<std::string> sorted;
    for (const std::string_view name : split(names, '\0'))
        if (!name.empty()) sorted.emplace_back(name);
    std::sort(sorted.begin(), sorted.end());
    std::string out;
    std::string value(64 << 10, '\0');
    for (const std::string& name : sorted) {
        const ssize_t length = ::fgetxattr(file.get(), name.c_str(), value.data(), value.size());
        if (length < 0) return Error::sys(concat("fgetxattr ", quoted(name)));
        out += concat(" xattr.", escaped(name), "=", escaped({value.data(), static_cast<size_t>(length)}));
    }
    return out;
}

std::string common(std::string_view path, std::string_view type, const struct stat& status) {
    return concat(escaped(path), " type=", type, " mode=", octal(status.st_mode & 07777), " uid=", status.st_uid, " gid=", status.st_gid,
                  " time=", time_text(status.st_mtim));
}

Result<void> list_one(FdView directory, const std::string& name, const std::string& path, const OnFile& on_file, int depth);

Result<void> list_directory(FdView directory, const std::string& path, const OnFile& on_file, int depth) {
    if (depth > depth_max) return Error::with_code(ELOOP, concat("deeper than ", depth_max, " directories"));
    const struct stat status = TRY(sys::fstat(directory));
    const std::string xattrs = TRY(attributes(directory));
    TRY(on_file(concat(common(path, "dir", status), xattrs)));
    const std::vector<std::string> names = TRY(names_in(directory));
    for (const std::string& name : names)
        TRY_IN(quoted(name), list_one(directory, name, concat(path, "/", name), on_file, depth + 1));
    return {};
}

Result<void> list_one(FdView directory, const std::string& name, const std::string& path, const OnFile& on_file, int depth) {
    const struct stat status = TRY(sys::fstatat(directory, name.c_str(), AT_SYMLINK_NOFOLLOW));
    switch (status.st_mode & S_IFMT) {
        case S_IFDIR: {
            const Fd below(::openat(directory.get(), name.c_str(), read_flags | O_DIRECTORY));
            if (!below) return Error::sys("openat");
            return list_directory(below, path, on_file, depth);
        }
        case S_IFREG: {
            const Fd file(::openat(directory.get(), name.c_str(), read_flags));
            if (!file) return Error::sys("openat");
            const std::string digest = TRY(content_digest(file)), xattrs = TRY(attributes(file));
            return on_file(concat(common(path, "file", status), " nlink=", status.st_nlink, " size=", status.st_size,
                                  " sha256digest=", digest, xattrs));
        }
        case S_IFLNK: return on_file(concat(common(path, "link", status), " link=", escaped(TRY(sys::readlinkat(directory, name.c_str())))));
        case S_IFIFO: return on_file(common(path, "fifo", status));
        case S_IFCHR: return on_file(concat(common(path, "char", status), " device=", ::major(status.st_rdev), ",", ::minor(status.st_rdev)));
        default: return on_file(common(path, "other", status));
    }
}

// "./path rest" -> both halves.
std::pair<std::string, std::string> halves(std::string_view line) {
    const size_t blank = line.find(' ');
    if (blank == std::string_view::npos) return {std::string(line), {}};
    return {std::string(line.substr(0, blank)), std::string(line.substr(blank + 1))};
}

// Only the words that differ.
std::string difference(const std::string& path, const std::string& is, const std::string& was) {
    const auto now = split(is, ' '), before = split(was, ' ');
    const auto without = [](const std::vector<std::string_view>& words, const std::vector<std::string_view>& others) {
        std::vector<std::string> out;
        for (const std::string_view word : words)
            if (std::find(others.begin(), others.end(), word) == others.end()) out.emplace_back(word);
        return out.empty() ? std::string("nothing") : join(out, " ");
    };
    return concat(path, ": is ", without(now, before), ", was ", without(before, now));
}

}  // namespace

Result<void> list_files(FdView root, const OnFile& on_file) { return list_directory(root, ".", on_file, 0); }

Result<void> write_file_list(FdView root, FdView file) {
    std::string buffer = "#mtree\n";
    const OnFile add = [&](const std::string& line) -> Result<void> {
        buffer += line;
        buffer += '\n';
        if (buffer.size() < chunk_bytes) return {};
        TRY(sys::write_all(file, buffer));
        buffer.clear();
        return {};
    };
    TRY(list_files(root, add));
    return sys::write_all(file, buffer);
}

Result<std::vector<std::string>> compare_file_list(FdView root, std::string_view list, size_t most) {
    std::map<std::string, std::string> recorded;
    for (const std::string_view line : split(list, '\n'))
        if (!line.empty() && line.front() != '#') recorded.insert(halves(line));
    std::vector<std::string> differences;
    const auto add = [&](std::string text) {
        if (differences.size() < most) differences.push_back(std::move(text));
    };
    const OnFile check = [&](const std::string& line) -> Result<void> {
        const auto [path, now] = halves(line);
        const auto was = recorded.find(path);
        if (was == recorded.end()) {
            add(concat(path, ": was not there"));
            return {};
        }
        if (was->second != now) add(difference(path, now, was->second));
        recorded.erase(was);
        return {};
    };
    TRY(list_files(root, check));
    for (const auto& [path, was] : recorded) add(concat(path, ": is missing"));
    return differences;
}

}  // namespace casemate::image

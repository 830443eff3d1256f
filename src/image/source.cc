#include "image/source.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "image/names.h"
#include "sys/call.h"

namespace casemate::image {
namespace {

Result<uint64_t> regular_size(FdView fd) {
    const struct stat status = TRY(sys::fstat(fd));
    if (!S_ISREG(status.st_mode) || status.st_size < 0) return Error::with_code(EPERM, "not a regular file");
    return static_cast<uint64_t>(status.st_size);
}

// `link` as seen from the directory of `name`, by text alone: both are keys of our table, never paths.
std::string resolved(std::string_view name, std::string_view link) {
    std::vector<std::string> parts;
    const size_t slash = name.rfind('/');
    const std::string joined = concat(slash == std::string_view::npos ? "" : name.substr(0, slash), '/', link);
    for (const std::string_view component : split(joined, '/')) {
        if (component.empty() || component == ".") continue;
        if (component != "..") {
            parts.emplace_back(component);
        } else if (!parts.empty()) {
            parts.pop_back();
        }
    }
    return join(parts, "/");
}

Result<Fd> inflated(Codec codec, FileStream& file, FdView scratch, Budget& budget) {
    Fd plain(::openat(scratch.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!plain)
        return Error::sys("openat O_TMPFILE").hint("inflate the archive first, or unpack to another file system");
    const auto stream = TRY(inflate(codec, file, budget));
    for (auto piece = TRY(stream->next()); !piece.empty(); piece = TRY(stream->next()))
        TRY(sys::write_all(plain, {reinterpret_cast<const char*>(piece.data()), piece.size()}));
    return plain;
}

}  // namespace

Result<std::string> Source::read(const std::string& name, size_t limit) {
    const Extent extent = TRY(find(name));
    if (extent.size > limit)
        return Error::with_code(EFBIG, concat(quoted(name), ": ", extent.size, " bytes, more than ", limit));
    FileStream stream(extent);
    std::string text;
    for (auto piece = TRY_IN(quoted(name), stream.next()); !piece.empty(); piece = TRY_IN(quoted(name), stream.next()))
        text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return text;
}

Result<Extent> LayoutSource::find(const std::string& name) {
    auto known = open_.find(name);
    if (known == open_.end()) known = open_.emplace(name, TRY(broker_.open(name))).first;
    return Extent{known->second, 0, TRY_IN(quoted(name), regular_size(known->second))};
}

Result<std::unique_ptr<ArchiveSource>> ArchiveSource::open(Fd archive, FdView scratch, Budget& budget) {
    const uint64_t size = TRY(regular_size(archive));
    const Extent whole{archive, 0, size};
    const Codec codec = TRY(sniff_codec(whole));
    Fd plain = std::move(archive);
    if (codec != Codec::none) {
        FileStream file(Extent{plain, 0, size});
        plain = TRY_IN("inflate the archive", inflated(codec, file, scratch, budget));
    }
    std::unique_ptr<ArchiveSource> source(new ArchiveSource(std::move(plain)));
    TRY(source->index(budget.limits()));
    return source;
}

Result<void> ArchiveSource::index(const Limits& limits) {
    FileStream file(Extent{archive_, 0, TRY(regular_size(archive_))});
    TarReader reader(file, limits);
    Entry entry;
    for (uint64_t count = 0; TRY(reader.next(entry)); ++count) {
        if (count >= limits.entries) return Error::with_code(EFBIG, concat("more than ", limits.entries, " entries"));
        const EntryName name = TRY_IN(quoted(entry.name), split_name(entry.name, limits));
        if (entry.type == EntryType::directory || name.is_root()) continue;
        const std::string path = name.path();
        if (files_.contains(path) || links_.contains(path))
            return Error::with_code(EBADMSG, concat(quoted(path), " is twice in the archive"));
        if (entry.type == EntryType::file)
            files_.emplace(path, Extent{archive_, reader.offset(), entry.size});
        else if (entry.type == EntryType::symlink)
            links_.emplace(path, resolved(path, entry.link));
        else
            return Error::with_code(EBADMSG, concat(quoted(path), " is neither a file nor a directory"));
    }
    return {};
}

Result<Extent> ArchiveSource::find(const std::string& name) {
    auto found = files_.find(name);
    if (const auto link = links_.find(name); found == files_.end() && link != links_.end())
        found = files_.find(link->second);
    if (found == files_.end()) return Error::with_code(ENOENT, concat(quoted(name), " is not in the archive"));
    return found->second;
}

}  // namespace casemate::image

#include "image/tar.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"

namespace casemate::image {
namespace {

Error bad(std::string_view text) { return Error::with_code(EBADMSG, concat("tar: ", text)); }
Error truncated() { return Error::with_code(EIO, "tar: truncated: the archive ends in the middle"); }

constexpr uint64_t octal_size_max = 077777777777;  // what eleven digits hold
constexpr uint64_t id_max = 0xfffffffe;            // 2^32-1 means "no change" to chown

Result<EntryType> entry_type(char type) {
    switch (type) {
        case '0': return EntryType::file;
        case '1': return EntryType::hard_link;
        case '2': return EntryType::symlink;
        case '3': return EntryType::char_device;
        case '4': return EntryType::block_device;
        case '5': return EntryType::directory;
        case '6': return EntryType::fifo;
        case 'S':
            return Error::with_code(EOPNOTSUPP, "tar: a sparse file; the image specification advises against them");
        default: return Error::with_code(EOPNOTSUPP, concat("tar: unknown entry type ", quoted(std::string(1, type))));
    }
}

Result<void> check(const Entry& entry, uint64_t uid, uint64_t gid) {
    if (entry.name.empty()) return bad("an entry without a name");
    if (uid > id_max || gid > id_max) return bad("an owner above 4294967294");
    if (entry.type != EntryType::file && entry.size != 0) return bad("content where only a file has any");
    if (entry.type == EntryType::file && entry.name.ends_with('/')) return bad("a file whose name ends in a slash");
    const bool link = entry.type == EntryType::hard_link || entry.type == EntryType::symlink;
    if (link && entry.link.empty()) return bad("a link without a target");
    if (entry.mtime.nanoseconds >= 1'000'000'000) return bad("a time beyond a second");
    return {};
}

}  // namespace

Result<void> TarReader::fill() {
    if (chunk_.empty()) chunk_ = TRY(stream_.next());
    return {};
}

// False at a clean end of the stream.
Result<bool> TarReader::read_block(std::span<uint8_t, tar_block> block) {
    size_t have = 0;
    while (have < tar_block) {
        TRY(fill());
        if (chunk_.empty()) {
            if (have == 0) return false;
            return truncated();
        }
        const size_t take = std::min(chunk_.size(), tar_block - have);
        std::memcpy(block.data() + have, chunk_.data(), take);
        chunk_ = chunk_.subspan(take);
        have += take;
    }
    offset_ += tar_block;
    return true;
}

Result<std::span<const uint8_t>> TarReader::content() {
    if (left_ == 0) return std::span<const uint8_t>();
    TRY(fill());
    if (chunk_.empty()) return truncated();
    const auto piece = chunk_.first(static_cast<size_t>(std::min<uint64_t>(chunk_.size(), left_)));
    chunk_ = chunk_.subspan(piece.size());
    left_ -= piece.size();
    offset_ += piece.size();
    return piece;
}

Result<std::string> TarReader::read_extension(uint64_t size) {
    if (size == 0 || size > limits_.extension_bytes)
        return Error::with_code(
            EFBIG, concat("tar: an extension header of ", size, " bytes (1 to ", limits_.extension_bytes, ")"));
    std::string text;
    text.reserve(size);
    for (auto piece = TRY(content()); !piece.empty(); piece = TRY(content()))
        text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return text;
}

Result<void> TarReader::take_extension(const TarHeader& header, Extensions& extensions) {
    std::string text = TRY(read_extension(header.size));
    if (header.type == 'g') {
        if (extensions.any()) return bad("a global header between an extension and its entry");
        return check_global_pax(text);
    }
    if (header.type == 'x') {
        if (extensions.any()) return bad("two extension headers for one entry");
        extensions.pax = TRY(parse_pax(text));
        return {};
    }
    std::optional<std::string>& slot = header.type == 'L' ? extensions.long_name : extensions.long_link;
    if (extensions.pax || slot) return bad("two extension headers for one entry");
    // GNU tar ends the name with a NUL.
    if (text.ends_with('\0')) text.pop_back();
    if (text.empty() || text.find('\0') != std::string::npos) return bad("a long name with a NUL");
    slot = std::move(text);
    return {};
}

// The content and padding that nobody read. The padding's bytes are the writer's business: no reader looks at them.
Result<void> TarReader::skip_rest() {
    while (!TRY(content()).empty()) {}
    while (padding_ > 0) {
        TRY(fill());
        if (chunk_.empty()) return truncated();
        const size_t take = static_cast<size_t>(std::min<uint64_t>(chunk_.size(), padding_));
        chunk_ = chunk_.subspan(take);
        padding_ -= take;
        offset_ += take;
    }
    return {};
}

void TarReader::expect_content(uint64_t size) {
    left_ = size;
    padding_ = (tar_block - size % tar_block) % tar_block;
}

Result<Entry> TarReader::make_entry(const TarHeader& header, Extensions extensions) {
    PaxRecords pax = extensions.pax ? std::move(*extensions.pax) : PaxRecords();
    // The PAX size is that of this entry, always (RUSTSEC-2026-0068). Where the header could say it too, it must.
    if (pax.size && *pax.size != header.size) {
        if (*pax.size <= octal_size_max) return bad("the sizes in header and PAX header differ");
        if (*pax.size > uint64_t{1} << 60) return bad("a size beyond reason");
        expect_content(*pax.size);
    }
    Entry entry;
    entry.type = TRY(entry_type(header.type));
    entry.name = pax.path ? *pax.path : extensions.long_name ? *extensions.long_name : header.name;
    entry.link = pax.link ? *pax.link : extensions.long_link ? *extensions.long_link : header.link;
    entry.mode = header.mode;
    entry.size = left_;
    entry.mtime = pax.mtime.value_or(Timestamp{header.mtime, 0});
    entry.dev_major = header.dev_major;
    entry.dev_minor = header.dev_minor;
    entry.xattrs = std::move(pax.xattrs);
    entry.acls = pax.acls;
    const uint64_t uid = pax.uid.value_or(header.uid), gid = pax.gid.value_or(header.gid);
    TRY_IN(quoted(entry.name.substr(0, 256)), check(entry, uid, gid));
    entry.uid = static_cast<uint32_t>(uid);
    entry.gid = static_cast<uint32_t>(gid);
    return entry;
}

Result<bool> TarReader::next(Entry& entry) {
    if (ended_) return false;
    Extensions extensions;
    while (true) {
        TRY(skip_rest());
        std::array<uint8_t, tar_block> block;
        if (!TRY(read_block(block))) return truncated();
        const std::optional<TarHeader> header = TRY(parse_tar_header(block));
        if (!header) {
            if (extensions.any()) return bad("an extension header before the end");
            TRY(finish());
            return false;
        }
        expect_content(header->size);
        if (std::string_view("xgLK").find(header->type) != std::string_view::npos) {
            TRY(take_extension(*header, extensions));
            continue;
        }
        entry = TRY(make_entry(*header, std::move(extensions)));
        return true;
    }
}

// After one block of zeros: a second one, then zeros only. GNU tar stops here, `tar -i` would read on.
Result<void> TarReader::finish() {
    ended_ = true;
    std::array<uint8_t, tar_block> block;
    if (!TRY(read_block(block))) return truncated();
    if (TRY(parse_tar_header(block))) return bad("an entry after the end mark");
    while (true) {
        TRY(fill());
        if (chunk_.empty()) return {};
        if (std::any_of(chunk_.begin(), chunk_.end(), [](uint8_t byte) { return byte != 0; }))
            return bad("data after the end");
        chunk_ = {};
    }
}

}  // namespace casemate::image

#include "image/tar_header.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/text.h"

namespace casemate::image {
namespace {

using Block = std::span<const uint8_t, tar_block>;

std::string_view field(Block block, size_t offset, size_t size) {
    return {reinterpret_cast<const char*>(block.data()) + offset, size};
}

// Text up to the first NUL, or the whole field.
std::string text(Block block, size_t offset, size_t size) {
    const std::string_view raw = field(block, offset, size);
    return std::string(raw.substr(0, raw.find('\0')));
}

Error bad_number(std::string_view name) {
    return Error::with_code(EBADMSG, concat("tar header: field '", name, "' is no number"));
}

// GNU base-256: the top bit of the first byte marks it, the rest is a big-endian two's complement number.
Result<int64_t> base256(std::string_view raw, std::string_view name) {
    const auto first = static_cast<uint8_t>(raw[0]);
    const bool negative = (first & 0x40) != 0;
    uint64_t value = negative ? ~uint64_t{0} : 0;
    for (size_t i = 0; i < raw.size(); ++i) {
        uint8_t byte = static_cast<uint8_t>(raw[i]);
        if (i == 0) byte = negative ? byte | 0x80 : byte & 0x7f;
        // What is shifted out must be sign only.
        const auto top = static_cast<uint8_t>(value >> 56);
        if (top != (negative ? 0xff : 0x00)) return bad_number(name);
        value = value << 8 | byte;
    }
    if ((value >> 63 != 0) != negative) return bad_number(name);
    return static_cast<int64_t>(value);
}

// Octal digits, blanks before and one blank or NUL after them; a blank field is 0. Bytes after the end must be padding.
Result<int64_t> number(Block block, size_t offset, size_t size, std::string_view name) {
    const std::string_view raw = field(block, offset, size);
    if (static_cast<uint8_t>(raw[0]) & 0x80) return base256(raw, name);
    size_t at = raw.find_first_not_of(' ');
    uint64_t value = 0;
    for (; at < raw.size() && raw[at] >= '0' && raw[at] <= '7'; ++at)
        value = value * 8 + static_cast<uint64_t>(raw[at] - '0');  // at most 12 digits
    if (at < raw.size() && raw.find_first_not_of(std::string_view(" \0", 2), at) != std::string_view::npos)
        return bad_number(name);
    return static_cast<int64_t>(value);
}

Result<uint64_t> natural(Block block, size_t offset, size_t size, std::string_view name) {
    const int64_t value = TRY(number(block, offset, size, name));
    if (value < 0) return Error::with_code(EBADMSG, concat("tar header: field '", name, "' is negative"));
    return static_cast<uint64_t>(value);
}

Result<void> check_sum(Block block) {
    uint64_t sum = 0;
    for (size_t i = 0; i < tar_block; ++i) sum += i >= 148 && i < 156 ? ' ' : block[i];
    const std::string_view raw = field(block, 148, 8);
    if (raw.find_first_of("01234567") == std::string_view::npos || TRY(natural(block, 148, 8, "chksum")) != sum)
        return Error::with_code(EBADMSG, "tar header: wrong checksum (this is no tar archive, or it is damaged)");
    return {};
}

}  // namespace

Result<std::optional<TarHeader>> parse_tar_header(Block block) {
    if (std::all_of(block.begin(), block.end(), [](uint8_t byte) { return byte == 0; }))
        return std::optional<TarHeader>();
    TRY(check_sum(block));

    const bool posix = field(block, 257, 8) == std::string_view("ustar\00000", 8);
    const bool gnu = field(block, 257, 8) == std::string_view("ustar  \0", 8);
    if (!posix && !gnu) return Error::with_code(EOPNOTSUPP, "tar header: neither ustar nor GNU format");

    TarHeader header;
    header.type = static_cast<char>(block[156]);
    if (header.type == '\0') header.type = '0';
    header.name = text(block, 0, 100);
    // GNU archives use the bytes of the prefix for other fields.
    if (const std::string prefix = posix ? text(block, 345, 155) : std::string(); !prefix.empty())
        header.name = concat(prefix, '/', header.name);
    header.link = text(block, 157, 100);
    // Some writers put the file type bits in front.
    header.mode = static_cast<uint32_t>(TRY(natural(block, 100, 8, "mode")) & 07777);
    header.uid = TRY(natural(block, 108, 8, "uid"));
    header.gid = TRY(natural(block, 116, 8, "gid"));
    header.size = TRY(natural(block, 124, 12, "size"));
    header.mtime = TRY(number(block, 136, 12, "mtime"));
    header.dev_major = TRY(natural(block, 329, 8, "devmajor"));
    header.dev_minor = TRY(natural(block, 337, 8, "devminor"));
    return std::optional<TarHeader>(std::move(header));
}

}  // namespace casemate::image

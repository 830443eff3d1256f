// The tar reader: ustar, PAX and GNU long names as one strict grammar (U12).
//
//   archive  = member* zeros zeros zero-padding
//   member   = (pax-global)* (pax | longlink? longname? in any order, each once) header data padding
//
// A PAX header and GNU long names together, an extension before nothing, a size in a PAX header that contradicts a
// header that could have held it, data of a link or directory, a regular file with a trailing slash, and anything but
// zeros after the end are errors: real writers make none of these, and readers disagree about each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/limits.h"
#include "image/pax.h"
#include "image/stream.h"
#include "image/tar_header.h"

namespace casemate::image {

enum class EntryType : uint8_t { file, hard_link, symlink, directory, fifo, char_device, block_device };

struct Entry {
    EntryType type = EntryType::file;
    std::string name;  // as in the archive; split_name() judges it
    std::string link;  // of hard links and symlinks
    uint32_t mode = 0;
    uint32_t uid = 0, gid = 0;
    uint64_t size = 0;  // bytes of a file's content
    Timestamp mtime;
    uint64_t dev_major = 0, dev_minor = 0;
    std::vector<Xattr> xattrs;
    bool acls = false;
};

class TarReader {
public:
    TarReader(Stream& stream, const Limits& limits) : stream_(stream), limits_(limits) {}

    // The next entry; what is left of the last one's content is skipped. False: the archive ended as it should.
    Result<bool> next(Entry& entry);
    // The next piece of the entry's content; empty when it is complete.
    Result<std::span<const uint8_t>> content();
    // Offset in the stream of what content() gives next: where a file lies in an uncompressed archive.
    uint64_t offset() const { return offset_; }

private:
    struct Extensions {
        std::optional<PaxRecords> pax;
        std::optional<std::string> long_name, long_link;
        bool any() const { return pax || long_name || long_link; }
    };
    Result<bool> read_block(std::span<uint8_t, tar_block> block);
    Result<std::string> read_extension(uint64_t size);
    Result<void> take_extension(const TarHeader& header, Extensions& extensions);
    Result<Entry> make_entry(const TarHeader& header, Extensions extensions);
    void expect_content(uint64_t size);
    Result<void> skip_rest();
    Result<void> finish();
    Result<void> fill();

    Stream& stream_;
    const Limits& limits_;
    std::span<const uint8_t> chunk_;
    uint64_t offset_ = 0;
    uint64_t left_ = 0;     // content of this entry
    uint64_t padding_ = 0;  // after it
    bool ended_ = false;
};

}  // namespace casemate::image

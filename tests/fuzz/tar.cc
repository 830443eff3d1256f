// The tar reader: any bytes give entries or an error, within the limits; what an entry promises is what its content gives;
// the same bytes in other pieces give the same.
// rooms: image
#include <cstdlib>

#include "image/names.h"
#include "image/tar.h"
#include "fuzz/memory_stream.h"

using namespace casemate;
using namespace casemate::image;

namespace {

struct Summary {
    uint64_t entries = 0, bytes = 0, names = 0;
    bool good = false;
    bool operator==(const Summary&) const = default;
};

Summary read(std::span<const uint8_t> bytes, size_t piece) {
    Limits limits;
    limits.extension_bytes = 64 << 10;
    fuzz::MemoryStream stream(bytes, piece);
    TarReader reader(stream, limits);
    Summary summary;
    Entry entry;
    while (true) {
        const auto more = reader.next(entry);
        if (!more) return summary;
        if (!more.value()) break;
        ++summary.entries;
        summary.names += entry.name.size();
        const auto name = split_name(entry.name, limits);
        // What is accepted can be walked component by component and nothing else.
        if (name && (name.value().leaf.find('/') != std::string::npos || name.value().leaf == ".." || name.value().parent.starts_with('/') ||
                     ("/" + name.value().parent + "/").find("/../") != std::string::npos))
            std::abort();
        uint64_t content = 0;
        while (true) {
            const auto given = reader.content();
            if (!given) return summary;
            if (given.value().empty()) break;
            content += given.value().size();
        }
        if (content != entry.size) std::abort();
        summary.bytes += content;
    }
    summary.good = true;
    return summary;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (!(read({data, size}, 512) == read({data, size}, 333))) std::abort();
    return 0;
}

// What an image may cost at most (SECURITY U11). Every figure is a cap on something that its author chooses; reaching
// one ends the unpacking with an error that names it. The defaults are far above what real images need.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "base/text.h"

namespace casemate::image {

struct Limits {
    uint64_t bytes = uint64_t{32} << 30;        // uncompressed, all layers together
    uint64_t entries = 1'000'000;               // of all layers together; of one archive
    uint64_t ratio = 250;                       // uncompressed to compressed, once `ratio_floor` is passed
    uint64_t ratio_floor = uint64_t{64} << 20;  // bytes: short streams of zeros are legitimate
    size_t layers = 512;
    size_t depth = 128;                       // components of a name
    size_t path_bytes = 4095;                 // PATH_MAX without the NUL
    size_t name_bytes = 255;                  // NAME_MAX
    size_t extension_bytes = 1u << 20;        // one PAX header or GNU long name
    size_t xattr_bytes = 64u << 10;           // names and values of one entry
    size_t document_bytes = size_t{4} << 20;  // index, manifest, config (image-spec: at least 4 MiB)
    unsigned window_log = 25;                 // zstd: 32 MiB of memory; levels up to 19 need 8 MiB
};

// Counts what was spent across all layers of one run.
class Budget {
public:
    explicit Budget(const Limits& limits) : limits_(limits) {}
    const Limits& limits() const { return limits_; }
    uint64_t bytes() const { return bytes_; }
    uint64_t entries() const { return entries_; }

    Result<void> charge_bytes(uint64_t count) {
        bytes_ += count;
        if (bytes_ <= limits_.bytes) return {};
        return Error::with_code(EFBIG, concat("more than ", limits_.bytes, " bytes uncompressed"))
            .hint("raise the limit with --max-size when the image is trusted");
    }
    Result<void> charge_entry() {
        if (++entries_ <= limits_.entries) return {};
        return Error::with_code(EFBIG, concat("more than ", limits_.entries, " entries"))
            .hint("raise the limit with --max-entries when the image is trusted");
    }

private:
    Limits limits_;
    uint64_t bytes_ = 0;
    uint64_t entries_ = 0;
};

}  // namespace casemate::image

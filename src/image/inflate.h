// gzip and zstd as Streams, with a cap on the ratio of output to input (CVE-2017-14992, CVE-2023-25153).
#pragma once

#include <memory>
#include <string_view>

#include "image/limits.h"
#include "image/stream.h"

namespace casemate::image {

enum class Codec : uint8_t { none, gzip, zstd };
std::string_view codec_name(Codec codec);

// By the first bytes. Formats that we know but do not read (xz, bzip2) are errors that name them.
Result<Codec> sniff_codec(std::span<const uint8_t> start);
Result<Codec> sniff_codec(const Extent& extent);

// A stream of what `inner` holds compressed. Concatenated members and frames are one stream (RFC 1952 2.2, RFC 8878
// 3.1); an end in the middle, a wrong checksum and bytes after the end are errors. The budget pays for the output.
Result<std::unique_ptr<Stream>> inflate(Codec codec, Stream& inner, Budget& budget);

}  // namespace casemate::image

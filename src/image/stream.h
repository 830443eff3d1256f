// Bytes in chunks, pulled: a blob's file, the hash over it, the inflater, a read-ahead thread, the hash over the result
// and the tar reader are one chain of Streams. Chunks are borrowed, so that content is copied by the kernel only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "image/digest.h"

namespace casemate::image {

inline constexpr size_t chunk_bytes = 256u << 10;

class Stream {
public:
    virtual ~Stream() = default;
    // The next bytes, valid until the next call; empty at the end, and ever after.
    virtual Result<std::span<const uint8_t>> next() = 0;
};

// Part of an open regular file. The descriptor stays open elsewhere.
struct Extent {
    FdView fd = -1;
    uint64_t offset = 0;
    uint64_t size = 0;
};

// All of an extent; a file that is shorter is an error.
class FileStream final : public Stream {
public:
    explicit FileStream(Extent extent) : extent_(extent), buffer_(chunk_bytes) {}
    Result<std::span<const uint8_t>> next() override;

private:
    Extent extent_;
    uint64_t done_ = 0;
    std::vector<uint8_t> buffer_;
};

// Passes chunks through a hash.
class HashedStream final : public Stream {
public:
    static Result<std::unique_ptr<HashedStream>> make(Stream& inner, oci::Digest::Algorithm algorithm);
    Result<std::span<const uint8_t>> next() override;
    // Reads to the end, then compares: nothing after the last used byte escapes the digest (U11).
    Result<void> verify(const oci::Digest& expected);
    uint64_t bytes() const { return bytes_; }

private:
    HashedStream(Stream& inner, Hasher hasher) : inner_(inner), hasher_(std::move(hasher)) {}
    Stream& inner_;
    Hasher hasher_;
    uint64_t bytes_ = 0;
};

// Pulls `inner` on a thread of its own, a few chunks ahead: inflating and unpacking are about equally long
// (PERFORMANCE 6). The thread ends with this object.
std::unique_ptr<Stream> read_ahead(Stream& inner);

}  // namespace casemate::image

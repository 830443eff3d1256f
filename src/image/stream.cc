#include "image/stream.h"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace casemate::image {

Result<std::span<const uint8_t>> FileStream::next() {
    const uint64_t left = extent_.size - done_;
    if (left == 0) return std::span<const uint8_t>();
    const size_t want = static_cast<size_t>(std::min<uint64_t>(left, buffer_.size()));
    ssize_t got;
    do {
        got = ::pread(extent_.fd.get(), buffer_.data(), want, static_cast<off_t>(extent_.offset + done_));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return Error::sys("pread");
    if (got == 0) return Error::with_code(EIO, concat("truncated: ", done_, " of ", extent_.size, " bytes"));
    done_ += static_cast<uint64_t>(got);
    return std::span<const uint8_t>(buffer_.data(), static_cast<size_t>(got));
}

Result<std::unique_ptr<HashedStream>> HashedStream::make(Stream& inner, oci::Digest::Algorithm algorithm) {
    Hasher hasher = TRY(Hasher::make(algorithm));
    return std::unique_ptr<HashedStream>(new HashedStream(inner, std::move(hasher)));
}

Result<std::span<const uint8_t>> HashedStream::next() {
    const std::span<const uint8_t> chunk = TRY(inner_.next());
    hasher_.update(chunk);
    bytes_ += chunk.size();
    return chunk;
}

Result<void> HashedStream::verify(const oci::Digest& expected) {
    while (!TRY(next()).empty()) {}
    const std::string actual = hasher_.finish();
    if (actual != expected.hex()) return digest_mismatch(expected, actual);
    return {};
}

}  // namespace casemate::image

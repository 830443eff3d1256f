// gzip and zstd framing: any bytes end in content or an error, never beyond the budget, and the same in other pieces. The
// first byte chooses the codec.
// rooms: image
#include <cstdlib>

#include "image/inflate.h"
#include "fuzz/memory_stream.h"

using namespace casemate;
using namespace casemate::image;

namespace {

constexpr uint64_t budget_bytes = 1 << 20;

struct Summary {
    uint64_t bytes = 0, sum = 0;
    bool good = false;
};

Summary read(Codec codec, std::span<const uint8_t> bytes, size_t piece) {
    Limits limits;
    limits.bytes = budget_bytes;
    limits.ratio_floor = 64 << 10;
    limits.window_log = 20;
    Budget budget(limits);
    fuzz::MemoryStream stream(bytes, piece);
    Summary summary;
    const auto inflated = inflate(codec, stream, budget);
    if (!inflated) return summary;
    while (true) {
        const auto given = inflated.value()->next();
        if (!given) return summary;
        if (given.value().empty()) break;
        summary.bytes += given.value().size();
        for (const uint8_t byte : given.value()) summary.sum = summary.sum * 31 + byte;
        if (summary.bytes > budget_bytes) std::abort();
    }
    summary.good = true;
    return summary;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const Codec codec = data[0] % 2 == 0 ? Codec::gzip : Codec::zstd;
    const std::span<const uint8_t> bytes(data + 1, size - 1);
    const Summary whole = read(codec, bytes, chunk_bytes), pieces = read(codec, bytes, 7);
    if (whole.good != pieces.good) std::abort();
    if (whole.good && (whole.bytes != pieces.bytes || whole.sum != pieces.sum)) std::abort();
    return 0;
}

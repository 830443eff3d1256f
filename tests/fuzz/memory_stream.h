// The fuzzer's bytes as a Stream, in pieces whose sizes it chooses too: the readers must not care where a piece ends.
#pragma once

#include <algorithm>
#include <span>

#include "image/stream.h"

namespace casemate::fuzz {

class MemoryStream final : public image::Stream {
public:
    MemoryStream(std::span<const uint8_t> bytes, size_t piece) : left_(bytes), piece_(piece) {}
    Result<std::span<const uint8_t>> next() override {
        const auto piece = left_.first(std::min(piece_, left_.size()));
        left_ = left_.subspan(piece.size());
        return piece;
    }

private:
    std::span<const uint8_t> left_;
    size_t piece_;
};

}  // namespace casemate::fuzz

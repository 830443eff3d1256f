// One gzip member at a time, by ISA-L where it was found at build time (a third of zlib's time, PERFORMANCE 6), else by
// zlib. Both check the member's CRC-32 and length.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"

namespace casemate::image {

class Gunzip {
public:
    Gunzip();
    ~Gunzip();

    // True before the first member, and after each member's trailer was checked.
    bool between_members() const { return between_; }
    void start_member();
    // Takes bytes from the front of `input`, gives bytes into `output`, returns how many. With an empty input it gives
    // what is still buffered.
    Result<size_t> step(std::span<const uint8_t>& input, std::span<uint8_t> output);

private:
    struct State;
    std::unique_ptr<State> state_;
    bool between_ = true;
};

}  // namespace casemate::image

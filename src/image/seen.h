// The names that the layer at hand has made: whiteouts and opaque marks hide only what is below (layer.md, Whiteouts),
// whatever their place in the archive. A name is (inode of its directory, leaf), so that aliases through symlinks
// agree.
//
// Kept as 64-bit SipHash values under a random key: an image with a million names costs 16 MiB, and its author cannot
// aim for a collision.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_set>

#include "base/result.h"

namespace casemate::image {

// SipHash-2-4 (Aumasson, Bernstein 2012).
uint64_t siphash(uint64_t key0, uint64_t key1, std::string_view text);

class SeenNames {
public:
    static Result<SeenNames> make();  // takes the key from getrandom(2)
    // A new layer begins. `lower` says whether there is anything below it to hide; without, nothing is recorded.
    void start_layer(bool lower);
    bool anything_below() const { return recording_; }
    void add(uint64_t directory_inode, std::string_view leaf);
    bool contains(uint64_t directory_inode, std::string_view leaf) const;

private:
    SeenNames(uint64_t key0, uint64_t key1) : key0_(key0), key1_(key1) {}
    uint64_t hash(uint64_t directory_inode, std::string_view leaf) const;
    uint64_t key0_, key1_;
    bool recording_ = false;
    std::unordered_set<uint64_t> hashes_;
};

}  // namespace casemate::image

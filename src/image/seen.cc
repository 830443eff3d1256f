#include "image/seen.h"

#include <sys/random.h>

#include <bit>
#include <cstring>

namespace casemate::image {
namespace {

struct Sip {
    uint64_t v0, v1, v2, v3;
    void round() {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }
    void take(uint64_t word) {
        v3 ^= word;
        round();
        round();
        v0 ^= word;
    }
};

}  // namespace

uint64_t siphash(uint64_t key0, uint64_t key1, std::string_view text) {
    Sip sip{key0 ^ 0x736f6d6570736575, key1 ^ 0x646f72616e646f6d, key0 ^ 0x6c7967656e657261, key1 ^ 0x7465646279746573};
    uint64_t last = static_cast<uint64_t>(text.size()) << 56;
    for (; text.size() >= 8; text.remove_prefix(8)) {
        uint64_t word = 0;
        std::memcpy(&word, text.data(), 8);
        sip.take(word);
    }
    uint64_t tail = 0;
    std::memcpy(&tail, text.data(), text.size());
    last |= tail;
    sip.take(last);
    sip.v2 ^= 0xff;
    for (int i = 0; i < 4; ++i) sip.round();
    return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}

Result<SeenNames> SeenNames::make() {
    uint64_t key[2];
    if (::getrandom(key, sizeof key, 0) != static_cast<ssize_t>(sizeof key)) return Error::sys("getrandom");
    return SeenNames(key[0], key[1]);
}

void SeenNames::start_layer(bool lower) {
    recording_ = lower;
    hashes_.clear();
}

uint64_t SeenNames::hash(uint64_t directory_inode, std::string_view leaf) const {
    return siphash(key0_ ^ directory_inode, key1_, leaf);
}

void SeenNames::add(uint64_t directory_inode, std::string_view leaf) {
    if (recording_) hashes_.insert(hash(directory_inode, leaf));
}

bool SeenNames::contains(uint64_t directory_inode, std::string_view leaf) const {
    return hashes_.contains(hash(directory_inode, leaf));
}

}  // namespace casemate::image

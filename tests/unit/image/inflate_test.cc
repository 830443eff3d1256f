// gzip and zstd: members and frames cut at any place, budgets, and the read-ahead thread.
#include <zlib.h>
#include <zstd.h>

#include <random>

#include "image/inflate.h"
#include "image/seen.h"
#include "scratch.h"

using namespace casemate;
using namespace casemate::image;

namespace {

class Pieces final : public Stream {
public:
    Pieces(std::string_view text, size_t most) : text_(text), most_(most) {}
    Result<std::span<const uint8_t>> next() override {
        const auto piece = text_.substr(0, most_);
        text_.remove_prefix(piece.size());
        return std::span<const uint8_t>(reinterpret_cast<const uint8_t*>(piece.data()), piece.size());
    }

private:
    std::string_view text_;
    size_t most_;
};

std::string gzip(const std::string& text) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string zstd(const std::string& text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
}

Result<std::string> inflated(Codec codec, std::string_view packed, size_t most, bool ahead = false,
                             Limits limits = {}) {
    Budget budget(limits);
    Pieces pieces(packed, most);
    const auto stream = TRY(inflate(codec, pieces, budget));
    const auto thread = ahead ? read_ahead(*stream) : nullptr;
    Stream& source = thread ? *thread : *stream;
    std::string out;
    for (auto piece = TRY(source.next()); !piece.empty(); piece = TRY(source.next()))
        out.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return out;
}

std::string noise(size_t size) {
    std::mt19937 random(3);
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>('a' + random() % 7);
    return text;
}

}  // namespace

TEST_CASE("inflate: members and frames, fed in pieces of any size") {
    const std::string a = noise(300000), b = noise(1), c = noise(70000);
    for (const Codec codec : {Codec::gzip, Codec::zstd}) {
        const auto pack = codec == Codec::gzip ? gzip : zstd;
        const std::string packed = pack(a) + pack(b) + pack("") + pack(c);
        for (const size_t most : {size_t{1}, size_t{2}, size_t{7}, size_t{4096}, packed.size()})
            for (const bool ahead : {false, true}) {
                const auto result = inflated(codec, packed, most, ahead);
                REQUIRE(result);
                CHECK(result.value() == a + b + c);
            }
    }
}

TEST_CASE("inflate: every truncation is an error, but between members") {
    for (const Codec codec : {Codec::gzip, Codec::zstd}) {
        const auto pack = codec == Codec::gzip ? gzip : zstd;
        const std::string first = pack(noise(500)), packed = first + pack(noise(300));
        for (size_t size = 1; size < packed.size(); ++size)
            CHECK_MESSAGE(static_cast<bool>(inflated(codec, packed.substr(0, size), 64)) == (size == first.size()),
                          size);
    }
}

TEST_CASE("inflate: the budget and the ratio end a bomb") {
    const std::string zeros(8 << 20, '\0');
    Limits limits;
    limits.bytes = 1 << 20;
    for (const Codec codec : {Codec::gzip, Codec::zstd}) {
        const std::string packed = codec == Codec::gzip ? gzip(zeros) : zstd(zeros);
        CHECK(inflated(codec, packed, 4096));  // control: below the floor nobody counts
        CHECK(inflated(codec, packed, 4096, true, limits).error().code() == EFBIG);
        Limits ratio;
        ratio.ratio_floor = 1 << 20;
        const auto refused = inflated(codec, packed, 4096, false, ratio);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().text().find("bomb") != std::string::npos);
    }
}

TEST_CASE("read-ahead: it may be left before its end") {
    const std::string packed = gzip(noise(8 << 20));
    Budget budget{Limits{}};
    Pieces pieces(packed, 100000);
    const auto stream = inflate(Codec::gzip, pieces, budget).take();
    const auto ahead = read_ahead(*stream);
    CHECK_FALSE(ahead->next().value().empty());
}

TEST_CASE("siphash: the vectors of its paper") {
    constexpr uint64_t key0 = 0x0706050403020100, key1 = 0x0f0e0d0c0b0a0908;
    std::string text;
    for (char c = 0; c < 15; ++c) text += c;
    CHECK(siphash(key0, key1, text) == 0xa129ca6149be45e5);
    CHECK(siphash(key0, key1, "") == 0x726fdb47dd0e0e31);
}

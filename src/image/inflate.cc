#include "image/inflate.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "image/gunzip.h"

namespace casemate::image {
namespace {

// Charges output to the budget and watches the ratio. Counting is the same for all codecs, so it is here once.
class Meter {
public:
    explicit Meter(Budget& budget) : budget_(budget) {}
    void took(size_t count) { in_ += count; }
    Result<void> gave(size_t count) {
        out_ += count;
        TRY(budget_.charge_bytes(count));
        const Limits& limits = budget_.limits();
        if (out_ > limits.ratio_floor && out_ / limits.ratio > in_)
            return Error::with_code(EFBIG, concat("decompression bomb: over ", limits.ratio, " times its size"))
                .hint("raise the limit with --max-ratio when the image is trusted");
        return {};
    }

private:
    Budget& budget_;
    uint64_t in_ = 0, out_ = 0;
};

class PlainStream final : public Stream {
public:
    PlainStream(Stream& inner, Budget& budget) : inner_(inner), budget_(budget) {}
    Result<std::span<const uint8_t>> next() override {
        const std::span<const uint8_t> chunk = TRY(inner_.next());
        TRY(budget_.charge_bytes(chunk.size()));
        return chunk;
    }

private:
    Stream& inner_;
    Budget& budget_;
};

class GzipStream final : public Stream {
public:
    GzipStream(Stream& inner, Budget& budget) : inner_(inner), meter_(budget), buffer_(chunk_bytes) {}

    Result<std::span<const uint8_t>> next() override {
        while (true) {
            if (input_.empty() && !ended_) {
                input_ = TRY(inner_.next());
                ended_ = input_.empty();
                meter_.took(input_.size());
            }
            // Between members: either the end, or another header.
            if (gunzip_.between_members()) {
                if (input_.empty()) return std::span<const uint8_t>();
                gunzip_.start_member();
            }
            const size_t before = input_.size();
            const size_t made = TRY_IN("gzip", gunzip_.step(input_, buffer_));
            if (made > 0) {
                TRY(meter_.gave(made));
                return std::span<const uint8_t>(buffer_.data(), made);
            }
            if (gunzip_.between_members()) continue;
            if (ended_) return Error::with_code(EIO, "gzip: truncated: the stream ends in the middle");
            if (!input_.empty() && input_.size() == before) return Error::with_code(EBADMSG, "gzip: no progress");
        }
    }

private:
    Stream& inner_;
    Meter meter_;
    Gunzip gunzip_;
    std::vector<uint8_t> buffer_;
    std::span<const uint8_t> input_;
    bool ended_ = false;
};

class ZstdStream final : public Stream {
public:
    ZstdStream(Stream& inner, Budget& budget)
        : inner_(inner), meter_(budget), context_(ZSTD_createDCtx()), buffer_(chunk_bytes) {
        if (context_)
            ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, static_cast<int>(budget.limits().window_log));
    }
    bool valid() const { return context_ != nullptr; }

    Result<std::span<const uint8_t>> next() override {
        while (true) {
            if (input_.empty() && !ended_) {
                input_ = TRY(inner_.next());
                ended_ = input_.empty();
                meter_.took(input_.size());
            }
            if (input_.empty() && !flushing_) {
                if (in_frame_) return Error::with_code(EIO, "zstd: truncated: the stream ends in the middle");
                return std::span<const uint8_t>();
            }
            ZSTD_inBuffer in{input_.data(), input_.size(), 0};
            ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
            const size_t state = ZSTD_decompressStream(context_.get(), &out, &in);
            if (ZSTD_isError(state)) return Error::with_code(EBADMSG, concat("zstd: ", ZSTD_getErrorName(state)));
            input_ = input_.subspan(in.pos);
            in_frame_ = state != 0;
            flushing_ = in_frame_ && out.pos == out.size;
            if (out.pos == 0) continue;
            TRY(meter_.gave(out.pos));
            return std::span<const uint8_t>(buffer_.data(), out.pos);
        }
    }

private:
    struct Free {
        void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
    };
    Stream& inner_;
    Meter meter_;
    std::unique_ptr<ZSTD_DCtx, Free> context_;
    std::vector<uint8_t> buffer_;
    std::span<const uint8_t> input_;
    bool ended_ = false, in_frame_ = false, flushing_ = false;
};

bool starts(std::span<const uint8_t> bytes, std::string_view magic) {
    return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

}  // namespace

std::string_view codec_name(Codec codec) {
    switch (codec) {
        case Codec::none: return "plain tar";
        case Codec::gzip: return "gzip";
        case Codec::zstd: return "zstd";
    }
    return "?";
}

Result<Codec> sniff_codec(std::span<const uint8_t> start) {
    if (starts(start, "\x1f\x8b")) return Codec::gzip;
    // A zstd frame, or one of the sixteen kinds of skippable frame (RFC 8878 3.1.2).
    if (starts(start, "\x28\xb5\x2f\xfd")) return Codec::zstd;
    if (start.size() >= 4 && (start[0] & 0xf0) == 0x50 && starts(start.subspan(1), "\x2a\x4d\x18")) return Codec::zstd;
    const auto unread = [](std::string_view name) {
        return Error::with_code(EOPNOTSUPP, concat("compressed with ", name, ": only gzip and zstd are read"));
    };
    if (starts(start, std::string_view("\xfd"
                                       "7zXZ\0",
                                       6)))
        return unread("xz");
    if (starts(start, "BZh")) return unread("bzip2");
    return Codec::none;
}

Result<Codec> sniff_codec(const Extent& extent) {
    Extent head = extent;
    head.size = std::min<uint64_t>(extent.size, 8);
    FileStream stream(head);
    return sniff_codec(TRY(stream.next()));
}

Result<std::unique_ptr<Stream>> inflate(Codec codec, Stream& inner, Budget& budget) {
    switch (codec) {
        case Codec::none: return std::unique_ptr<Stream>(std::make_unique<PlainStream>(inner, budget));
        case Codec::gzip: return std::unique_ptr<Stream>(std::make_unique<GzipStream>(inner, budget));
        case Codec::zstd: {
            auto stream = std::make_unique<ZstdStream>(inner, budget);
            if (!stream->valid()) return Error::with_code(ENOMEM, "zstd: out of memory");
            return std::unique_ptr<Stream>(std::move(stream));
        }
    }
    return Error::invalid("unknown codec");
}

}  // namespace casemate::image

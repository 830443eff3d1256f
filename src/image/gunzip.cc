#include "image/gunzip.h"

#include "base/text.h"

#ifdef CASEMATE_ISAL
#include <isa-l/igzip_lib.h>

namespace casemate::image {

struct Gunzip::State {
    inflate_state isal;
};

Gunzip::Gunzip() : state_(std::make_unique<State>()) { isal_inflate_init(&state_->isal); }
Gunzip::~Gunzip() = default;

void Gunzip::start_member() {
    isal_inflate_reset(&state_->isal);
    state_->isal.crc_flag = ISAL_GZIP;
    between_ = false;
}

Result<size_t> Gunzip::step(std::span<const uint8_t>& input, std::span<uint8_t> output) {
    inflate_state& isal = state_->isal;
    isal.next_in = const_cast<uint8_t*>(input.data());  // ISA-L's interface; it only reads
    isal.avail_in = static_cast<uint32_t>(input.size());
    isal.next_out = output.data();
    isal.avail_out = static_cast<uint32_t>(output.size());
    const int code = isal_inflate(&isal);
    if (code == ISAL_INCORRECT_CHECKSUM) return Error::with_code(EBADMSG, "wrong checksum");
    if (code == ISAL_INVALID_WRAPPER || code == ISAL_UNSUPPORTED_METHOD)
        return Error::with_code(EBADMSG, "bytes that are no gzip header");
    if (code < 0 || code == ISAL_NEED_DICT) return Error::with_code(EBADMSG, concat("damaged data (", code, ")"));
    input = input.subspan(input.size() - isal.avail_in);
    if (isal.block_state == ISAL_BLOCK_FINISH) between_ = true;
    return output.size() - isal.avail_out;
}

}  // namespace casemate::image

#else
#include <zlib.h>

namespace casemate::image {

struct Gunzip::State {
    z_stream zlib{};
    bool ready = false;
};

Gunzip::Gunzip() : state_(std::make_unique<State>()) {
    state_->ready = ::inflateInit2(&state_->zlib, 15 + 16) == Z_OK;  // 16: a gzip wrapper, and nothing else
}
Gunzip::~Gunzip() {
    if (state_->ready) ::inflateEnd(&state_->zlib);
}

void Gunzip::start_member() {
    if (state_->ready) ::inflateReset(&state_->zlib);
    between_ = false;
}

Result<size_t> Gunzip::step(std::span<const uint8_t>& input, std::span<uint8_t> output) {
    if (!state_->ready) return Error::with_code(ENOMEM, "out of memory");
    z_stream& zlib = state_->zlib;
    zlib.next_in = const_cast<Bytef*>(input.data());  // zlib's interface; it only reads
    zlib.avail_in = static_cast<uInt>(input.size());
    zlib.next_out = output.data();
    zlib.avail_out = static_cast<uInt>(output.size());
    const int code = ::inflate(&zlib, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return Error::with_code(EBADMSG, zlib.msg ? zlib.msg : "damaged data");
    input = input.subspan(input.size() - zlib.avail_in);
    if (code == Z_STREAM_END) between_ = true;
    return output.size() - zlib.avail_out;
}

}  // namespace casemate::image
#endif

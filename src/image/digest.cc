#include "image/digest.h"

#include <openssl/evp.h>

#include "base/text.h"

namespace casemate::image {

void Hasher::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Result<Hasher> Hasher::make(oci::Digest::Algorithm algorithm) {
    std::unique_ptr<evp_md_ctx_st, Free> context(EVP_MD_CTX_new());
    const EVP_MD* method = algorithm == oci::Digest::Algorithm::sha256 ? EVP_sha256() : EVP_sha512();
    if (!context || EVP_DigestInit_ex(context.get(), method, nullptr) != 1)
        return Error::invalid("libcrypto offers no SHA-2");
    return Hasher(std::move(context));
}

void Hasher::update(std::span<const uint8_t> bytes) {
    // Fails only for a context that was never initialised or already finished.
    if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) std::terminate();
}

std::string Hasher::finish() {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context_.get(), raw, &size) != 1) std::terminate();
    static constexpr char digits[] = "0123456789abcdef";
    std::string hex;
    hex.reserve(size * 2);
    for (unsigned i = 0; i < size; ++i) {
        hex += digits[raw[i] >> 4];
        hex += digits[raw[i] & 15];
    }
    return hex;
}

Result<void> warm_up_hashing() {
    for (const auto algorithm : {oci::Digest::Algorithm::sha256, oci::Digest::Algorithm::sha512}) {
        Hasher hasher = TRY(Hasher::make(algorithm));
        hasher.update({});
        hasher.finish();
    }
    return {};
}

Error digest_mismatch(const oci::Digest& expected, std::string_view actual_hex) {
    return Error::with_code(EBADMSG, concat("digest mismatch: expected ", expected.text(), ", got ",
                                            expected.algorithm_name(), ":", actual_hex))
        .hint("the content is damaged or was changed after the image was made; fetch it again");
}

Result<void> verify_digest(const oci::Digest& digest, std::string_view text) {
    Hasher hasher = TRY(Hasher::make(digest.algorithm()));
    hasher.update({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    const std::string actual = hasher.finish();
    if (actual != digest.hex()) return digest_mismatch(digest, actual);
    return {};
}

}  // namespace casemate::image

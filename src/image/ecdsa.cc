#include "image/ecdsa.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <climits>
#include <memory>
#include <span>
#include <vector>

#include "base/text.h"

namespace casemate::image {
namespace {

template <typename T, void (*release)(T*)>
struct Release {
    void operator()(T* object) const { release(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY, EVP_PKEY_free>>;
using Context = std::unique_ptr<EVP_MD_CTX, Release<EVP_MD_CTX, EVP_MD_CTX_free>>;

struct FreeBio {
    void operator()(BIO* bio) const { BIO_free(bio); }
};

Result<Key> read_key(std::string_view pem) {
    if (pem.size() > INT_MAX) return Error::invalid("a public key that is too long");
    const std::unique_ptr<BIO, FreeBio> text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    Key key(text ? PEM_read_bio_PUBKEY(text.get(), nullptr, nullptr, nullptr) : nullptr);
    ERR_clear_error();
    if (!key) return Error::invalid("no public key in PEM form");
    char curve[32] = "";
    const bool elliptic = EVP_PKEY_is_a(key.get(), "EC") == 1 &&
                          EVP_PKEY_get_group_name(key.get(), curve, sizeof curve, nullptr) == 1;
    ERR_clear_error();
    if (!elliptic || std::string_view(curve) != "prime256v1")
        return Error::invalid("a public key of another kind than ECDSA P-256");
    return key;
}

// Strict: the alphabet and its padding, nothing between, and of several texts for the same bytes the one with no bit left over.
Result<std::vector<unsigned char>> decode_base64(std::string_view text) {
    constexpr size_t max_bytes = 4096;
    const size_t padding = text.size() - std::min(text.size(), text.find_last_not_of('=') + 1);
    if (text.empty() || text.size() % 4 != 0 || text.size() > max_bytes || padding > 2)
        return Error::with_code(EBADMSG, "the signature is not base64");
    std::vector<unsigned char> bytes(text.size() / 4 * 3);
    const int size = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0) return Error::with_code(EBADMSG, "the signature is not base64");
    bytes.resize(static_cast<size_t>(size) - padding);
    std::vector<unsigned char> again(text.size() + 1);
    EVP_EncodeBlock(again.data(), bytes.data(), static_cast<int>(bytes.size()));
    if (!std::ranges::equal(text, std::span(again).first(text.size()), {}, [](char c) { return static_cast<unsigned char>(c); }))
        return Error::with_code(EBADMSG, "the signature is not base64");
    return bytes;
}

}  // namespace

Result<void> verify_ecdsa_p256(std::string_view key_pem, std::string_view message, std::string_view signature) {
    const Key key = TRY(read_key(key_pem));
    const std::vector<unsigned char> bytes = TRY(decode_base64(signature));
    const Context context(EVP_MD_CTX_new());
    if (!context || EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1)
        return Error::invalid("libcrypto offers no ECDSA");
    const int verdict = EVP_DigestVerify(context.get(), bytes.data(), bytes.size(),
                                         reinterpret_cast<const unsigned char*>(message.data()), message.size());
    ERR_clear_error();
    if (verdict != 1) return Error::with_code(EBADMSG, "the signature does not hold");
    return {};
}

}  // namespace casemate::image

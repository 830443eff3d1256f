// Hashing in passing: OpenSSL's EVP, because it uses the SHA instructions (PERFORMANCE 6: 0.15 s for 235 MB).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "oci/image.h"

struct evp_md_ctx_st;

namespace casemate::image {

class Hasher {
public:
    static Result<Hasher> make(oci::Digest::Algorithm algorithm);

    void update(std::span<const uint8_t> bytes);
    // Lower-case hexadecimal. Once.
    std::string finish();

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    explicit Hasher(std::unique_ptr<evp_md_ctx_st, Free> context) : context_(std::move(context)) {}
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// Makes OpenSSL load what it loads lazily, so that a confined process opens no file for it.
Result<void> warm_up_hashing();

// Is `text` what `digest` promises? The error names both.
Result<void> verify_digest(const oci::Digest& digest, std::string_view text);

// The error for content whose digest is another: "expected sha256:..., got sha256:...".
Error digest_mismatch(const oci::Digest& expected, std::string_view actual_hex);

}  // namespace casemate::image

// One signature scheme: ECDSA over P-256 with SHA-256, the one that cosign's key pairs have. Others are refused, so that
// no weak one can be talked into.
#pragma once

#include <string_view>

#include "base/result.h"

namespace casemate::image {

// `key_pem`: a SubjectPublicKeyInfo ("-----BEGIN PUBLIC KEY-----"). `signature`: base64 of the DER form (RFC 3279
// 2.2.3). EINVAL for a key that is none of P-256, EBADMSG for a signature that does not hold.
Result<void> verify_ecdsa_p256(std::string_view key_pem, std::string_view message, std::string_view signature);

}  // namespace casemate::image

// What was attached to an image: signatures, SBOMs, attestations, as the unpacking worker found them in the layout
// (docs/image-json.md, attachments.json). An attachment is bound to the image by its digest; that says nothing yet
// about who made it: only a signature that holds under a key of the operator's does.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::audit {

struct AttachedLayer {
    std::string media_type, digest;
    std::map<std::string, std::string> annotations;
    std::string payload;  // of a signature
};

struct Attachment {
    std::string digest, reference, artifact_type, config_type;
    std::vector<AttachedLayer> layers;
    std::string error;  // could not be read: attests to nothing
};

Result<std::vector<Attachment>> parse_attachments(std::string_view json);

bool is_signature(const Attachment& attachment);
// SPDX or CycloneDX, plain or as an in-toto statement.
bool is_bill_of_materials(const Attachment& attachment);

// The manifest digest that a simple-signing payload speaks of (containers/image, docs/containers-signature.5.md).
// Errors: another type of statement, no digest.
Result<std::string> signed_digest(std::string_view payload);

struct PublicKey {
    std::string name;  // the file's
    std::string pem;
};
// Does `signature` (base64) of `payload` hold under the key?
using VerifySignature =
    std::function<Result<void>(std::string_view pem, std::string_view payload, std::string_view signature)>;

struct SignatureVerdict {
    bool verified = false;
    std::string key;     // which one
    std::string digest;  // of the signature's own manifest
    std::string reason;  // why not
};

// One signature that holds under one of the keys, over a payload that names this manifest, is enough. Others do not
// weaken it: anybody may attach something.
SignatureVerdict judge_signatures(const std::vector<Attachment>& attachments, std::string_view manifest_digest,
                                  const std::vector<PublicKey>& keys, const VerifySignature& verify);

}  // namespace casemate::audit

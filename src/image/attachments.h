// What else a layout holds about an image: signatures, SBOMs, attestations. They are manifests that name the image in
// `subject` (image-spec manifest.md), or whose reference does ("sha256-HEX.sig", as cosign names them).
//
// Found by the worker, because it is the one that may look at hostile documents; judged by casemate-audit.
#pragma once

#include <string>

#include "image/select.h"

namespace casemate::image {

// Is this the name of something attached: sha256-<64 hexadecimal digits>.sig, .att or .sbom? Never an image of its own.
bool is_attachment_name(std::string_view reference);

// All attachments of `image`, as JSON (docs/image-json.md, attachments.json). Simple-signing payloads come along as
// text, verified. What cannot be read is listed with its error and attests to nothing; a docker archive has none.
std::string attachments_of(Source& source, const ChosenImage& image, const Limits& limits);

}  // namespace casemate::image

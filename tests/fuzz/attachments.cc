// What the worker says is attached to an image, and the payloads that it found: read by the program that decides about
// signatures. A verifier that refuses everything must never end in "verified".
// rooms: audit
#include <cstdlib>
#include <string>

#include "audit/attachments.h"

using namespace casemate::audit;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto digest = signed_digest(text);
    if (digest && digest.value().empty()) std::abort();
    const auto list = parse_attachments(text);
    if (!list) return 0;
    for (const Attachment& attachment : list.value()) (void)(is_signature(attachment) || is_bill_of_materials(attachment));
    const auto refuse = [](std::string_view, std::string_view, std::string_view) -> casemate::Result<void> {
        return casemate::Error::invalid("no");
    };
    if (judge_signatures(list.value(), "sha256:manifest", {{"key", "pem"}}, refuse).verified) std::abort();
    return 0;
}

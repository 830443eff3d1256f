#include "audit/attachments.h"

#include <algorithm>

#include "audit/fields.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

constexpr std::string_view simple_signing = "application/vnd.dev.cosign.simplesigning.v1+json";
constexpr std::string_view signature_key = "dev.cosignproject.cosign/signature";

AttachedLayer read_layer(const Fields& fields) {
    AttachedLayer layer{fields.text("mediaType"), fields.text("digest"), {}, fields.text("payload")};
    if (const json::Value* const annotations = fields.raw("annotations"))
        for (const json::Member& member : annotations->members())
            layer.annotations.emplace(member.key, member.value.string());
    return layer;
}

bool speaks_of_materials(std::string_view type) {
    return type.find("spdx") != std::string_view::npos || type.find("cyclonedx") != std::string_view::npos;
}

}  // namespace

Result<std::vector<Attachment>> parse_attachments(std::string_view json) {
    const json::Document document = TRY(json::Document::parse(json));
    if (!document.root().is_array()) return Error::invalid("$: expected a list");
    std::optional<Error> problem;
    std::vector<Attachment> list;
    for (const json::Value& item : document.root().items()) {
        const Fields fields(item, json::child_path("$", list.size()), problem);
        Attachment attachment{fields.text("digest"), fields.text("reference"), fields.text("artifactType"),
                              fields.text("configType"), {}, fields.text("error")};
        for (const Fields& layer : fields.objects("layers")) attachment.layers.push_back(read_layer(layer));
        list.push_back(std::move(attachment));
    }
    if (problem) return *std::move(problem);
    return list;
}

bool is_signature(const Attachment& attachment) {
    return std::ranges::any_of(attachment.layers, [](const AttachedLayer& layer) {
        return layer.media_type == simple_signing && layer.annotations.contains(std::string(signature_key));
    });
}

bool is_bill_of_materials(const Attachment& attachment) {
    if (speaks_of_materials(attachment.artifact_type)) return true;
    return std::ranges::any_of(attachment.layers, [](const AttachedLayer& layer) {
        const auto predicate = layer.annotations.find("in-toto.io/predicate-type");
        return speaks_of_materials(layer.media_type) ||
               (predicate != layer.annotations.end() && speaks_of_materials(predicate->second));
    });
}

Result<std::string> signed_digest(std::string_view payload) {
    const json::Document document = TRY(json::Document::parse(payload));
    std::optional<Error> problem;
    const Fields critical = Fields(document.root(), "$", problem).object("critical");
    const std::string type = critical.text("type");
    std::string digest = critical.object("image").text("docker-manifest-digest");
    if (problem) return *std::move(problem);
    if (type != "cosign container image signature" && type != "atomic container signature")
        return Error::invalid(concat("$.critical.type: ", quoted(type), " is no signature of an image"));
    if (digest.empty()) return Error::invalid("$.critical.image: names no digest");
    return digest;
}

SignatureVerdict judge_signatures(const std::vector<Attachment>& attachments, std::string_view manifest_digest,
                                  const std::vector<PublicKey>& keys, const VerifySignature& verify) {
    SignatureVerdict verdict;
    if (manifest_digest.empty()) return verdict.reason = "a docker archive carries no signature", verdict;
    if (keys.empty()) return verdict.reason = "there is no public key to check with", verdict;
    verdict.reason = "the image is not signed";
    for (const Attachment& attachment : attachments) {
        if (!attachment.error.empty()) verdict.reason = attachment.error;
        for (const AttachedLayer& layer : attachment.layers) {
            const auto signature = layer.annotations.find(std::string(signature_key));
            if (layer.media_type != simple_signing || signature == layer.annotations.end()) continue;
            for (const PublicKey& key : keys) {
                // The signature first: what nobody vouches for is not even read.
                const auto holds = verify(key.pem, layer.payload, signature->second);
                if (!holds) {
                    verdict.reason = concat("under ", quoted(key.name), ": ", holds.error().text());
                    continue;
                }
                const auto digest = signed_digest(layer.payload);
                if (digest && digest.value() == manifest_digest) return {true, key.name, attachment.digest, {}};
                verdict.reason = digest ? concat("the signature is for ", printable(digest.value()))
                                        : concat("the signed payload: ", digest.error().text());
            }
        }
    }
    return verdict;
}

}  // namespace casemate::audit

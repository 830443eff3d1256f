#include "image/attachments.h"

#include "base/text.h"
#include "image/digest.h"
#include "json/value.h"
#include "json/writer.h"

namespace casemate::image {
namespace {

constexpr std::string_view simple_signing = "application/vnd.dev.cosign.simplesigning.v1+json";
constexpr size_t max_attachments = 256, max_payload_bytes = 64 << 10;

std::string text(const json::Value& object, std::string_view key) {
    const json::Value* const value = object.find(key);
    return value ? std::string(value->string()) : std::string();
}

std::string tag_of(const oci::Digest& digest) { return concat(digest.algorithm_name(), "-", digest.hex()); }

Result<std::string> read_blob(Source& source, const oci::Digest& digest, size_t limit) {
    std::string content = TRY(source.read(digest.blob_path(), limit));
    TRY(verify_digest(digest, content));
    return content;
}

void write_annotations(json::Writer& out, const json::Value& object) {
    out.key("annotations").begin_object();
    if (const json::Value* const annotations = object.find("annotations"))
        for (const json::Member& member : annotations->members())
            if (member.value.is_string()) out.field(member.key, member.value.string());
    out.end_object();
}

Result<void> write_layer(json::Writer& out, Source& source, const json::Value& layer) {
    const std::string type = text(layer, "mediaType");
    const oci::Digest digest = TRY(oci::Digest::parse(text(layer, "digest")));
    std::string payload;
    if (type == simple_signing) payload = TRY(read_blob(source, digest, max_payload_bytes));
    out.begin_object().field("mediaType", type).field("digest", digest.text());
    write_annotations(out, layer);
    if (type == simple_signing) out.field("payload", payload);
    out.end_object();
    return {};
}

// The manifest behind `entry` as one JSON object, or nothing when it belongs to another image.
Result<std::string> describe(Source& source, const oci::Descriptor& entry, const ChosenImage& image,
                             const Limits& limits) {
    const std::string manifest = TRY(read_blob(source, entry.digest, limits.document_bytes));
    const json::Document document = TRY(json::Document::parse(manifest));
    const json::Value& root = document.root();
    const json::Value* const subject = root.find("subject");
    const std::string about = subject ? text(*subject, "digest") : std::string();
    const std::string_view name = entry.reference();
    const bool named = name.starts_with(tag_of(*image.manifest_digest) + ".") && is_attachment_name(name);
    if (about != image.manifest_digest->text() && !named) return std::string();
    json::Writer out;
    out.begin_object().field("digest", entry.digest.text()).field("reference", name);
    out.field("artifactType", text(root, "artifactType"));
    const json::Value* const config = root.find("config");
    out.field("configType", config ? text(*config, "mediaType") : std::string());
    write_annotations(out, root);
    out.key("layers").begin_array();
    if (const json::Value* const layers = root.find("layers"))
        for (const json::Value& layer : layers->items()) TRY(write_layer(out, source, layer));
    out.end_array().end_object();
    return out.take();
}

std::string failure(const oci::Descriptor& entry, const Error& error) {
    json::Writer out;
    out.begin_object().field("digest", entry.digest.text()).field("reference", entry.reference());
    out.field("error", error.text()).end_object();
    return out.take();
}

Result<oci::Index> read_index(Source& source, const Limits& limits) {
    const std::string content = TRY(source.read("index.json", limits.document_bytes));
    return oci::parse_index(content);
}

}  // namespace

bool is_attachment_name(std::string_view reference) {
    constexpr std::string_view prefix = "sha256-";
    if (!reference.starts_with(prefix) || reference.size() < prefix.size() + 64) return false;
    const std::string_view hex = reference.substr(prefix.size(), 64), end = reference.substr(prefix.size() + 64);
    return hex.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
           (end == ".sig" || end == ".att" || end == ".sbom");
}

std::string attachments_of(Source& source, const ChosenImage& image, const Limits& limits) {
    json::Writer out;
    out.begin_array();
    // The docker form has no index; one that could not be read would have ended the choice of the image.
    const auto index = image.manifest_digest ? read_index(source, limits) : Result<oci::Index>(oci::Index());
    size_t seen = 0;
    if (index)
        for (const oci::Descriptor& entry : index.value().manifests) {
            if (entry.media_type != oci::MediaType::manifest || entry.digest == image.manifest_digest) continue;
            if (++seen > max_attachments) break;
            const auto described = describe(source, entry, image, limits);
            if (!described) out.raw(failure(entry, described.error()));
            if (described && !described.value().empty()) out.raw(described.value());
        }
    out.end_array();
    return out.take();
}

}  // namespace casemate::image

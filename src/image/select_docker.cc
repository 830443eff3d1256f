// Docker archives (`docker save`): manifest.json names a config and the layers. No digest covers manifest.json; the
// config's is its file name, and the layers' are the config's diff ids.
#include <algorithm>

#include "base/text.h"
#include "image/select.h"

namespace casemate::image {
namespace {

// "HEX.json" (old form) and "blobs/sha256/HEX" (since docker 25) name the config's digest.
std::optional<oci::Digest> digest_in_name(std::string_view name) {
    if (const size_t slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
    if (name.ends_with(".json")) name.remove_suffix(5);
    auto digest = oci::Digest::parse(concat("sha256:", name));
    if (!digest) return std::nullopt;
    return std::move(digest).take();
}

Result<const oci::DockerImage*> pick(const std::vector<oci::DockerImage>& images, const std::string& reference) {
    std::vector<std::string> names;
    for (const oci::DockerImage& image : images) {
        for (const std::string& tag : image.repo_tags) {
            if (!reference.empty() && tag == reference) return &image;
            names.push_back(tag);
        }
    }
    if (!reference.empty()) return unknown_reference(reference, names);
    if (images.size() == 1) return &images.front();
    if (images.empty()) return Error::with_code(ENOENT, "no image in the archive");
    return Error::invalid(concat("several images: ", join(names, ", ")))
        .hint("choose one with --ref REF or SOURCE:REF");
}

}  // namespace

Result<ChosenImage> choose_docker_image(Source& source, const Wanted& wanted, const Limits& limits) {
    auto text = source.read("manifest.json", limits.document_bytes);
    if (!text && text.error().code() == ENOENT)
        return Error::with_code(ENOENT,
                                "neither an OCI layout nor a docker archive: no 'oci-layout', no 'manifest.json'");
    const std::string manifest_text = TRY(std::move(text));
    const auto images = TRY_IN("'manifest.json'", oci::parse_docker_manifest(manifest_text));
    const oci::DockerImage* picked = TRY(pick(images, wanted.reference));

    std::string config_text = TRY_IN("image config", source.read(picked->config, limits.document_bytes));
    const std::optional<oci::Digest> digest = digest_in_name(picked->config);
    if (digest) TRY_IN("image config", verify_digest(*digest, config_text));
    oci::ImageConfig config = TRY_IN("image config", oci::parse_image_config(config_text));
    TRY(check_platform(config, wanted.platform));
    if (picked->layers.size() != config.diff_ids.size())
        return Error::with_code(EBADMSG, concat("'manifest.json' has ", picked->layers.size(), " layers, the config ",
                                                config.diff_ids.size(), " diff ids"));
    ChosenImage image{
        "docker-archive", wanted.reference, std::nullopt, digest, std::move(config_text), std::move(config), {}, {}};
    if (image.reference.empty() && !picked->repo_tags.empty()) image.reference = picked->repo_tags.front();
    for (size_t i = 0; i < picked->layers.size(); ++i) {
        const Extent blob = TRY_IN(concat("layer ", i + 1), source.find(picked->layers[i]));
        const Codec codec = TRY_IN(concat("layer ", i + 1), sniff_codec(blob));
        image.layers.push_back({LayerSource{blob, codec, std::nullopt, image.config.diff_ids[i]}, blob.size});
    }
    return image;
}

}  // namespace casemate::image

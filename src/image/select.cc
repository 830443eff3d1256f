#include "image/select.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "image/attachments.h"

namespace casemate::image {
namespace {

std::vector<std::string> references(const oci::Index& index) {
    std::set<std::string> names;
    for (const oci::Descriptor& descriptor : index.manifests)
        if (!descriptor.reference().empty()) names.emplace(descriptor.reference());
    return {names.begin(), names.end()};
}

std::string platforms(const oci::Index& index) {
    std::set<std::string> names;
    for (const oci::Descriptor& descriptor : index.manifests)
        if (descriptor.platform) names.insert(oci::describe(*descriptor.platform));
    const std::vector<std::string> list(names.begin(), names.end());
    return list.empty() ? "none that say so" : join(list, ", ");
}

// A blob's extent, as long as its descriptor says.
Result<Extent> find_blob(Source& source, const oci::Descriptor& descriptor) {
    const std::string name = descriptor.digest.blob_path();
    auto found = source.find(name);
    if (!found && found.error().code() == ENOENT)
        return Error::with_code(ENOENT, concat("blob ", quoted(name), " is missing"))
            .hint("the layout is incomplete; copy the image again");
    const Extent extent = TRY(std::move(found));
    if (extent.size != descriptor.size)
        return Error::with_code(EBADMSG, concat("blob ", quoted(name), " has ", extent.size,
                                                " bytes, its descriptor says ", descriptor.size))
            .hint(extent.size < descriptor.size ? "the blob is truncated; copy the image again" : "");
    return extent;
}

Result<std::string> read_document(Source& source, const oci::Descriptor& descriptor, const Limits& limits) {
    TRY(find_blob(source, descriptor));
    const std::string name = descriptor.digest.blob_path();
    std::string text = TRY(source.read(name, limits.document_bytes));
    TRY_IN(quoted(name), verify_digest(descriptor.digest, text));
    return text;
}

Codec codec_of(oci::MediaType type) {
    switch (type) {
        case oci::MediaType::layer_tar_gzip: return Codec::gzip;
        case oci::MediaType::layer_tar_zstd: return Codec::zstd;
        default: return Codec::none;
    }
}

Result<ChosenLayer> choose_layer(Source& source, const oci::Descriptor& descriptor, const oci::Digest& diff_id) {
    if (!oci::is_layer(descriptor.media_type))
        return Error::with_code(EOPNOTSUPP, concat("media type ", quoted(descriptor.media_type_text)));
    const Extent blob = TRY(find_blob(source, descriptor));
    const Codec said = codec_of(descriptor.media_type), is = TRY(sniff_codec(blob));
    // Polyglots: the media type and the bytes must tell the same (CVE-2021-41190).
    if (said != is)
        return Error::with_code(EBADMSG,
                                concat("its media type says ", codec_name(said), ", its content is ", codec_name(is)));
    return ChosenLayer{LayerSource{blob, said, descriptor.digest, diff_id}, descriptor.size};
}

Result<ChosenImage> read_image(Source& source, const oci::Descriptor& descriptor, const Wanted& wanted,
                               const Limits& limits) {
    const std::string manifest_text = TRY_IN("manifest", read_document(source, descriptor, limits));
    const oci::Manifest manifest = TRY_IN("manifest", oci::parse_manifest(manifest_text));
    if (manifest.config.media_type != oci::MediaType::image_config)
        return Error::with_code(EOPNOTSUPP,
                                concat("no runnable image: its config is ", quoted(manifest.config.media_type_text)));
    std::string config_text = TRY_IN("image config", read_document(source, manifest.config, limits));
    oci::ImageConfig config = TRY_IN("image config", oci::parse_image_config(config_text));
    TRY(check_platform(config, wanted.platform));
    if (manifest.layers.size() != config.diff_ids.size())
        return Error::with_code(EBADMSG, concat("the manifest has ", manifest.layers.size(), " layers, the config ",
                                                config.diff_ids.size(), " diff ids"));
    ChosenImage image{"oci",
                      std::string(descriptor.reference()),
                      descriptor.digest,
                      manifest.config.digest,
                      std::move(config_text),
                      std::move(config),
                      {},
                      manifest.annotations};
    for (size_t i = 0; i < manifest.layers.size(); ++i)
        image.layers.push_back(
            TRY_IN(concat("layer ", i + 1), choose_layer(source, manifest.layers[i], image.config.diff_ids[i])));
    return image;
}

Error no_match(const oci::Index& index, const Wanted& wanted) {
    const std::vector<std::string> names = references(index);
    const bool known =
        wanted.reference.empty() || std::find(names.begin(), names.end(), wanted.reference) != names.end();
    if (!known) return unknown_reference(wanted.reference, names);
    return Error::with_code(ENOEXEC,
                            concat("no image for ", oci::describe(wanted.platform), "; there is: ", platforms(index)))
        .hint("choose another with --platform OS/ARCH");
}

Result<ChosenImage> from_index(Source& source, const oci::Index& index, const Wanted& wanted, const Limits& limits,
                               int depth) {
    if (depth > oci::max_index_depth) return Error::with_code(ELOOP, "indexes nested too deep");
    auto candidates = oci::matching(index, wanted.platform, wanted.reference);
    // Signatures and the like are no images of their own, though they look the same.
    if (wanted.reference.empty())
        std::erase_if(candidates, [](const oci::Descriptor* one) { return is_attachment_name(one->reference()); });
    if (candidates.empty()) return no_match(index, wanted);
    if (wanted.reference.empty()) {
        std::set<std::string_view> names;
        for (const oci::Descriptor* candidate : candidates) names.insert(candidate->reference());
        if (names.size() > 1)
            return Error::invalid(concat("several images: ", join(references(index), ", ")))
                .hint("choose one with --ref REF or SOURCE:REF");
    }
    // Of several matches the first (image-index.md); a nested index without a match is passed over.
    for (const oci::Descriptor* candidate : candidates) {
        if (candidate->media_type != oci::MediaType::index) return read_image(source, *candidate, wanted, limits);
        const std::string text = TRY_IN("index", read_document(source, *candidate, limits));
        const oci::Index nested = TRY_IN("index", oci::parse_index(text));
        auto image = from_index(source, nested, Wanted{{}, wanted.platform}, limits, depth + 1);
        if (!image && image.error().code() == ENOEXEC && candidate != candidates.back()) continue;
        if (image) image.value().reference = candidate->reference();
        return image;
    }
    return no_match(index, wanted);
}

Result<ChosenImage> choose_oci_image(Source& source, Result<std::string> layout, const Wanted& wanted,
                                     const Limits& limits) {
    const std::string layout_text = TRY(std::move(layout));
    TRY_IN("'oci-layout'", oci::check_layout(layout_text));
    const std::string text = TRY(source.read("index.json", limits.document_bytes));
    const oci::Index index = TRY_IN("'index.json'", oci::parse_index(text));
    return from_index(source, index, wanted, limits, 0);
}

}  // namespace

Error unknown_reference(std::string_view reference, const std::vector<std::string>& available) {
    const std::vector<std::string_view> views(available.begin(), available.end());
    return Error::with_code(ENOENT, concat("no image ", quoted(reference), did_you_mean(reference, views)))
        .hint(available.empty() ? "the images here have no names: leave the reference out"
                                : concat("available: ", printable(join(available, ", "))));
}

Result<void> check_platform(const oci::ImageConfig& config, const oci::Platform& wanted) {
    if (oci::runs_on(config.platform, wanted)) return {};
    return Error::with_code(ENOEXEC, concat("the image is for ", oci::describe(config.platform), ", not for ",
                                            oci::describe(wanted)))
        .hint("choose another with --platform OS/ARCH, or build the image for this machine");
}

Result<ChosenImage> choose_image(Source& source, const Wanted& wanted, const Limits& limits) {
    auto layout = source.read("oci-layout", limits.document_bytes);
    const bool docker = !layout && layout.error().code() == ENOENT;
    ChosenImage image = TRY(docker ? choose_docker_image(source, wanted, limits)
                                   : choose_oci_image(source, std::move(layout), wanted, limits));
    if (image.layers.size() > limits.layers)
        return Error::with_code(EFBIG, concat(image.layers.size(), " layers, more than ", limits.layers));
    return image;
}

}  // namespace casemate::image

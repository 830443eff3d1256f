#include "oci/image.h"

#include <algorithm>

#include "base/text.h"
#include "oci/image_fields.h"

namespace casemate::oci {
namespace {

constexpr json::Limits limits{.bytes = size_t{4} << 20, .depth = 32, .items = 16384};

Result<void> check_kind(const json::Document& document, MediaType expected,
                        std::initializer_list<std::string_view> foreign_keys) {
    const Head head = TRY(read_document<Head>(document, nullptr));
    if (!head.media_type.empty() && media_type_of(head.media_type) != expected)
        return Error::invalid(concat("$.mediaType: expected ", name_of(expected), ", got ", quoted(head.media_type)));
    for (const std::string_view key : foreign_keys)
        if (document.root().find(key))
            return Error::invalid(
                concat(json::child_path("$", key), ": does not belong in an image ", name_of(expected)));
    return {};
}

// A path inside an archive: relative, and no way out of it.
bool is_inner_path(std::string_view path) {
    return !path.empty() && path.size() < 4096 && !path.starts_with('/') && is_normal_path(concat("/", path));
}

}  // namespace

Result<void> check_layout(std::string_view text) {
    const json::Document document = TRY(json::Document::parse(text, limits));
    const Layout layout = TRY(read_document<Layout>(document, nullptr));
    if (!layout.version.starts_with("1."))
        return Error::invalid(concat("$.imageLayoutVersion: expected 1.x, got ", quoted(layout.version)));
    return {};
}

Result<Index> parse_index(std::string_view text) {
    const json::Document document = TRY(json::Document::parse(text, limits));
    TRY(check_kind(document, MediaType::index, {"layers", "config", "fsLayers"}));
    return read_document<Index>(document, nullptr);
}

Result<Manifest> parse_manifest(std::string_view text) {
    const json::Document document = TRY(json::Document::parse(text, limits));
    TRY(check_kind(document, MediaType::manifest, {"manifests", "fsLayers"}));
    Manifest manifest = TRY(read_document<Manifest>(document, nullptr));
    if (manifest.config.media_type != MediaType::image_config)
        return Error::invalid(concat("$.config.mediaType: not an image: ", quoted(manifest.config.media_type_text)));
    for (size_t i = 0; i < manifest.layers.size(); ++i)
        if (!is_layer(manifest.layers[i].media_type))
            return Error::invalid(concat("$.layers[", i, "].mediaType: not a layer that can be unpacked: ",
                                         quoted(manifest.layers[i].media_type_text)));
    return manifest;
}

Result<ImageConfig> parse_image_config(std::string_view text) {
    const json::Document document = TRY(json::Document::parse(text, limits));
    return read_document<ImageConfig>(document, nullptr);
}

Result<void> check_layers(const Manifest& manifest, const ImageConfig& config) {
    if (manifest.layers.size() == config.diff_ids.size()) return {};
    return Error::invalid(concat("the manifest has ", manifest.layers.size(), " layers, the configuration ",
                                 config.diff_ids.size(), " diff_ids"));
}

Result<std::vector<DockerImage>> parse_docker_manifest(std::string_view text) {
    const json::Document document = TRY(json::Document::parse(text, limits));
    if (!document.root().is_array())
        return Error::invalid(concat("$: expected an array, got ", json::kind_name(document.root())));
    std::vector<DockerImage> images;
    Reading reading;
    for (const json::Value& item : document.root().items()) {
        const Place place{nullptr, {}, images.size()};
        DockerImage& image = images.emplace_back();
        if (!reading.is(json::Kind::object, item, place)) break;
        Reader reader(reading, item, &place);
        fields(reader, image);
        if (!is_inner_path(image.config))
            reading.fail(place, concat("Config: not a path inside the archive: ", quoted(image.config)));
        for (const std::string& layer : image.layers)
            if (!is_inner_path(layer))
                reading.fail(place, concat("Layers: not a path inside the archive: ", quoted(layer)));
    }
    if (reading.error) return std::move(*reading.error);
    if (images.empty()) return Error::invalid("$: no image");
    return images;
}

}  // namespace casemate::oci

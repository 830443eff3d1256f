// From a source to one image: the reference and platform choose a manifest, and every document is verified against its
// digest before it is parsed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "image/layer.h"
#include "image/source.h"

namespace casemate::image {

struct Wanted {
    std::string reference;  // empty: the only one there is
    oci::Platform platform = oci::native_platform();
};

struct ChosenLayer {
    LayerSource source;
    uint64_t size = 0;  // bytes of the blob
};

struct ChosenImage {
    std::string format;  // "oci" or "docker-archive"
    std::string reference;
    std::optional<oci::Digest> manifest_digest;  // a docker archive's manifest has none
    std::optional<oci::Digest> config_digest;
    std::string config_text;  // as it was verified
    oci::ImageConfig config;
    std::vector<ChosenLayer> layers;  // lowest first
    std::map<std::string, std::string> annotations;  // of the manifest
};

// An OCI layout where there is an index.json, else a docker archive (docker 25 writes both in one).
Result<ChosenImage> choose_image(Source& source, const Wanted& wanted, const Limits& limits);

// Shared by both forms.
Result<void> check_platform(const oci::ImageConfig& config, const oci::Platform& wanted);
Result<ChosenImage> choose_docker_image(Source& source, const Wanted& wanted, const Limits& limits);
Error unknown_reference(std::string_view reference, const std::vector<std::string>& available);

}  // namespace casemate::image

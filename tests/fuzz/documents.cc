// Index, manifest, image config, docker manifest, oci-layout: any text is a value or an error. What passes has digests that
// are no paths, and sizes and names that hold what the types promise. The first byte chooses the document.
// rooms: oci
#include <cstdlib>

#include "oci/conversion.h"
#include "oci/image.h"

using namespace casemate;
using namespace casemate::oci;

namespace {

void check(const Digest& digest) {
    if (digest.text().empty()) return;
    if (digest.hex().find_first_not_of("0123456789abcdef") != std::string_view::npos) std::abort();
    if (digest.hex().size() != (digest.algorithm() == Digest::Algorithm::sha256 ? 64u : 128u)) std::abort();
}

void check(const Descriptor& descriptor) {
    check(descriptor.digest);
    if (descriptor.size > INT64_MAX) std::abort();
}

void read_index(std::string_view text) {
    const auto index = parse_index(text);
    if (!index) return;
    for (const Descriptor& descriptor : index.value().manifests) check(descriptor);
    if (matching(index.value(), native_platform()).size() > index.value().manifests.size()) std::abort();
}

void read_manifest(std::string_view text) {
    const auto manifest = parse_manifest(text);
    if (!manifest) return;
    check(manifest.value().config);
    for (const Descriptor& descriptor : manifest.value().layers) check(descriptor);
}

void read_config(std::string_view text) {
    const auto config = parse_image_config(text);
    if (!config) return;
    for (const Digest& digest : config.value().diff_ids) check(digest);
    const auto process = convert(config.value(), {"root:x:0:0::/:/bin/sh\n", "root:x:0:\n"});
    if (process && !process.value().cwd.starts_with('/')) std::abort();
}

void read_docker(std::string_view text) {
    const auto images = parse_docker_manifest(text);
    if (!images) return;
    for (const DockerImage& image : images.value())
        for (const std::string& layer : image.layers)
            if (layer.starts_with('/') || ("/" + layer + "/").find("/../") != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 5) {
        case 0: read_index(text); break;
        case 1: read_manifest(text); break;
        case 2: read_config(text); break;
        case 3: read_docker(text); break;
        default: static_cast<void>(check_layout(text).operator bool());
    }
    return 0;
}

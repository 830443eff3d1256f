// The words of image documents: digests, media types, platforms, and which entry of an index is meant.
#include <algorithm>

#include "base/text.h"
#include "oci/image.h"

namespace casemate::oci {
namespace {

struct TypeName {
    std::string_view text;
    MediaType type;
};

constexpr TypeName type_names[] = {
    {"application/vnd.oci.image.index.v1+json", MediaType::index},
    {"application/vnd.docker.distribution.manifest.list.v2+json", MediaType::index},
    {"application/vnd.oci.image.manifest.v1+json", MediaType::manifest},
    {"application/vnd.docker.distribution.manifest.v2+json", MediaType::manifest},
    {"application/vnd.oci.image.config.v1+json", MediaType::image_config},
    {"application/vnd.docker.container.image.v1+json", MediaType::image_config},
    {"application/vnd.oci.image.layer.v1.tar", MediaType::layer_tar},
    {"application/vnd.oci.image.layer.v1.tar+gzip", MediaType::layer_tar_gzip},
    {"application/vnd.oci.image.layer.v1.tar+zstd", MediaType::layer_tar_zstd},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar", MediaType::layer_tar},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", MediaType::layer_tar_gzip},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", MediaType::layer_tar_zstd},
    {"application/vnd.docker.image.rootfs.diff.tar", MediaType::layer_tar},
    {"application/vnd.docker.image.rootfs.diff.tar.gzip", MediaType::layer_tar_gzip},
    {"application/vnd.docker.image.rootfs.diff.tar.zstd", MediaType::layer_tar_zstd},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar", MediaType::layer_tar},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", MediaType::layer_tar_gzip},
    {"application/vnd.oci.empty.v1+json", MediaType::empty},
};

bool is_hex(std::string_view text, size_t length) {
    return text.size() == length && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// descriptor.md: algorithm ::= component (separator component)*, encoded ::= [a-zA-Z0-9=_-]+
bool is_grammatical(std::string_view algorithm, std::string_view encoded) {
    constexpr std::string_view separators = "+._-", component = "abcdefghijklmnopqrstuvwxyz0123456789";
    if (encoded.empty() || encoded.size() > 256 || algorithm.empty() || algorithm.size() > 64) return false;
    bool after_component = false;
    for (const char c : algorithm) {
        const bool part = component.find(c) != std::string_view::npos;
        if (!part && (!after_component || separators.find(c) == std::string_view::npos)) return false;
        after_component = part;
    }
    return after_component && std::ranges::all_of(encoded, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '=' ||
                      c == '_' || c == '-';
           });
}

// "v8.1" as 8001; nothing for other words.
std::optional<uint64_t> level_of(std::string_view variant) {
    if (!variant.starts_with('v')) return std::nullopt;
    const std::vector<std::string_view> parts = split(variant.substr(1), '.');
    const std::optional<uint64_t> major = parse_decimal(parts[0], 999);
    const std::optional<uint64_t> minor = parts.size() == 2 ? parse_decimal(parts[1], 999) : 0;
    if (parts.size() > 2 || !major || !minor) return std::nullopt;
    return *major * 1000 + *minor;
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
    const size_t colon = text.find(':');
    const std::string_view algorithm = text.substr(0, colon);
    const std::string_view encoded = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    if (algorithm == "sha256" && is_hex(encoded, 64)) return Digest(Algorithm::sha256, std::string(text));
    if (algorithm == "sha512" && is_hex(encoded, 128)) return Digest(Algorithm::sha512, std::string(text));
    if (algorithm != "sha256" && algorithm != "sha512" && is_grammatical(algorithm, encoded))
        return Error::with_code(EOPNOTSUPP, concat("digest algorithm ", quoted(algorithm), " is not known here"));
    return Error::invalid(concat("not a digest: ", quoted(text.substr(0, 160))));
}

std::string Digest::blob_path() const { return concat("blobs/", algorithm_name(), "/", hex()); }

MediaType media_type_of(std::string_view text) {
    const auto* found = std::ranges::find(type_names, text, &TypeName::text);
    return found == std::end(type_names) ? MediaType::unknown : found->type;
}

bool is_layer(MediaType type) {
    return type == MediaType::layer_tar || type == MediaType::layer_tar_gzip || type == MediaType::layer_tar_zstd;
}

std::string_view name_of(MediaType type) {
    switch (type) {
        case MediaType::unknown: return "unknown";
        case MediaType::index: return "index";
        case MediaType::manifest: return "manifest";
        case MediaType::image_config: return "configuration";
        case MediaType::layer_tar: return "layer (tar)";
        case MediaType::layer_tar_gzip: return "layer (tar+gzip)";
        case MediaType::layer_tar_zstd: return "layer (tar+zstd)";
        case MediaType::empty: return "empty";
    }
    return "unknown";
}

Platform native_platform() {
#if defined(__x86_64__)
    return {"linux", "amd64", "v1", {}, {}};
#elif defined(__aarch64__)
    return {"linux", "arm64", "v8", {}, {}};
#elif defined(__riscv) && __riscv_xlen == 64
    return {"linux", "riscv64", {}, {}, {}};
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
    return {"linux", "ppc64le", {}, {}, {}};
#elif defined(__s390x__)
    return {"linux", "s390x", {}, {}, {}};
#else
#error "GOARCH of this architecture is not known"
#endif
}

bool runs_on(const Platform& offered, const Platform& wanted) {
    const auto agree = [](std::string_view a, std::string_view b) { return a.empty() || b.empty() || a == b; };
    if (!agree(offered.os, wanted.os) || !agree(offered.architecture, wanted.architecture)) return false;
    if (agree(offered.variant, wanted.variant)) return true;
    const std::optional<uint64_t> needs = level_of(offered.variant), has = level_of(wanted.variant);
    return needs && has && *needs <= *has;
}

std::string describe(const Platform& platform) {
    std::string out = concat(printable(platform.os), "/", printable(platform.architecture));
    if (!platform.variant.empty()) out += "/" + printable(platform.variant);
    return out;
}

std::string_view Descriptor::reference() const {
    const auto found = annotations.find("org.opencontainers.image.ref.name");
    return found == annotations.end() ? std::string_view() : std::string_view(found->second);
}

std::vector<const Descriptor*> matching(const Index& index, const Platform& wanted, std::string_view reference) {
    std::vector<const Descriptor*> out;
    for (const Descriptor& entry : index.manifests) {
        if (entry.media_type != MediaType::manifest && entry.media_type != MediaType::index) continue;
        const bool named = reference.empty() || entry.reference() == reference || entry.digest.text() == reference;
        if (!named) continue;
        if (entry.platform && !runs_on(*entry.platform, wanted)) continue;
        out.push_back(&entry);
    }
    return out;
}

}  // namespace casemate::oci

// Documents of the OCI image specification 1.1 and of docker archives, as typed values. Pure: the caller reads blobs.
//
// All of it is hostile input (SECURITY 3.M): digests are checked before anyone can build a path of them, media types
// are a closed list, sizes are never negative, and a document that could be read as two kinds is refused
// (CVE-2021-41190).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::oci {

// A digest whose algorithm we can compute: "sha256:" + 64 or "sha512:" + 128 lower-case hexadecimal digits.
class Digest {
public:
    enum class Algorithm : uint8_t { sha256, sha512 };

    // Names nothing: what a Descriptor holds before it is read.
    Digest() = default;
    // EINVAL for bad syntax, EOPNOTSUPP for a well-formed digest of another algorithm (descriptor.md, Digests).
    static Result<Digest> parse(std::string_view text);

    Algorithm algorithm() const { return algorithm_; }
    std::string_view algorithm_name() const { return algorithm_ == Algorithm::sha256 ? "sha256" : "sha512"; }
    std::string_view hex() const { return text_.empty() ? std::string_view() : std::string_view(text_).substr(7); }
    // "sha256:..."
    const std::string& text() const { return text_; }
    // "blobs/sha256/<hex>", relative to an OCI layout (image-layout.md, Blobs).
    std::string blob_path() const;

    bool operator==(const Digest&) const = default;

private:
    Digest(Algorithm algorithm, std::string text) : algorithm_(algorithm), text_(std::move(text)) {}
    Algorithm algorithm_ = Algorithm::sha256;
    std::string text_;
};

// Everything that we read; `unknown` is for the rest, which an index may list (media-types.md) and we never open.
enum class MediaType : uint8_t {
    unknown,
    index,         // OCI index, docker manifest list
    manifest,      // OCI manifest, docker manifest v2
    image_config,  // OCI image config, docker container image
    layer_tar,     // OCI (also nondistributable), docker (also foreign)
    layer_tar_gzip,
    layer_tar_zstd,
    empty,  // application/vnd.oci.empty.v1+json
};
// The exact text only: no parameters, no other case (CVE-2026-48755).
MediaType media_type_of(std::string_view text);
bool is_layer(MediaType type);
// "index", "manifest" ...: for messages.
std::string_view name_of(MediaType type);

// GOOS and GOARCH words. Empty: not said.
struct Platform {
    std::string os, architecture, variant, os_version;
    std::vector<std::string> os_features;
    bool operator==(const Platform&) const = default;
};
// linux, the architecture this was compiled for, its lowest variant.
Platform native_platform();
// Does an image for `offered` run on `wanted`? A variant is met by equal or higher ones (amd64 v1 < v2 ..., arm v6 <
// v7); words that are not said match, others must be the same.
bool runs_on(const Platform& offered, const Platform& wanted);
// "linux/arm/v7"
std::string describe(const Platform& platform);

struct Descriptor {
    MediaType media_type = MediaType::unknown;
    std::string media_type_text;
    Digest digest;
    uint64_t size = 0;  // bytes
    std::map<std::string, std::string> annotations;
    std::optional<Platform> platform;
    // annotation org.opencontainers.image.ref.name, or ""
    std::string_view reference() const;
};

// index.json, and any index that it points to.
struct Index {
    std::vector<Descriptor> manifests;
    std::map<std::string, std::string> annotations;
};

struct Manifest {
    Descriptor config;
    std::vector<Descriptor> layers;  // lowest first
    std::map<std::string, std::string> annotations;
};

struct HistoryEntry {
    std::string created, created_by, author, comment;
    bool empty_layer = false;
};

// The `config` object of an image configuration: what the image would like. Never policy (SECURITY I19).
struct ImageDefaults {
    std::string user, working_dir, stop_signal;
    std::vector<std::string> env, entrypoint, cmd;
    std::vector<std::string> exposed_ports;  // "80/tcp"
    std::vector<std::string> volumes;        // paths inside
    std::map<std::string, std::string> labels;
};

struct ImageConfig {
    Platform platform;  // os and architecture are never empty
    std::string created, author;
    ImageDefaults defaults;
    std::vector<Digest> diff_ids;  // of the uncompressed layers, lowest first
    std::vector<HistoryEntry> history;
};

// One entry of a docker archive's manifest.json. Paths are relative, without "..", as in the archive.
struct DockerImage {
    std::string config;
    std::vector<std::string> repo_tags, layers;
};

// Each takes the whole text of a blob that the caller has verified against its digest (index.json and the docker
// manifest.json have none). At most 4 MiB, and 16384 members of one array or object. Unknown keys are ignored, as the
// specification demands; null is taken as absent, which is what Go's encoders write for it.
// Errors: "$.layers[2].size: expected a number from 0 up, got -1".
Result<void> check_layout(std::string_view oci_layout_text);  // the file `oci-layout`: imageLayoutVersion 1.x
Result<Index> parse_index(std::string_view text);
// Of an image: what configures or fills something else (an artifact) is an error.
Result<Manifest> parse_manifest(std::string_view text);
Result<ImageConfig> parse_image_config(std::string_view text);
// Do the two belong together: as many diff_ids as layers?
Result<void> check_layers(const Manifest& manifest, const ImageConfig& config);
Result<std::vector<DockerImage>> parse_docker_manifest(std::string_view text);

// The entries to try, in the index's order (image-index.md: of several matches the first). An image manifest matches
// when its platform is not said or runs on `wanted`; nested indexes match likewise, and the caller reads them and asks
// again (at most `max_index_depth` deep). With a `reference`, only entries of that name or digest.
std::vector<const Descriptor*> matching(const Index& index, const Platform& wanted, std::string_view reference = {});
inline constexpr int max_index_depth = 4;

}  // namespace casemate::oci

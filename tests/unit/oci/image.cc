// Image documents are hostile: digests, media types, sizes, confusion of kinds, paths.
#include "oci/image.h"

#include <doctest/doctest.h>

using namespace casemate;
using namespace casemate::oci;

namespace {

const std::string hex64(64, 'a'), hex128(128, '0');
const std::string digest = "sha256:" + hex64;
const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
const std::string config_type = "application/vnd.oci.image.config.v1+json";
const std::string layer_type = "application/vnd.oci.image.layer.v1.tar+gzip";

std::string descriptor(const std::string& type, const std::string& more = "", const std::string& size = "7",
                       const std::string& named = digest) {
    return R"({"mediaType":")" + type + R"(","digest":")" + named + R"(","size":)" + size + more + "}";
}
std::string index_of(const std::string& entries, const std::string& more = "") {
    return R"({"schemaVersion":2,"manifests":[)" + entries + "]" + more + "}";
}
std::string manifest_of(const std::string& config, const std::string& layers, const std::string& more = "") {
    return R"({"schemaVersion":2,"config":)" + config + R"(,"layers":[)" + layers + "]" + more + "}";
}
template <typename T>
std::string error_of(const Result<T>& result) {
    return result ? "accepted" : result.error().text();
}
std::string platform(const std::string& os, const std::string& architecture, const std::string& variant = "") {
    return R"(,"platform":{"os":")" + os + R"(","architecture":")" + architecture + R"(","variant":")" + variant +
           R"("})";
}

}  // namespace

TEST_CASE("image: digests (CVE-2024-3727)") {
    const Result<Digest> good = Digest::parse("sha256:" + hex64);
    REQUIRE(good);
    CHECK(good.value().hex() == hex64);
    CHECK(good.value().blob_path() == "blobs/sha256/" + hex64);
    const Result<Digest> longer = Digest::parse("sha512:" + hex128);
    REQUIRE(longer);
    CHECK(longer.value().algorithm() == Digest::Algorithm::sha512);
    CHECK(longer.value().hex() == hex128);
    CHECK(Digest().hex().empty());

    for (const std::string& text : std::vector<std::string>{"",
                                                            "sha256",
                                                            "sha256:",
                                                            "sha256:" + std::string(63, 'a'),
                                                            "sha256:" + std::string(65, 'a'),
                                                            "sha256:" + std::string(64, 'A'),
                                                            "SHA256:" + hex64,
                                                            "sha256:" + hex128,
                                                            "sha512:" + hex64,
                                                            " sha256:" + hex64,
                                                            "sha256:" + hex64 + "\n",
                                                            "sha256: " + std::string(63, 'a'),
                                                            "sha256:../" + std::string(61, 'a'),
                                                            "sha256:" + std::string(62, 'a') + "/.",
                                                            "sha256::" + hex64,
                                                            hex64,
                                                            "sha256:" + std::string(64, 'g'),
                                                            "../sha256:" + hex64,
                                                            "a/b:" + hex64,
                                                            ".x:aa",
                                                            "x.:aa",
                                                            "x..y:aa",
                                                            "blake3:",
                                                            "md5:a/b"}) {
        CAPTURE(text);
        const Result<Digest> result = Digest::parse(text);
        REQUIRE_FALSE(result);
        CHECK(result.error().code() == EINVAL);
    }
    // Well-formed, but nobody here can check it.
    for (const std::string& text :
         std::vector<std::string>{"blake3:" + hex64, "md5:" + std::string(32, 'a'),
                                  "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564"}) {
        CAPTURE(text);
        const Result<Digest> result = Digest::parse(text);
        REQUIRE_FALSE(result);
        CHECK(result.error().code() == EOPNOTSUPP);
    }
}

TEST_CASE("image: media types are a closed list (CVE-2026-48755)") {
    CHECK(media_type_of("application/vnd.oci.image.layer.v1.tar") == MediaType::layer_tar);
    CHECK(media_type_of("application/vnd.oci.image.layer.v1.tar+zstd") == MediaType::layer_tar_zstd);
    CHECK(media_type_of("application/vnd.docker.image.rootfs.diff.tar.gzip") == MediaType::layer_tar_gzip);
    CHECK(media_type_of("application/vnd.docker.distribution.manifest.list.v2+json") == MediaType::index);
    for (const char* text :
         {"", "application/vnd.oci.image.layer.v1.tar+xz", "application/vnd.oci.image.layer.v1.tar+gzip -dc",
          "Application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar;charset=utf-8",
          "application/vnd.docker.distribution.manifest.v1+prettyjws"}) {
        CAPTURE(text);
        CHECK(media_type_of(text) == MediaType::unknown);
        CHECK_FALSE(is_layer(media_type_of(text)));
    }
}

TEST_CASE("image: an index is read, and its faults are named") {
    const Result<Index> index = parse_index(index_of(
        descriptor(manifest_type,
                   R"(,"annotations":{"org.opencontainers.image.ref.name":"latest"},"urls":["https://x"])") +
            "," + descriptor("application/vnd.example+json", "", "9223372036854775807"),
        R"(,"mediaType":"application/vnd.oci.image.index.v1+json","annotations":{"a":"b"},"artifactType":"x","subject":null)"));
    REQUIRE(index);
    REQUIRE(index.value().manifests.size() == 2);
    CHECK(index.value().manifests[0].reference() == "latest");
    CHECK(index.value().manifests[0].media_type == MediaType::manifest);
    CHECK(index.value().manifests[0].size == 7);
    CHECK(index.value().manifests[1].media_type == MediaType::unknown);
    CHECK(index.value().annotations.at("a") == "b");

    CHECK(error_of(parse_index("{}")) == "$.schemaVersion: missing");
    CHECK(error_of(parse_index(R"({"schemaVersion":1,"manifests":[]})")) ==
          "$.schemaVersion: expected a number from 2 to 2, got 1");
    CHECK(error_of(parse_index(R"({"schemaVersion":2})")) == "$.manifests: missing");
    CHECK(error_of(parse_index(index_of("7"))) == "$.manifests[0]: expected an object, got a number");
    CHECK(error_of(parse_index(index_of(R"({"digest":"x","size":1})"))) == "$.manifests[0].mediaType: missing");
    CHECK(error_of(parse_index(index_of(descriptor(manifest_type, "", "7", "sha256:../../etc")))) ==
          "$.manifests[0].digest: not a digest: 'sha256:../../etc'");
    CHECK(error_of(parse_index(index_of(descriptor(manifest_type, "", "-1")))) ==
          "$.manifests[0].size: expected a number from 0 to 9223372036854775807, got -1");
    CHECK(error_of(parse_index(index_of(descriptor(manifest_type, "", "9223372036854775808"))))
              .starts_with("$.manifests[0].size: expected a number"));
    CHECK(error_of(parse_index(index_of(descriptor(manifest_type, "", "1.5")))) ==
          "$.manifests[0].size: expected a whole number, got a fraction");
    CHECK(error_of(parse_index(index_of(descriptor(manifest_type, "", "\"7\"")))) ==
          "$.manifests[0].size: expected a whole number, got a string");
    CHECK(error_of(parse_index(index_of("", R"(,"manifests":[])"))) == "$.manifests: key given twice");
    CHECK(error_of(parse_index(index_of("") + "x")) != "accepted");
    std::string many = descriptor(manifest_type);
    for (int i = 0; i < 16384; ++i) many += "," + descriptor(manifest_type);
    CHECK(error_of(parse_index(index_of(many))) == "$.manifests: more than 16384 items");
}

TEST_CASE("image: a document of two kinds is refused (CVE-2021-41190)") {
    const std::string config = descriptor(config_type), layer = descriptor(layer_type);
    CHECK(error_of(parse_index(index_of("", R"(,"layers":[])"))) == "$.layers: does not belong in an image index");
    CHECK(error_of(parse_index(index_of("", R"(,"config":{})"))) == "$.config: does not belong in an image index");
    CHECK(error_of(parse_index(index_of("", R"(,"layers":null)"))) == "$.layers: does not belong in an image index");
    CHECK(error_of(parse_manifest(manifest_of(config, layer, R"(,"manifests":[])"))) ==
          "$.manifests: does not belong in an image manifest");
    CHECK(error_of(parse_manifest(manifest_of(config, layer, R"(,"fsLayers":[])"))) ==
          "$.fsLayers: does not belong in an image manifest");
    CHECK(error_of(parse_manifest(
              manifest_of(config, layer, R"(,"mediaType":"application/vnd.oci.image.index.v1+json")"))) ==
          "$.mediaType: expected manifest, got 'application/vnd.oci.image.index.v1+json'");
    CHECK(error_of(parse_index(index_of("", R"(,"mediaType":"application/vnd.oci.image.manifest.v1+json")"))) ==
          "$.mediaType: expected index, got 'application/vnd.oci.image.manifest.v1+json'");
    CHECK(error_of(parse_index(index_of("", R"(,"mediaType":"text/plain")"))) ==
          "$.mediaType: expected index, got 'text/plain'");
}

TEST_CASE("image: a manifest") {
    const std::string config = descriptor(config_type), layer = descriptor(layer_type);
    const Result<Manifest> manifest =
        parse_manifest(manifest_of(config, layer + "," + layer, R"(,"mediaType":")" + manifest_type + "\""));
    REQUIRE(manifest);
    CHECK(manifest.value().layers.size() == 2);
    CHECK(manifest.value().layers[1].media_type == MediaType::layer_tar_gzip);
    CHECK(manifest.value().config.digest.text() == digest);
    CHECK(error_of(parse_manifest(R"({"schemaVersion":2,"layers":[]})")) == "$.config: missing");
    CHECK(error_of(parse_manifest(manifest_of(descriptor("application/vnd.cncf.helm.config.v1+json"), layer))) ==
          "$.config.mediaType: not an image: 'application/vnd.cncf.helm.config.v1+json'");
    CHECK(error_of(parse_manifest(
              manifest_of(config, layer + "," + descriptor("application/vnd.oci.image.layer.v1.tar+xz")))) ==
          "$.layers[1].mediaType: not a layer that can be unpacked: 'application/vnd.oci.image.layer.v1.tar+xz'");
    CHECK(error_of(parse_manifest(manifest_of(config, descriptor(layer_type, "", "-1"))))
              .starts_with("$.layers[0].size: expected"));
}

TEST_CASE("image: a configuration") {
    const std::string text =
        R"({"created":"2026-01-02T03:04:05Z","author":"me","architecture":"arm","os":"linux","variant":"v7","os.features":["f"],"config":{)"
        R"("User":"app:app","ExposedPorts":{"80/tcp":{},"443/tcp":{}},"Env":["A=b"],"Entrypoint":["/app"],"Cmd":null,"Volumes":{"/data":{}},)"
        R"("WorkingDir":"/srv","Labels":{"k":"v"},"StopSignal":"SIGINT","Healthcheck":{"Test":["CMD"]},"ArgsEscaped":true},)"
        R"("rootfs":{"type":"layers","diff_ids":[")" +
        digest + R"("]},"history":[{"created":"x","created_by":"RUN","empty_layer":true},{}]})";
    const Result<ImageConfig> parsed = parse_image_config(text);
    REQUIRE_MESSAGE(parsed, error_of(parsed));
    const ImageConfig& config = parsed.value();
    CHECK(describe(config.platform) == "linux/arm/v7");
    CHECK(config.defaults.user == "app:app");
    CHECK(config.defaults.exposed_ports == std::vector<std::string>{"443/tcp", "80/tcp"});
    CHECK(config.defaults.volumes == std::vector<std::string>{"/data"});
    CHECK(config.defaults.entrypoint == std::vector<std::string>{"/app"});
    CHECK(config.defaults.cmd.empty());
    CHECK(config.defaults.labels.at("k") == "v");
    CHECK(config.defaults.stop_signal == "SIGINT");
    CHECK(config.diff_ids.size() == 1);
    CHECK(config.history.size() == 2);
    CHECK(config.history[0].empty_layer);

    const std::string rest = R"(,"rootfs":{"type":"layers","diff_ids":[]}})";
    CHECK(error_of(parse_image_config(R"({"os":"linux")" + rest)) == "$.architecture: missing");
    CHECK(error_of(parse_image_config(R"({"os":"","architecture":"amd64")" + rest)) ==
          "$.os: must not be empty, got ''");
    CHECK(error_of(parse_image_config(R"({"os":"linux","architecture":"amd64"})")) == "$.rootfs: missing");
    CHECK(error_of(parse_image_config(R"({"os":"linux","architecture":"amd64","rootfs":{"type":"tarballs"}})")) ==
          "$.rootfs.type: unknown word 'tarballs'");
    CHECK(error_of(parse_image_config(
              R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:x"]}})")) ==
          "$.rootfs.diff_ids[0]: not a digest: 'sha256:x'");
    CHECK(error_of(parse_image_config(R"({"os":"linux","architecture":"amd64","config":{"Env":"A=b"})" + rest)) ==
          "$.config.Env: expected an array, got a string");
    CHECK(error_of(parse_image_config(R"({"os":"linux","architecture":"amd64","config":{"User":1000})" + rest)) ==
          "$.config.User: expected a string, got a number");

    const Result<Manifest> manifest =
        parse_manifest(manifest_of(descriptor(config_type), descriptor(layer_type) + "," + descriptor(layer_type)));
    REQUIRE(manifest);
    CHECK(error_of(check_layers(manifest.value(), config)) ==
          "the manifest has 2 layers, the configuration 1 diff_ids");
}

TEST_CASE("image: which entry of an index is meant") {
    const Platform amd64{"linux", "amd64", "v2", {}, {}}, arm{"linux", "arm", "v7", {}, {}};
    const std::string index_type = "application/vnd.oci.image.index.v1+json";
    const Result<Index> index = parse_index(index_of(
        descriptor(manifest_type, platform("unknown", "unknown"), "1") + "," +
        descriptor(manifest_type, platform("linux", "amd64", "v3"), "2") + "," +
        descriptor(manifest_type, platform("linux", "arm", "v6"), "3") + "," +
        descriptor(manifest_type, platform("linux", "amd64"), "4") + "," +
        descriptor(manifest_type, platform("linux", "amd64", "v2"), "5") + "," + descriptor(index_type, "", "6") + "," +
        descriptor("text/plain", "", "7") + "," + descriptor(manifest_type, platform("windows", "amd64"), "8")));
    REQUIRE(index);
    const auto sizes = [&](const Platform& wanted, std::string_view reference = {}) {
        std::vector<uint64_t> out;
        for (const Descriptor* entry : matching(index.value(), wanted, reference)) out.push_back(entry->size);
        return out;
    };
    CHECK(sizes(amd64) == std::vector<uint64_t>{4, 5, 6});
    CHECK(sizes(arm) == std::vector<uint64_t>{3, 6});
    CHECK(sizes(amd64, "latest").empty());
    CHECK(runs_on({"linux", "arm64", "v8", {}, {}}, {"linux", "arm64", "v8.2", {}, {}}));
    CHECK_FALSE(runs_on({"linux", "arm64", "v9", {}, {}}, {"linux", "arm64", "v8.9", {}, {}}));
    CHECK_FALSE(runs_on({"linux", "arm", "v7hf", {}, {}}, {"linux", "arm", "v7", {}, {}}));
    CHECK(native_platform().os == "linux");
}

TEST_CASE("image: docker archives") {
    const auto images = parse_docker_manifest(
        R"([{"Config":"blobs/sha256/x","RepoTags":["app:1"],"Layers":["a/layer.tar","b.tar"],"Parent":"p","LayerSources":{}},)"
        R"({"Config":"c.json","RepoTags":null,"Layers":[]}])");
    REQUIRE(images);
    REQUIRE(images.value().size() == 2);
    CHECK(images.value()[0].repo_tags == std::vector<std::string>{"app:1"});
    CHECK(images.value()[0].layers.size() == 2);
    CHECK(images.value()[1].repo_tags.empty());
    for (const char* path : {"", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "."}) {
        CAPTURE(path);
        CHECK(error_of(parse_docker_manifest(std::string(R"([{"Config":")") + path + R"(","Layers":[]}])"))
                  .starts_with("$[0]: Config: not a path inside the archive"));
        CHECK(error_of(parse_docker_manifest(std::string(R"([{"Config":"c","Layers":["ok",")") + path + R"("]}])"))
                  .starts_with("$[0]: Layers: not a path inside"));
    }
    CHECK(error_of(parse_docker_manifest("{}")) == "$: expected an array, got an object");
    CHECK(error_of(parse_docker_manifest("[]")) == "$: no image");
    CHECK(error_of(parse_docker_manifest("[1]")) == "$[0]: expected an object, got a number");
    CHECK(error_of(parse_docker_manifest(R"([{"Layers":[]}])")) == "$[0].Config: missing");
}

TEST_CASE("image: the layout file") {
    CHECK(check_layout(R"({"imageLayoutVersion": "1.0.0"})"));
    CHECK(error_of(check_layout(R"({"imageLayoutVersion": "2.0.0"})")) ==
          "$.imageLayoutVersion: expected 1.x, got '2.0.0'");
    CHECK(error_of(check_layout("{}")) == "$.imageLayoutVersion: missing");
    CHECK(error_of(check_layout("[]")) == "$: expected an object, got an array");
}

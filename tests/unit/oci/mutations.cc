// A second of random damage to real documents: never a crash, and what is still accepted survives a round trip.
#include <doctest/doctest.h>

#include <chrono>

#include "documents.h"
#include "oci/config.h"
#include "oci/conversion.h"
#include "oci/image.h"
#include "oci/unsupported.h"

using namespace casemate;
using namespace casemate::oci;

namespace {

class Random {
public:
    size_t below(size_t limit) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<size_t>((state_ >> 33) % limit);
    }

private:
    uint64_t state_ = 20261121;
};

// One to four edits: a byte changed, a run deleted or repeated, a token put in.
std::string damaged(std::string text, Random& random) {
    static constexpr std::string_view tokens[] = {"null",    "-1",   "18446744073709551615",
                                                  "1e999",   "\"\"", "{}",
                                                  "[]",      "true", ",",
                                                  "\"",      "}",    "[[[[[[[[",
                                                  "\\u0000", "\xff", "0"};
    for (size_t edits = 1 + random.below(4); edits > 0 && !text.empty(); --edits) {
        const size_t at = random.below(text.size());
        const size_t length = std::min(text.size() - at, 1 + random.below(40));
        switch (random.below(4)) {
            case 0: text[at] = static_cast<char>(random.below(256)); break;
            case 1: text.erase(at, length); break;
            case 2: text.insert(at, text.substr(at, length)); break;
            default: text.replace(at, std::min<size_t>(length, 4), tokens[random.below(std::size(tokens))]); break;
        }
    }
    return text;
}

template <typename Try>
size_t rounds_for(std::chrono::milliseconds time, Try once) {
    const auto end = std::chrono::steady_clock::now() + time;
    size_t rounds = 0;
    for (; std::chrono::steady_clock::now() < end; ++rounds) once();
    return rounds;
}

}  // namespace

TEST_CASE("mutations: config.json") {
    Random random;
    const std::string documents[] = {read_data("full.json"), read_data("runc.json"), read_data("podman-limits.json")};
    size_t accepted = 0, refused = 0;
    const size_t rounds = rounds_for(std::chrono::milliseconds(900), [&] {
        const Result<Config> config = parse_config(damaged(documents[random.below(3)], random));
        if (!config) {
            ++refused;
            if (config.error().text().empty() || !config.error().text().starts_with("config.json: "))
                FAIL("an error without words");
            return;
        }
        ++accepted;
        Config expected = config.value();
        expected.unknown_keys.clear();
        const Result<Config> again = parse_config(to_json(expected));
        if (!again || !(again.value() == expected)) FAIL("lost in a round trip: ", to_json(expected));
        (void)unsupported(expected, {});
    });
    CHECK(rounds > 20);
    CHECK(accepted > 0);
    CHECK(refused > 0);
}

TEST_CASE("mutations: image documents, users and account files") {
    Random random;
    const std::string digest = "sha256:" + std::string(64, 'a');
    const std::string layer =
        R"({"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" + digest + R"(","size":1})";
    const std::string manifest =
        R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" + digest +
        R"(","size":2},"layers":[)" + layer + "," + layer + "]}";
    const std::string index = R"({"schemaVersion":2,"manifests":[)" + layer + "]}";
    const std::string config =
        R"({"os":"linux","architecture":"amd64","config":{"User":"app:1","Env":["A=b"],"WorkingDir":"/x","ExposedPorts":{"80/tcp":{}}},)"
        R"("rootfs":{"type":"layers","diff_ids":[")" +
        digest + R"("]}})";
    const std::string passwd = "root:x:0:0::/root:/bin/sh\napp:x:1001:1002::/home/app:/bin/sh\n",
                      group = "app:x:1002:\naudio:x:29:app\n";
    size_t converted = 0, digests = 0;
    const size_t rounds = rounds_for(std::chrono::milliseconds(600), [&] {
        (void)parse_index(damaged(index, random));
        (void)parse_docker_manifest(damaged(R"([{"Config":"a/b","RepoTags":["x"],"Layers":["c"]}])", random));
        if (const Result<Manifest> parsed = parse_manifest(damaged(manifest, random)))
            for (const Descriptor& one : parsed.value().layers) {
                ++digests;
                if (one.digest.hex().size() != 64 && one.digest.hex().size() != 128)
                    FAIL("not a digest: ", one.digest.text());
            }
        const Result<ImageConfig> image = parse_image_config(damaged(config, random));
        const std::string passwd_text = damaged(passwd, random), group_text = damaged(group, random);
        if (!image) return;
        const Result<ImageProcess> process =
            convert(image.value(), {.passwd_text = passwd_text, .group_text = group_text});
        if (process) ++converted;
    });
    CHECK(rounds > 20);
    CHECK(converted > 0);
    CHECK(digests > 0);
}

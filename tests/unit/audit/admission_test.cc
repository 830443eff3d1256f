// Admission: each field of the profile lets pass what meets it, refuses what does not, and what cannot be known.
#include "audit/admission.h"

#include <functional>

#include "json/value.h"
#include "rule_support.h"

using namespace test;

namespace {

const Time today = *parse_time("2026-11-21T00:00:00Z");
const std::string manifest = "sha256:" + std::string(64, 'a');

struct World {
    policy::Admission wanted;
    ImageFacts facts;
    TreeFacts tree;
    AdmissionInput input;
};

World good_world() {
    World world;
    world.facts.config.created = "2026-11-20T00:00:00Z";
    world.facts.config.defaults.labels = {{"org.opencontainers.image.source", "here"}, {"tier", "web"}};
    world.facts.annotations = {{"org.opencontainers.image.base.name", "docker.io/library/debian:12"},
                               {"org.opencontainers.image.base.digest", "sha256:1"}};
    TreeEntry program;
    program.path = "/usr/bin/server";
    world.tree.entries = {program};
    world.input.identity.manifest_digest = manifest;
    world.input.source = "layout:app";
    world.input.blob_bytes = 1000;
    world.input.now = today;
    return world;
}

AdmissionDecision decided(World& world) {
    world.facts.tree = &world.tree;
    world.input.facts = &world.facts;
    return decide(world.wanted, world.input);
}

using Change = std::function<void(World&)>;

// One field, alone: refused after `spoil`, allowed after `meet`.
void expect(const char* field, const Change& ask, const Change& spoil, const Change& meet, const char* detail) {
    CAPTURE(field);
    World world = good_world();
    ask(world);
    spoil(world);
    AdmissionDecision decision = decided(world);
    CHECK_FALSE(decision.allowed);
    REQUIRE(decision.checks.size() == 1);
    CHECK(decision.checks[0].what == std::string("admission.") + field);
    CHECK_FALSE(decision.checks[0].passed);
    CAPTURE(decision.checks[0].detail);
    CHECK(decision.checks[0].detail.find(detail) != std::string::npos);
    world = good_world();
    ask(world);
    meet(world);
    decision = decided(world);
    CHECK(decision.allowed);
    REQUIRE(decision.checks.size() == 1);
}

const Change nothing = [](World&) {};

Judgement judged(bool passed) {
    Judgement judgement;
    judgement.passed = passed;
    return judgement;
}

GateDecision gated(bool allowed, std::string reason = {}) {
    GateDecision decision;
    decision.allowed = allowed;
    if (!reason.empty()) decision.reasons.push_back(std::move(reason));
    return decision;
}

Attachment signature_by(const std::string& key, const std::string& digest) {
    const std::string payload = "{\"critical\": {\"image\": {\"docker-manifest-digest\": \"" + digest +
                                "\"}, \"type\": \"cosign container image signature\"}}";
    return {"sha256:s",
            "",
            "",
            "",
            {{"application/vnd.dev.cosign.simplesigning.v1+json",
              "sha256:p",
              {{"dev.cosignproject.cosign/signature", "by " + key}},
              payload}},
            ""};
}

// Holds when the signature names the key: the curve is openssl's business (unit_image).
Result<void> by_name(std::string_view pem, std::string_view, std::string_view signature) {
    if (signature == "by " + std::string(pem)) return {};
    return Error::invalid("the signature does not hold");
}

const std::vector<PublicKey> keys = {{"a.pub", "a"}, {"b.pub", "b"}};

}  // namespace

TEST_CASE("admission: a profile that asks nothing is told from one that does") {
    World world = good_world();
    CHECK_FALSE(asks_anything(world.wanted));
    world.wanted.require_digest = false;
    CHECK(asks_anything(world.wanted));
}

TEST_CASE("admission: each field refuses what does not meet it") {
    expect("requireDigest", [](World& w) { w.wanted.require_digest = true; }, nothing,
           [](World& w) { w.input.pinned = true; }, "names no digest");
    const Change age = [](World& w) { w.wanted.max_image_age_ms = 2 * 86'400'000ull; };
    expect("maxImageAge", age, [](World& w) { w.facts.config.created = "2026-11-01T00:00:00Z"; }, nothing, "20 days");
    expect("maxImageAge", age, [](World& w) { w.facts.config.created = ""; }, nothing, "does not say");
    expect("maxImageAge", age, [](World& w) { w.facts.config.created = "2027-01-01T00:00:00Z"; }, nothing, "future");
    expect("maxSize", [](World& w) { w.wanted.max_size = 1000; }, [](World& w) { w.input.blob_bytes = 1001; }, nothing,
           "1001 bytes");
    const Change bases = [](World& w) { w.wanted.allowed_bases = policy::Strings{"docker.io/*/debian*"}; };
    expect("allowedBases", bases,
           [](World& w) { w.facts.annotations["org.opencontainers.image.base.name"] = "docker.io/library/alpine:3"; },
           nothing, "alpine");
    expect("allowedBases", bases, [](World& w) { w.facts.annotations.clear(); }, nothing, "does not say");
    expect("allowedBases", [](World& w) { w.wanted.allowed_bases = policy::Strings{"**/debian:12@sha256:1"}; },
           [](World& w) { w.facts.annotations["org.opencontainers.image.base.digest"] = "sha256:2"; }, nothing, "debian");
    expect("allowedBases", [](World& w) { w.wanted.allowed_bases = policy::Strings{}; }, nothing,
           [](World& w) { w.wanted.allowed_bases = policy::Strings{"**"}; }, "debian");
    expect("requiredLabels", [](World& w) { w.wanted.required_labels = policy::Strings{"tier"}; },
           [](World& w) { w.facts.config.defaults.labels.erase("tier"); }, nothing, "'tier' is not there");
    expect("requiredLabels", [](World& w) { w.wanted.required_labels = policy::Strings{"tier=web"}; },
           [](World& w) { w.facts.config.defaults.labels["tier"] = "db"; }, nothing, "tier=web");
    const Change files = [](World& w) { w.wanted.deny_files = policy::Strings{"*.pem", "/etc/secrets/**"}; };
    expect("denyFiles", files, [](World& w) { w.tree.entries[0].path = "/usr/share/key.pem"; }, nothing, "key.pem");
    expect("denyFiles", files, [](World& w) { w.tree.entries[0].path = "/etc/secrets/a/b"; }, nothing, "/etc/secrets");
    expect("minimal", [](World& w) { w.wanted.minimal = true; },
           [](World& w) { w.tree.entries[0].path = "/bin/sh"; }, nothing, "FS-11");
    expect("audit", [](World& w) { w.wanted.audit_gates = {"{}"}; },
           [](World& w) { w.input.judgements.push_back(judged(false)); },
           [](World& w) { w.input.judgements.push_back(judged(true)); }, "0 fatal");
    expect("vulnerabilities", [](World& w) { w.wanted.vulnerability_gates = {"{}"}; },
           [](World& w) { w.input.vulnerability.push_back(gated(false, "too old")); },
           [](World& w) { w.input.vulnerability.push_back(gated(true)); }, "too old");
}

TEST_CASE("admission: a gate that was not asked is one that did not pass") {
    World world = good_world();
    world.wanted.audit_gates = {"{}", "{\"failOn\": \"warn\"}"};
    world.input.judgements.push_back(judged(true));
    CHECK_FALSE(decided(world).allowed);
    world.input.judgements.push_back(judged(true));
    CHECK(decided(world).allowed);
    world.wanted.vulnerability_gates = {"{}"};
    CHECK_FALSE(decided(world).allowed);
}

TEST_CASE("admission: files that were not looked at do not pass") {
    World world = good_world();
    world.wanted.minimal = true;
    world.wanted.deny_files = policy::Strings{"x"};
    world.input.facts = &world.facts;
    const AdmissionDecision decision = decide(world.wanted, world.input);
    for (const AdmissionCheck& check : decision.checks) CHECK_FALSE(check.passed);
}

TEST_CASE("signatures: one that holds under one of the keys, for this manifest") {
    const auto verdict = [](std::vector<Attachment> attachments, const std::string& digest = manifest) {
        return judge_signatures(attachments, digest, keys, by_name);
    };
    CHECK_FALSE(verdict({}).verified);
    CHECK(verdict({}).reason == "the image is not signed");
    CHECK(verdict({signature_by("b", manifest)}).verified);
    CHECK(verdict({signature_by("b", manifest)}).key == "b.pub");
    CHECK_FALSE(verdict({signature_by("c", manifest)}).verified);
    CHECK_FALSE(verdict({signature_by("a", "sha256:other")}).verified);
    CHECK(verdict({signature_by("c", manifest), signature_by("a", manifest)}).verified);
    CHECK_FALSE(verdict({signature_by("a", manifest)}, "").verified);
    CHECK_FALSE(judge_signatures({signature_by("a", manifest)}, manifest, {}, by_name).verified);
    Attachment broken = signature_by("a", manifest);
    broken.layers[0].payload = "{\"critical\": {\"type\": \"something else\"}}";
    CHECK_FALSE(verdict({broken}).verified);
    broken = signature_by("a", manifest);
    broken.layers[0].media_type = "text/plain";
    CHECK_FALSE(verdict({broken}).verified);
}

TEST_CASE("admission: keys without 'required' ask for a signature too") {
    World world = good_world();
    world.wanted.public_keys = policy::Strings{"/a.pub"};
    CHECK_FALSE(decided(world).allowed);
    world.facts.signature = SignatureVerdict{true, "/a.pub", "sha256:s", ""};
    CHECK(decided(world).allowed);
}

TEST_CASE("attachments: what the worker found, as values") {
    const auto list = parse_attachments(
        R"([{"digest": "sha256:1", "reference": "r", "artifactType": "application/spdx+json", "configType": "c",
             "annotations": {}, "layers": [{"mediaType": "m", "digest": "sha256:2", "annotations": {"k": "v"}}]},
            {"digest": "sha256:3", "reference": "", "error": "missing"}])");
    REQUIRE(list);
    REQUIRE(list.value().size() == 2);
    CHECK(is_bill_of_materials(list.value()[0]));
    CHECK_FALSE(is_bill_of_materials(list.value()[1]));
    CHECK(list.value()[0].layers[0].annotations.at("k") == "v");
    CHECK(list.value()[1].error == "missing");
    for (const char* bad : {"", "{}", "[1]", "[{\"layers\": 1}]", "[{\"digest\": 1}]"}) CHECK_FALSE(parse_attachments(bad));
}

TEST_CASE("admission as JSON: verdict, digests, every check and every suppression") {
    World world = good_world();
    world.wanted.require_digest = true;
    world.wanted.vulnerability_gates = {"{}"};
    GateDecision gate = gated(true);
    ScanFinding finding;
    finding.id = "CVE-1\n";
    finding.package = "p";
    gate.suppressed.push_back({finding, "unfixed", "affected"});
    world.input.vulnerability.push_back(gate);
    const std::string text = to_json(decided(world));
    const auto document = json::Document::parse(text);
    REQUIRE(document);
    const json::Value& root = document.value().root();
    CHECK(root.find("verdict")->string() == "deny");
    CHECK(root.find("manifestDigest")->string() == manifest);
    CHECK(root.find("checks")->items().size() == 2);
    REQUIRE(root.find("suppressed")->items().size() == 1);
    CHECK(root.find("suppressed")->items()[0].string().find("CVE-1\\x0a") != std::string_view::npos);
    CHECK(root.find("vulnerabilities")->items().size() == 1);
    CHECK(to_text(decided(world)).find("admission: deny") != std::string::npos);
}

// The real program on real layouts: exit codes, binding, and that nothing is left behind.
#include "unit/image/scratch.h"

namespace {

const std::string program = BINARY_DIR "/casemate-audit";
const std::string reports = TEST_DATA "/scan/";

// A layout of one layer from `script`, run in an empty directory; `options` go to pack-image.
std::string make_image(const test::Scratch& scratch, const std::string& script, std::vector<std::string> options = {}) {
    REQUIRE(scratch.run({"sh", "-euc", "mkdir -p layer; cd layer; " + script}).exit == 0);
    std::vector<std::string> argv = {SOURCE_DIR "/scripts/pack-image", "--output", scratch / "image"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.emplace_back("layer");
    const test::Ran packed = scratch.run(argv);
    REQUIRE_MESSAGE(packed.exit == 0, packed.err);
    return scratch / "image";
}

// A clean report about the layout, as Trivy would name it.
std::string report_for(const test::Scratch& scratch) {
    const std::string script =
        "import json\n"
        "blob = lambda d: json.load(open('image/blobs/' + d.replace(':', '/')))\n"
        "config = blob(json.load(open('image/index.json'))['manifests'][0]['digest'])['config']['digest']\n"
        "json.dump({'SchemaVersion': 2, 'CreatedAt': '2026-11-01T00:00:00Z', 'ArtifactType': 'container_image',\n"
        "  'Metadata': {'ImageID': config, 'DiffIDs': blob(config)['rootfs']['diff_ids'], 'OS': {'Family': "
        "'debian'}},\n"
        "  'Results': []}, open('report.json', 'w'))\n";
    REQUIRE(scratch.run({"python3", "-c", script}).exit == 0);
    return scratch / "report.json";
}

}  // namespace

TEST_CASE("program: the gate's exit codes on the test data") {
    const test::Scratch scratch;
    const auto exit_of = [&](const std::string& file, const std::string& option) {
        return scratch
            .run({program, "--scan-report", reports + file, "--severity", "CRITICAL,HIGH", option, "--unbound"})
            .exit;
    };
    CHECK(exit_of("trivy/mariner-high-unfixed.json", "--exit-code=1") == 1);
    CHECK(exit_of("trivy/mariner-high-unfixed.json", "--exit-code=7") == 7);
    CHECK(exit_of("trivy/mariner-high-unfixed.json", "--ignore-unfixed") == 0);
    CHECK(exit_of("trivy/missing.json", "--ignore-unfixed") == 2);
    CHECK(exit_of("SOURCES.md", "--ignore-unfixed") == 2);
    CHECK(exit_of("trivy/ubi-7-only-will-not-fix.json", "--now=2021-01-01T00:00:00Z") == 1);
}

TEST_CASE("program: a report passes its own image and no other") {
    const test::Scratch scratch;
    const std::string image = make_image(scratch, "echo a > a");
    const std::string report = report_for(scratch);
    const auto judged = [&](const std::string& file) {
        return scratch.run(
            {"env", "TMPDIR=" + scratch.path(), program, "--scan-report", file, "--severity", "HIGH", image});
    };
    CHECK(judged(report).exit == 0);
    const test::Ran other = judged(reports + "trivy/sle-micro-none.json");
    CHECK(other.exit == 1);
    CHECK(other.out.find("about another image") != std::string::npos);
    // A config whose bytes are not what its digest says is no image at all.
    REQUIRE(
        scratch.run({"sh", "-euc", "f=$(grep -l diff_ids image/blobs/sha256/*); sed -i s/1001:1001/0000:0000/ \"$f\""})
            .exit == 0);
    const test::Ran forged = judged(report);
    CHECK(forged.exit == 2);
    CHECK(scratch.run({"sh", "-c", "ls -d casemate-audit-*"}).exit != 0);
}

TEST_CASE("program: wrong usage is no verdict") {
    const test::Scratch scratch;
    const std::string report = reports + "trivy/sle-micro-none.json";
    const std::vector<std::vector<std::string>> wrong = {
        {},
        {"--unbound"},
        {"--scan-report", report},
        {"--scan-report", report, "--unbound", "image"},
        {"--scan-report", report, "--unbound", "--severity", "SEVERE"},
        {"--scan-report", report, "--unbound", "--severity", "HIGH", "--min-severity", "HIGH"},
        {"--scan-report", report, "--unbound", "--exit-code", "2"},
        {"--scan-report", report, "--unbound", "--now", "today"},
        {"--scan-report", report, "--unbound", "--ignorefile", "missing"},
        {"--scan-report", report, "--unbound", "--vex", report},
        {"--nonsense"},
        {"missing-image"}};
    for (std::vector<std::string> argv : wrong) {
        argv.insert(argv.begin(), program);
        const test::Ran ran = scratch.run(argv);
        CAPTURE(ran.err);
        CHECK(ran.exit == 2);
        CHECK_FALSE(ran.err.empty());
    }
}

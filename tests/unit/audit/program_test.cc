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

TEST_CASE("program: a good image passes the rules, a bad one fails with their ids") {
    const test::Scratch good;
    const std::string program_file =
        "mkdir -p usr/bin app etc; printf x > usr/bin/server; chmod 755 usr/bin/server; "
        "printf 'app:x:1001:1001::/app:/sbin/nologin\\n' > etc/passwd";
    const std::string image = make_image(good, program_file, {"--entrypoint", "/usr/bin/server", "--workdir", "/app"});
    const test::Ran passed = good.run({program, "--fail-on", "high", image});
    CAPTURE(passed.out);
    CHECK(passed.exit == 0);
    CHECK(passed.out.find(" 0 fatal, 0 warn") != std::string::npos);

    const test::Scratch bad;
    const std::string hostile =
        make_image(bad,
                   program_file +
                       "; printf x > usr/bin/su; chmod 4755 usr/bin/su; ln -s su usr/bin/sh; "
                       "printf -- '-----BEGIN RSA PRIVATE KEY-----\\n' > app/key",
                   {"--entrypoint", "/usr/bin/server", "--user", "0:0", "--env", "DB_PASSWORD=hunter2"});
    const test::Ran failed = bad.run({program, "--fail-on", "high", "--format", "sarif", hostile});
    CHECK(failed.exit == 1);
    for (const char* id : {"IMG-01", "IMG-04", "FS-01", "FS-08", "FS-11", "FS-15"})
        CHECK_MESSAGE(failed.out.find(std::string("\"ruleId\": \"") + id) != std::string::npos, id);
    CHECK(failed.out.find("hunter2") == std::string::npos);

    // What is accepted for a reason is accepted; nothing else is.
    test::spill(bad / "policy.json", R"({"failOn": "fatal", "suppress": [{"id": "IMG-01", "because": "a test"}]})");
    const test::Ran some = bad.run({program, "--policy", bad / "policy.json", hostile});
    CHECK(some.exit == 1);
    CHECK(some.out.find("suppressed IMG-01") != std::string::npos);
}

TEST_CASE("program: a bundle is judged by its config.json and its files") {
    const test::Scratch scratch;
    REQUIRE(scratch.run({"sh", "-euc", "mkdir -p rootfs/etc; printf 'guest::5:5::/:/bin/sh\\n' > rootfs/etc/passwd"})
                .exit == 0);
    test::spill(scratch / "config.json", R"({"ociVersion": "1.0.2", "root": {"path": "rootfs"},
        "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/x"]}})");
    const test::Ran ran = scratch.run({program, "--bundle", scratch.path(), "--format", "json"});
    CHECK(ran.exit == 1);
    for (const char* id : {"RUN-01", "RUN-08", "RUN-09", "FS-05"})
        CHECK_MESSAGE(ran.out.find(id) != std::string::npos, id);
    const test::Ran never = scratch.run({program, "--bundle", scratch.path(), "--fail-on", "never"});
    CHECK(never.exit == 0);
    // The same files alone; config.json's rules are not asked.
    const test::Ran files = scratch.run({program, "--rootfs", scratch / "rootfs", "--format", "junit"});
    CHECK(files.out.find("FS-05") != std::string::npos);
    CHECK(files.out.find("RUN-01") == std::string::npos);
}

TEST_CASE("program: symlinks out of a tree are not followed") {
    const test::Scratch scratch;
    REQUIRE(scratch
                .run({"sh", "-euc",
                      "mkdir -p tree/etc outside; printf 'root::0:0::/:/bin/sh\\n' > outside/passwd; "
                      "ln -s ../../outside/passwd tree/etc/passwd; ln -s ../outside tree/out"})
                .exit == 0);
    const test::Ran ran = scratch.run({program, "--rootfs", scratch / "tree", "--format", "json"});
    CAPTURE(ran.out);
    CHECK(ran.out.find("FS-05") == std::string::npos);
    CHECK(ran.out.find("/out/passwd") == std::string::npos);
}

TEST_CASE("program: a running process is judged by what the kernel says") {
    const test::Scratch scratch;
    const std::string audit = program + " --format json --pid $$";
    // The shell judges itself: as it is, then with what setpriv takes away.
    const test::Ran plain = scratch.run({"sh", "-c", "umask 022; LD_X=1 sh -c '" + audit + "; exit $?'"});
    CHECK(plain.exit == 1);
    for (const char* id : {"RUN-07", "RUN-09", "RUN-13", "RUN-34", "RUN-38"})
        CHECK_MESSAGE(plain.out.find(id) != std::string::npos, id);
    const test::Ran better = scratch.run({"setpriv", "--no-new-privs", "sh", "-c", "umask 077; " + audit});
    CAPTURE(better.err);
    CHECK(better.exit == 1);
    for (const char* id : {"RUN-07", "RUN-34", "RUN-38"}) CHECK_MESSAGE(better.out.find(id) == std::string::npos, id);
    CHECK(better.out.find("RUN-13") != std::string::npos);
    CHECK(scratch.run({program, "--pid", "0"}).exit == 2);
    CHECK(scratch.run({program, "--pid", "4194304"}).exit == 2);
    CHECK(scratch.run({program, "--pid", "self"}).exit == 2);
}

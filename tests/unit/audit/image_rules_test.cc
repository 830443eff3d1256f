// IMG and HIS: each rule finds what it is for, and is quiet about what looks like it.
#include "audit/image_facts.h"
#include "audit/secrets.h"
#include "rule_support.h"

using namespace test;

namespace {

TreeFacts small_tree() {
    TreeFacts tree;
    const auto add = [&](const char* path, FileType type, uint32_t mode) {
        TreeEntry entry;
        entry.path = path;
        entry.type = type;
        entry.mode = mode;
        tree.entries.push_back(entry);
    };
    add("/", FileType::directory, 0755);
    add("/app", FileType::directory, 0755);
    add("/app/current", FileType::symlink, 0777);
    tree.entries.back().link = "../usr/bin/server";
    add("/app/data.txt", FileType::regular, 0644);
    add("/usr", FileType::directory, 0755);
    add("/usr/bin", FileType::directory, 0755);
    add("/usr/bin/server", FileType::regular, 0755);
    tree.passwd = "root:x:0:0::/:/sbin/nologin\napp:x:1001:1001::/app:/sbin/nologin\ntoor:x:0:0::/:/bin/sh\n";
    tree.group = "root:x:0:\napp:x:1001:\n";
    tree.user = RunUser{1001, 1001, {}};
    return tree;
}

const TreeFacts tree = small_tree();
const Time today = *parse_time("2026-11-21T00:00:00Z");

ImageFacts clean_image() {
    ImageFacts facts;
    oci::ImageDefaults& defaults = facts.config.defaults;
    facts.config.platform = facts.host;
    facts.config.created = "2026-11-01T00:00:00Z";
    defaults.user = "1001:1001";
    defaults.env = {"PATH=/usr/bin", "TOKEN_FILE=/run/secrets/token", "PASSWORD=$PASSWORD", "SECRET_KEY_LENGTH=32"};
    defaults.entrypoint = {"/usr/bin/server"};
    defaults.cmd = {"--port", "8080"};
    defaults.exposed_ports = {"8080/tcp", "9090"};
    defaults.volumes = {"/data", "/var/lib/app"};
    defaults.working_dir = "/app";
    for (const char* key : {"source", "revision", "licenses", "base.name", "base.digest"})
        defaults.labels[std::string("org.opencontainers.image.") + key] = "x";
    facts.reference = "app:1.2.3";
    facts.signature = SignatureVerdict{true, "key.pub", "sha256:1", ""};
    facts.attachments = {{"sha256:2", "", "application/spdx+json", "", {}, ""}};
    facts.healthcheck = true;
    facts.now = today;
    facts.tree = &tree;
    return facts;
}

std::vector<Finding> judge_image(const ImageFacts& facts) {
    std::vector<Finding> findings;
    run_checks(image_checks(), facts, findings);
    return findings;
}

oci::ImageDefaults& defaults(ImageFacts& facts) { return facts.config.defaults; }

// The rules that look into files see this tree instead.
TreeFacts with_program(uint32_t mode, uint32_t uid = 0) {
    TreeFacts changed = small_tree();
    changed.entries.back().mode = mode;
    changed.entries.back().uid = uid;
    return changed;
}
const TreeFacts setuid_program = with_program(04755), plain_program = with_program(0644),
                own_program = with_program(0755, 1001);

const std::vector<Row<ImageFacts>> found = {
    {"IMG-01", [](ImageFacts& f) { defaults(f).user = ""; }, "config.User"},
    {"IMG-01", [](ImageFacts& f) { defaults(f).user = "root"; }},
    {"IMG-01", [](ImageFacts& f) { defaults(f).user = "0:1001"; }},
    {"IMG-01", [](ImageFacts& f) { defaults(f).user = "toor"; }},    // uid 0 by another name
    {"IMG-01", [](ImageFacts& f) { defaults(f).user = "nobody"; }},  // not in the image
    {"IMG-01", [](ImageFacts& f) { defaults(f).user = "1001:"; }},
    {"IMG-02", [](ImageFacts& f) { defaults(f).user = "app"; }},
    {"IMG-02", [](ImageFacts& f) { defaults(f).user = "1001:app"; }},
    {"IMG-03", [](ImageFacts& f) { defaults(f).user = "1001:0"; }},
    {"IMG-03", [](ImageFacts& f) { defaults(f).user = "4242"; }},  // no row, no group: 0
    {"IMG-03", [](ImageFacts& f) { defaults(f).user = "1001", f.tree = nullptr; }},
    {"IMG-04", [](ImageFacts& f) { defaults(f).env.emplace_back("DB_PASSWORD=hunter2"); }, "DB_PASSWORD"},
    {"IMG-04", [](ImageFacts& f) { defaults(f).env.emplace_back("X=AKIAIOSFODNN7EXAMPLE"); }, "config.Env X"},
    {"IMG-04", [](ImageFacts& f) { defaults(f).env.emplace_back("DATABASE=postgres://app:hunter2@db/app"); }},
    {"IMG-04", [](ImageFacts& f) { defaults(f).labels["api-key"] = "abcdef"; }, "config.Labels"},
    {"IMG-04", [](ImageFacts& f) { defaults(f).env.emplace_back("X=wJalrXUtnFEMI/K7MDENG+bPxRfiCYzRkQ9sT2vB"); }, "config.Env X"},
    {"IMG-04",
     [](ImageFacts& f) {
         defaults(f).cmd = {"--password", "hunter2"};
     },
     "argument"},
    {"IMG-04", [](ImageFacts& f) { defaults(f).cmd = {"--api-token=abcdef"}; }, "argument"},
    {"IMG-05", [](ImageFacts& f) { f.healthcheck = false; }},
    {"IMG-06", [](ImageFacts& f) { defaults(f).exposed_ports = {"22/tcp"}; }},
    {"IMG-07", [](ImageFacts& f) { defaults(f).exposed_ports = {"80/tcp"}; }},
    {"IMG-07", [](ImageFacts& f) { defaults(f).exposed_ports = {"0"}; }},
    {"IMG-07", [](ImageFacts& f) { defaults(f).exposed_ports = {"8080/icmp"}; }},
    {"IMG-07", [](ImageFacts& f) { defaults(f).exposed_ports = {"65536/tcp"}; }},
    {"IMG-08", [](ImageFacts& f) { defaults(f).volumes = {"/etc"}; }},
    {"IMG-09", [](ImageFacts& f) { defaults(f).working_dir = "app"; }},
    {"IMG-09", [](ImageFacts& f) { defaults(f).working_dir = "/proc"; }},
    {"IMG-09", [](ImageFacts& f) { defaults(f).working_dir = "/gone"; }},
    {"IMG-09", [](ImageFacts& f) { defaults(f).working_dir = "/app/data.txt"; }},
    {"IMG-10",
     [](ImageFacts& f) {
         defaults(f).entrypoint = {"/bin/sh", "-c", "server"};
     }},
    {"IMG-10", [](ImageFacts& f) { defaults(f).entrypoint = {"server"}; }},
    {"IMG-10", [](ImageFacts& f) { defaults(f).entrypoint = defaults(f).cmd = {}; }},
    {"IMG-11", [](ImageFacts& f) { defaults(f).entrypoint = {"/usr/bin/gone"}; }},
    {"IMG-11", [](ImageFacts& f) { defaults(f).entrypoint = {"/app"}; }},
    {"IMG-11", [](ImageFacts& f) { f.tree = &plain_program; }, "/usr/bin/server"},
    {"IMG-11", [](ImageFacts& f) { f.tree = &setuid_program; }},
    {"IMG-11", [](ImageFacts& f) { f.tree = &own_program; }},
    {"IMG-12", [](ImageFacts& f) { f.reference = "app:latest"; }},
    {"IMG-12", [](ImageFacts& f) { f.reference = ""; }},
    {"IMG-13", [](ImageFacts& f) { f.config.created = "2025-01-01T00:00:00Z"; }},
    {"IMG-13", [](ImageFacts& f) { f.config.created = "1970-01-01T00:00:00Z"; }},
    {"IMG-13", [](ImageFacts& f) { f.config.created = ""; }},
    {"IMG-13", [](ImageFacts& f) { f.config.created = "2027-01-01T00:00:00Z"; }},
    {"IMG-14", [](ImageFacts& f) { defaults(f).labels.erase("org.opencontainers.image.base.digest"); }},
    {"IMG-15", [](ImageFacts& f) { f.signature = SignatureVerdict{false, "", "", "the signature does not hold"}; }, "signature"},
    {"IMG-17", [](ImageFacts& f) { f.attachments.clear(); }, "attachments"},
    {"IMG-17", [](ImageFacts& f) { f.attachments[0].artifact_type = "text/plain"; }},
    {"IMG-18", [](ImageFacts& f) { defaults(f).labels.erase("org.opencontainers.image.revision"); }},
    {"IMG-19", [](ImageFacts& f) { f.config.platform.architecture = "s390x"; }},
    {"IMG-21", [](ImageFacts& f) { f.config.diff_ids.resize(128); }}};

const std::vector<Row<ImageFacts>> quiet = {
    {"IMG-02", [](ImageFacts& f) { defaults(f).user = "1001"; }},
    {"IMG-05", [](ImageFacts& f) { defaults(f).exposed_ports.clear(); }},
    {"IMG-06", [](ImageFacts& f) { defaults(f).exposed_ports = {"2222/tcp", "1022"}; }},
    {"IMG-07", [](ImageFacts& f) { defaults(f).exposed_ports = {"1024", "65535/udp", "9000/sctp"}; }},
    {"IMG-08", [](ImageFacts& f) { defaults(f).volumes = {"/etc/app", "/usr/local/data", "/variable"}; }},
    {"IMG-09", [](ImageFacts& f) { defaults(f).working_dir = "/"; }},
    {"IMG-09", [](ImageFacts& f) { defaults(f).working_dir = "/gone", f.tree = nullptr; }},  // files not looked at
    {"IMG-10", [](ImageFacts& f) { defaults(f).entrypoint = {"/bin/sh", "/app/start"}; }},  // a script, not -c
    {"IMG-10", [](ImageFacts& f) { defaults(f).entrypoint = {}, defaults(f).cmd = {"/usr/bin/server"}; }},
    {"IMG-13", [](ImageFacts& f) { f.config.created = "2026-11-21T12:00:00Z"; }},  // a clock a little ahead
    {"IMG-18", [](ImageFacts& f) { defaults(f).labels["maintainer"] = "x"; }},
    {"IMG-19", [](ImageFacts& f) { f.config.platform.variant = ""; }},
    {"IMG-01", [](ImageFacts& f) { defaults(f).user = "app"; }},
    {"IMG-03", [](ImageFacts& f) { defaults(f).user = "1001"; }},  // /etc/passwd has its group
    {"IMG-04", [](ImageFacts& f) { defaults(f).env.emplace_back("GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D"); }},
    {"IMG-04", [](ImageFacts& f) { defaults(f).env.emplace_back("URL=https://example.org/a:b@c"); }},
    {"IMG-04", [](ImageFacts& f) { defaults(f).env.emplace_back("MAX_TOKENS=4096"); }},
    {"IMG-04", [](ImageFacts& f) { defaults(f).env.emplace_back(""); }},
    {"IMG-04", [](ImageFacts& f) { defaults(f).env.emplace_back("X=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b"); }},
    {"IMG-04", [](ImageFacts& f) { defaults(f).env.emplace_back("X_SHA512=wJalrXUtnFEMI/K7MDENG+bPxRfiCYzRkQ9sT2vB"); }},
    {"IMG-04", [](ImageFacts& f) { defaults(f).env.emplace_back("CLASSPATH=lib/Application2/core-module/main"); }},
    {"IMG-04", [](ImageFacts& f) { defaults(f).env.emplace_back("X=MyApplicationServerNumber1Production"); }},
    {"IMG-11", [](ImageFacts& f) { defaults(f).entrypoint = {"/app/current"}; }},  // through a symlink
    {"IMG-11", [](ImageFacts& f) { defaults(f).entrypoint = {"server"}; }},        // on the image's PATH
    {"IMG-12", [](ImageFacts& f) { f.reference = "app@sha256:00"; }},
    {"IMG-12",
     [](ImageFacts& f) {
         f.reference = "";
         f.pinned = true;
     }},
    {"IMG-14",
     [](ImageFacts& f) {
         defaults(f).labels.erase("org.opencontainers.image.base.name");
         f.annotations["org.opencontainers.image.base.name"] = "debian";
     }},
    {"IMG-15", [](ImageFacts& f) { f.signature.reset(); }},
    {"IMG-17",
     [](ImageFacts& f) {
         f.attachments[0].artifact_type = "";
         f.attachments[0].layers = {{"application/vnd.in-toto+json",
                                     "sha256:3",
                                     {{"in-toto.io/predicate-type", "https://cyclonedx.org/bom"}},
                                     ""}};
     }},
    {"IMG-21", [](ImageFacts& f) { f.config.diff_ids.resize(127); }}};

HistoryFacts history_of(const std::vector<std::string>& lines) {
    std::vector<oci::HistoryEntry> history;
    for (const std::string& line : lines) {
        oci::HistoryEntry entry;
        entry.created_by = line;
        entry.empty_layer = line.find("CMD") != std::string::npos || line.find("USER") != std::string::npos;
        history.push_back(entry);
    }
    return {rebuild_steps(history)};
}

std::vector<Finding> judge_history(const HistoryFacts& facts) {
    std::vector<Finding> findings;
    run_checks(history_checks(), facts, findings);
    return findings;
}

const std::vector<std::string> base = {"/bin/sh -c #(nop) ADD file:1234 in / ", "/bin/sh -c #(nop)  CMD [\"bash\"]"};

std::function<void(HistoryFacts&)> steps(std::vector<std::string> lines) {
    return [lines = std::move(lines)](HistoryFacts& facts) {
        std::vector<std::string> all = base;
        all.insert(all.end(), lines.begin(), lines.end());
        facts = history_of(all);
    };
}

const std::vector<Row<HistoryFacts>> history_found = {
    {"HIS-01", steps({"ADD app.tar /app # buildkit"}), "history[2]"},
    {"HIS-01", steps({"/bin/sh -c #(nop) ADD file:9 in /app "})},
    {"HIS-02", steps({"ADD https://example.org/x /x # buildkit"})},
    {"HIS-02", steps({"RUN /bin/sh -c curl -fsSL https://example.org/i.sh | sh # buildkit"})},
    {"HIS-02", steps({"/bin/sh -c bash <(curl -s https://example.org)"})},
    {"HIS-03", steps({"RUN /bin/sh -c apt-get update # buildkit"})},
    {"HIS-04", steps({"RUN /bin/sh -c apt-get update && apt-get -y dist-upgrade # buildkit"})},
    {"HIS-05", steps({"RUN /bin/sh -c sudo make install # buildkit"})},
    {"HIS-05", steps({"/bin/sh -c cd /x && DEBUG=1 sudo make"})},
    {"HIS-06", steps({"RUN /bin/sh -c apt-get update && apt-get install -y curl=1 # buildkit"})},
    {"HIS-06", steps({"RUN /bin/sh -c apk add curl=1 # buildkit"})},
    {"HIS-06", steps({"RUN /bin/sh -c pip install -r requirements.txt # buildkit"})},
    {"HIS-07", steps({"RUN |1 NPM_TOKEN=abcdef /bin/sh -c npm ci # buildkit"})},
    {"HIS-07", steps({"|2 A=b PASSWORD=hunter2 /bin/sh -c make"})},
    {"HIS-07", steps({"/bin/sh -c make|API_KEY=abcdef"})},
    {"HIS-07", steps({"/bin/sh -c git clone https://me:hunter2@example.org/x"})},
    {"HIS-08", steps({"RUN /bin/sh -c apt-get install -y curl && rm -rf /var/lib/apt/lists # buildkit"})},
    {"HIS-08", steps({"RUN /bin/sh -c pip install --no-cache-dir fastapi # buildkit"})},
    {"HIS-09", steps({"USER app", "USER root"}), "history[3]"},
    {"HIS-09", steps({"/bin/sh -c #(nop)  USER 1001:1001", "/bin/sh -c #(nop)  USER 0:0"})}};

const std::vector<Row<HistoryFacts>> history_quiet = {
    {"HIS-01", steps({"COPY app /app # buildkit"})},
    {"HIS-02", steps({"RUN /bin/sh -c curl -fsSL https://example.org/x -o x && sha256sum -c x.sha # buildkit"})},
    {"HIS-02", steps({"RUN /bin/sh -c curl https://example.org | tar x # buildkit"})},
    {"HIS-03", steps({"RUN /bin/sh -c apt-get update && apt-get install -y curl=1 # buildkit"})},
    {"HIS-04", steps({"RUN /bin/sh -c echo dist-upgrade # buildkit"})},
    {"HIS-05", steps({"RUN /bin/sh -c echo 'no && sudo' # buildkit"})},
    {"HIS-06", steps({"RUN /bin/sh -c apt-get install -y a=1 && rm -rf /var/lib/apt/lists/* # buildkit"})},
    {"HIS-06", steps({"RUN /bin/sh -c apk add --no-cache curl=1 # buildkit"})},
    {"HIS-07", steps({"RUN |1 VERSION=1.2.3 /bin/sh -c make # buildkit"})},
    {"HIS-08", steps({"RUN /bin/sh -c pip install --no-cache-dir fastapi==0.92 # buildkit"})},
    {"HIS-09", steps({"USER root", "USER app"})}};

}  // namespace

TEST_CASE("image rules: nothing is found in a clean image") { CHECK(told(judge_image(clean_image())) == ""); }
TEST_CASE("image rules: each finds what it is for") {
    expect_found(found, clean_image(), judge_image);
    expect_all_tried(image_checks(), found);
}
TEST_CASE("image rules: near misses") {
    expect_quiet(quiet, clean_image(), judge_image);
    expect_all_tried(image_checks(), quiet);
}

TEST_CASE("history rules: nothing is found in the base's own steps") {
    CHECK(told(judge_history(history_of(base))) == "");
}
TEST_CASE("history rules: each finds what it is for") {
    expect_found(history_found, history_of(base), judge_history);
    expect_all_tried(history_checks(), history_found);
}
TEST_CASE("history rules: near misses") {
    expect_quiet(history_quiet, history_of(base), judge_history);
    expect_all_tried(history_checks(), history_quiet);
}

TEST_CASE("history: the three builders' spellings") {
    const auto step = [](const std::string& text) { return history_of({text}).steps[0]; };
    CHECK(step("/bin/sh -c #(nop)  CMD [\"x\"]").instruction == "CMD");
    CHECK(step("/bin/sh -c make all").instruction == "RUN");
    CHECK(step("/bin/sh -c make all").arguments == "make all");
    CHECK(step("RUN |2 A=1 B=two words /bin/sh -c make # buildkit").build_arguments[1].second == "two words");
    CHECK(step("/bin/sh -c make|A=1|B=2").arguments == "make");
    CHECK(step("/bin/sh -c cat a | wc").arguments == "cat a | wc");
    CHECK(step("mmdebstrap").instruction.empty());
    CHECK(step("WORKDIR /app").arguments == "/app");
}

TEST_CASE("history: no finding tells the secret itself") {
    HistoryFacts facts;
    steps({"RUN |1 NPM_TOKEN=abcdef-geheim /bin/sh -c npm ci # buildkit"})(facts);
    CHECK(told(judge_history(facts)).find("geheim") == std::string::npos);
    ImageFacts image = clean_image();
    defaults(image).env.emplace_back("DB_PASSWORD=geheim");
    CHECK(told(judge_image(image)).find("geheim") == std::string::npos);
}

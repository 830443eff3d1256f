// FS: each rule finds what it is for, and is quiet about what looks like it.
#include "audit/tree_facts.h"
#include "rule_support.h"

#include <algorithm>

using namespace test;

namespace {

struct Put {
    const char* path;
    FileType type = FileType::regular;
    uint32_t mode = 0644, uid = 0;
    uint64_t size = 10;
    const char* link = "";
};

void put(TreeFacts& facts, const Put& row) {
    TreeEntry entry;
    entry.path = row.path;
    entry.type = row.type;
    entry.mode = row.mode;
    entry.uid = entry.gid = row.uid;
    entry.size = row.size;
    entry.link = row.link;
    facts.entries.push_back(entry);
    std::ranges::sort(facts.entries, {}, &TreeEntry::path);
}

std::function<void(TreeFacts&)> adds(Put row) {
    return [row](TreeFacts& facts) { put(facts, row); };
}
constexpr FileType directory = FileType::directory, symlink = FileType::symlink;

TreeFacts clean_tree() {
    TreeFacts facts;
    for (const char* path : {"/", "/etc", "/usr", "/usr/bin", "/usr/lib", "/usr/lib/x86_64-linux-gnu", "/app"})
        put(facts, {path, directory, 0755});
    put(facts, {"/tmp", directory, 01777});
    put(facts, {"/usr/bin/python3", FileType::regular, 0755});
    put(facts, {"/etc/mtab", symlink, 0777, 0, 10, "/proc/mounts"});
    put(facts, {"/lib", symlink, 0777, 0, 10, "usr/lib"});
    facts.passwd = "root:x:0:0::/:/bin/sh\napp:x:1001:1001::/app:/sbin/nologin\n";
    facts.group = "root:x:0:\napp:x:1001:\n";
    facts.shadow = "root:*:1::::::\napp:!:1::::::\n";
    facts.os_release = "ID=debian\nVERSION_ID=\"12\"\n";
    facts.user = RunUser{1001, 1001, {}};
    facts.now = *parse_time("2026-11-21T00:00:00Z");
    return facts;
}

std::vector<Finding> judge_tree(const TreeFacts& facts) {
    std::vector<Finding> findings;
    run_checks(tree_checks(), facts, findings);
    return findings;
}

TreeEntry& file(TreeFacts& facts) { return *std::ranges::find(facts.entries, "/usr/bin/python3", &TreeEntry::path); }

const std::vector<Row<TreeFacts>> found = {
    {"FS-01", adds({"/usr/bin/x", FileType::regular, 04755}), "/usr/bin/x"},
    {"FS-01", adds({"/usr/bin/x", FileType::regular, 02755})},
    {"FS-02", [](TreeFacts& f) { file(f).file_caps = true; }, "/usr/bin/python3"},
    {"FS-03", adds({"/app/x", FileType::regular, 0666})},
    {"FS-03", adds({"/app/x", directory, 0777})},
    {"FS-04", adds({"/dev/mem", FileType::char_device})},
    {"FS-04", adds({"/dev/sda", FileType::block_device})},
    {"FS-04", adds({"/app/f", FileType::fifo})},
    {"FS-04", adds({"/app/s", FileType::socket})},
    {"FS-04", [](TreeFacts& f) { f.skipped_devices = 3; }},
    {"FS-05", [](TreeFacts& f) { *f.shadow += "guest::1::::::\n"; }},
    {"FS-05", [](TreeFacts& f) { *f.passwd += "guest::5:5::/:/sbin/nologin\n"; }},
    {"FS-06", [](TreeFacts& f) { *f.passwd += "twin:x:1001:5::/:/sbin/nologin\n"; }},
    {"FS-06", [](TreeFacts& f) { *f.group += "twin:x:1001:\n"; }},
    {"FS-07", [](TreeFacts& f) { *f.passwd += "toor:x:0:0::/:/sbin/nologin\n"; }},
    {"FS-07", [](TreeFacts& f) { *f.passwd += "dev:x:1002:1002::/:/bin/bash\n"; }},
    {"FS-08", adds({"/root/.ssh/id_rsa"})},
    {"FS-08", adds({"/app/.env"})},
    {"FS-08", adds({"/root/.aws/credentials"})},
    {"FS-08", [](TreeFacts& f) { file(f).private_key = true; }},
    {"FS-09", adds({"/var/lib/apt/lists/mirror.example_x_InRelease"})},
    {"FS-10", adds({"/app/.git", directory, 0755})},
    {"FS-10", adds({"/app/Dockerfile"})},
    {"FS-11", adds({"/usr/bin/dash", FileType::regular, 0755})},
    {"FS-11", adds({"/bin/sh", symlink, 0777, 0, 4, "dash"})},
    {"FS-12", adds({"/usr/bin/dpkg", FileType::regular, 0755})},
    {"FS-13", adds({"/usr/bin/gcc", symlink, 0777, 0, 6, "gcc-12"})},
    {"FS-14", adds({"/usr/sbin/sshd", FileType::regular, 0755})},
    {"FS-15", adds({"/usr/bin/su", FileType::regular, 0755})},
    {"FS-16", adds({"/app/app.py", FileType::regular, 0644, 1001})},
    {"FS-16", adds({"/app/app.py", FileType::regular, 0646, 0})},
    {"FS-17", adds({"/app/x", symlink, 0777, 0, 4, "/proc/1/root"})},
    {"FS-17", adds({"/app/x", symlink, 0777, 0, 4, "../../etc/shadow"})},
    {"FS-17", adds({"/app/x", symlink, 0777, 0, 4, "/var/run/docker.sock"})},
    {"FS-18", [](TreeFacts& f) { f.os_release = "ID=alpine\nVERSION_ID=3.15.4\n"; }},
    {"FS-18", [](TreeFacts& f) { f.os_release = "ID=debian\nVERSION_ID=\"10\"\n"; }},
    {"FS-19", adds({"/etc/ld.so.preload"})},
    {"FS-19", adds({"/usr/lib64", directory, 0755, 1001})},
    {"FS-20", adds({"/var/run/docker.sock", FileType::socket})},
    {"FS-20", adds({"/run/secrets/token"})}};

const std::vector<Row<TreeFacts>> quiet = {
    {"FS-02", [](TreeFacts& f) { file(f).mode = 0555; }},
    {"FS-04", adds({"/dev/shm", directory, 01777})},
    {"FS-06",
     [](TreeFacts& f) {
         *f.passwd += "other:x:5:1001::/:/sbin/nologin\n";  // two users of one group
         *f.group += "users:x:5:app\n";                      // a uid and a gid may be equal
     }},
    {"FS-09", adds({"/var/lib/apt/lists/lock", FileType::regular, 0640, 0, 0})},
    {"FS-09", adds({"/var/lib/apt/listsfile"})},
    {"FS-10", adds({"/app/.gitkeep"})},
    {"FS-10", adds({"/app/Dockerfile", directory, 0755})},
    {"FS-13", adds({"/usr/lib/gcc", directory, 0755})},
    {"FS-13", adds({"/usr/share/doc/gcc"})},
    {"FS-14", adds({"/usr/bin/curl-config", FileType::regular, 0755})},
    {"FS-15", adds({"/etc/pam.d/su"})},
    {"FS-15", adds({"/usr/bin/sum", FileType::regular, 0755})},
    {"FS-17", adds({"/app/x", symlink, 0777, 0, 4, "/processors"})},  // a name that begins like /proc
    {"FS-20", adds({"/run/secrets", directory, 0755})},
    {"FS-20", adds({"/run/secrets/empty", FileType::regular, 0600, 0, 0})},  // a mount point
    {"FS-01", adds({"/srv", directory, 02755})},  // a directory's setgid is inheritance
    {"FS-03", adds({"/app/l", symlink, 0777, 0, 4, "x"})},
    {"FS-05", [](TreeFacts& f) { f.shadow.reset(); }},
    {"FS-07", [](TreeFacts& f) { *f.passwd += "a:x:5:5::/:/bin/false\n"; }},
    {"FS-08", adds({"/app/.env", FileType::regular, 0644, 0, 0})},  // empty
    {"FS-08", adds({"/app/id_rsa.pub"})},
    {"FS-11", adds({"/usr/share/doc/sh"})},
    {"FS-12", adds({"/usr/share/bash-completion/apt"})},
    {"FS-16", adds({"/tmp/x", FileType::regular, 0644, 1001})},
    {"FS-16",
     [](TreeFacts& f) {
         f.owners_known = false, put(f, {"/app/app.py", FileType::regular, 0644, 1001});
     }},
    {"FS-17", adds({"/app/x", symlink, 0777, 0, 4, "../etc/passwd"})},
    {"FS-18", [](TreeFacts& f) { f.os_release = "ID=alpine\nVERSION_ID=3.150.1\n"; }},
    {"FS-18", [](TreeFacts& f) { f.os_release.reset(); }},
    {"FS-19", adds({"/etc/ld.so.preload", FileType::regular, 0644, 0, 0})}};

}  // namespace

TEST_CASE("tree rules: nothing is found in a clean tree") { CHECK(told(judge_tree(clean_tree())) == ""); }
TEST_CASE("tree rules: each finds what it is for") {
    expect_found(found, clean_tree(), judge_tree);
    expect_all_tried(tree_checks(), found);
}
TEST_CASE("tree rules: near misses") {
    expect_quiet(quiet, clean_tree(), judge_tree);
    expect_all_tried(tree_checks(), quiet);
}

TEST_CASE("tree: paths resolve inside, links end") {
    TreeFacts facts = clean_tree();
    put(facts, {"/app/up", symlink, 0777, 0, 4, "../../../usr"});
    put(facts, {"/app/loop", symlink, 0777, 0, 4, "loop"});
    REQUIRE(facts.resolve("/app/up/bin/python3"));
    CHECK(facts.resolve("/app/up/bin/python3")->path == "/usr/bin/python3");
    CHECK(facts.resolve("/lib/x86_64-linux-gnu")->path == "/usr/lib/x86_64-linux-gnu");
    CHECK(facts.resolve("/")->path == "/");
    CHECK(facts.resolve("/app/../../app/.")->path == "/app");
    CHECK_FALSE(facts.resolve("/app/loop"));
    CHECK_FALSE(facts.resolve("/gone"));
}

TEST_CASE("tree rules: a thousand findings of one rule are fifty and a count") {
    TreeFacts facts = clean_tree();
    for (int i = 0; i < 1000; ++i) put(facts, {("/app/" + std::to_string(i)).c_str(), FileType::regular, 0666});
    const auto findings = judge_tree(facts);
    CHECK(std::ranges::count_if(findings, [](const Finding& one) { return one.rule->id == "FS-03"; }) == 51);
}

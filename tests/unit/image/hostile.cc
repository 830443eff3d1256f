// The corpus of tests/data/image/make_hostile.py through the real program: each case ends as it says, and a canary
// directory that the archives aim at stays as it was (SECURITY 3.M, H1).
#include <sys/xattr.h>

#include <algorithm>

#include "base/text.h"
#include "json/value.h"
#include "scratch.h"

using namespace casemate;

namespace {

struct Corpus {
    test::Scratch scratch;
    json::Document cases;
    std::string canary;

    static Corpus& get() {
        static Corpus corpus;
        return corpus;
    }

private:
    Corpus() : cases(json::Document::parse("{}").take()), canary(scratch / "canary") {
        ::mkdir(canary.c_str(), 0755);
        ::mkdir((scratch / "out").c_str(), 0777);
        ::chmod((scratch / "out").c_str(), 0777);
        ::chmod(scratch.path().c_str(), 0755);
        test::spill(canary + "/file", "original\n");
        test::spill(canary + "/passwd", "app:x:0:0::/:/\n");
        test::spill(scratch / "cwd-secret", "secret\n");
        const auto made = scratch.run({"env", "PYTHONDONTWRITEBYTECODE=1", "python3",
                                       test::image_data + "/make_hostile.py", scratch / "images", canary});
        INFO(made.err);
        REQUIRE(made.exit == 0);
        cases = json::Document::parse(test::slurp(scratch / "images/cases.json")).take();
    }
};

std::vector<std::string> strings(const json::Value& object, const char* key) {
    std::vector<std::string> list;
    if (const json::Value* found = object.find(key))
        for (const json::Value& item : found->items()) list.emplace_back(item.string());
    return list;
}

struct stat look(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) status.st_mode = 0;
    return status;
}

char type_letter(mode_t mode) {
    if (S_ISDIR(mode)) return 'd';
    if (S_ISLNK(mode)) return 'l';
    if (S_ISFIFO(mode)) return 'p';
    return S_ISREG(mode) ? 'f' : '?';
}

void check_user(const json::Value& wanted, const std::string& destination) {
    const auto report = json::Document::parse(test::slurp(destination + "/image.json"));
    REQUIRE(report);
    const json::Value* process = report.value().root().find("process");
    REQUIRE(process);
    if (wanted.is_null()) {
        CHECK(process->is_null());
        CHECK(report.value().root().find("processError"));
        return;
    }
    REQUIRE(process->is_object());
    const json::Value& user = *process->find("user");
    CHECK(user.find("uid")->unsigned_integer() == wanted.items()[0].unsigned_integer());
    CHECK(user.find("gid")->unsigned_integer() == wanted.items()[1].unsigned_integer());
    REQUIRE(user.find("additionalGids")->items().size() == wanted.items()[2].items().size());
    for (size_t i = 0; i < wanted.items()[2].items().size(); ++i)
        CHECK(user.find("additionalGids")->items()[i].unsigned_integer() ==
              wanted.items()[2].items()[i].unsigned_integer());
}

void check_tree(const json::Value& expected, const std::string& destination) {
    const std::string root = destination + "/rootfs/";
    for (const std::string& path : strings(expected, "present")) CHECK_MESSAGE(look(root + path).st_mode != 0, path);
    for (const std::string& path : strings(expected, "absent")) CHECK_MESSAGE(look(root + path).st_mode == 0, path);
    if (const json::Value* content = expected.find("content"))
        for (const json::Member& member : content->members()) {
            const std::string path = root + std::string(member.key);
            CHECK_MESSAGE(S_ISREG(look(path).st_mode), path);
            CHECK_MESSAGE(test::slurp(path) == member.value.string(), path);
        }
    if (const json::Value* types = expected.find("type"))
        for (const json::Member& member : types->members())
            CHECK_MESSAGE(type_letter(look(root + std::string(member.key)).st_mode) == member.value.string()[0],
                          member.key);
    if (const json::Value* modes = expected.find("mode"))
        for (const json::Member& member : modes->members())
            CHECK_MESSAGE((look(root + std::string(member.key)).st_mode & 07777) == *parse_octal(member.value.string()),
                          member.key);
    if (const json::Value* xattrs = expected.find("xattrs"))
        for (const json::Member& member : xattrs->members()) {
            std::string wanted;
            for (const json::Value& name : member.value.items()) wanted += std::string(name.string()) + '\0';
            char names[1024];
            const ssize_t size = ::llistxattr((root + std::string(member.key)).c_str(), names, sizeof names);
            CHECK(std::string(names, size < 0 ? 0 : static_cast<size_t>(size)) == wanted);
        }
    if (const json::Value* user = expected.find("user")) check_user(*user, destination);
}

void run_all(uid_t uid) {
    Corpus& corpus = Corpus::get();
    const std::string before = test::listing(corpus.scratch, corpus.canary);
    for (const json::Value& expected : corpus.cases.root().items()) {
        const std::string name(expected.find("name")->string());
        if (uid != 0 && expected.find("root")) continue;
        CAPTURE(name);
        const std::string destination = corpus.scratch / ("out/" + name);
        std::vector<std::string> argv{"timeout", "30", test::unpack_program};
        for (const std::string& argument : strings(expected, "args")) argv.push_back(argument);
        argv.emplace_back(expected.find("source")->string());
        argv.push_back(destination);
        const test::Ran ran = corpus.scratch.run(argv, uid);
        INFO(ran.err);
        CHECK(ran.exit == expected.find("exit")->signed_integer());
        CHECK(ran.peak_rss_kib < 64 * 1024);
        for (const std::string& text : strings(expected, "says"))
            CHECK_MESSAGE(ran.err.find(text) != std::string::npos, text);
        if (ran.exit == 0) {
            check_tree(expected, destination);
        } else {
            // One line, perhaps a hint, no control bytes, and nothing left.
            CHECK(ran.err.starts_with("casemate-unpack: "));
            CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') <= 2);
            CHECK(ran.err.find('\x1b') == std::string::npos);
            CHECK(look(destination).st_mode == 0);
        }
        corpus.scratch.run({"chmod", "-R", "u+rwx", destination});
        corpus.scratch.run({"rm", "-rf", destination});
    }
    CHECK(corpus.scratch.run({"ls", "-A", corpus.scratch / "out"}).out.empty());
    CHECK(test::listing(corpus.scratch, corpus.canary) == before);
    CHECK(test::slurp(corpus.scratch / "cwd-secret") == "secret\n");
}

}  // namespace

TEST_CASE("hostile corpus, as root: each image ends as it must, and no canary is touched") {
    if (::geteuid() != 0) return;
    run_all(0);
}

TEST_CASE("hostile corpus, without root: the same") { run_all(::geteuid() == 0 ? 1234 : 0); }

TEST_CASE("hostile corpus, control: bsdtar with its protections off does touch a canary") {
    // The corpus has teeth: an archive of it, given to a reader that resolves paths itself, writes outside.
    test::Scratch scratch;
    const std::string canary = scratch / "canary", out = scratch / "out";
    ::mkdir(canary.c_str(), 0755);
    ::mkdir(out.c_str(), 0755);
    const std::string script = "import sys; sys.path.insert(0, '" + test::image_data +
                               "'); sys.dont_write_bytecode = True\n"
                               "from tarbytes import *\n"
                               "open('evil.tar', 'wb').write(symlink('out', '" +
                               canary + "') + member('out/new', b'x') + END)";
    REQUIRE(scratch.run({"python3", "-c", script}).exit == 0);
    scratch.run({"bsdtar", "-xPf", scratch / "evil.tar", "-C", out});
    CHECK(look(canary + "/new").st_mode != 0);
}

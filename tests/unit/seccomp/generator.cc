// The build-time program refuses lists with holes: what the build relies on for "each call in exactly one group".
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct Outcome {
    bool made;
    std::string complaint;
};

// Runs it on the real lists with one of them changed.
Outcome generate(const std::string& list, const std::function<void(std::string&)>& change) {
    const fs::path directory = fs::temp_directory_path() / ("casemate-tables-" + std::to_string(::getpid()));
    fs::create_directories(directory);
    for (const char* name : {"groups.txt", "arguments.txt", "newer.txt"}) {
        std::string text = text_of(fs::path(SOURCE_DIR "/src/seccomp") / name);
        REQUIRE_FALSE(text.empty());
        if (list == name) change(text);
        std::ofstream(directory / name) << text;
    }
    const std::string command = std::string(TABLES_PROGRAM) + " " + directory.string() + " " +
                                (directory / "out").string() + " 2> " + (directory / "err").string();
    const int status = std::system(command.c_str());
    Outcome outcome{WIFEXITED(status) && WEXITSTATUS(status) == 0, text_of(directory / "err")};
    fs::remove_all(directory);
    return outcome;
}

void replace(std::string& text, const std::string& old, const std::string& with) {
    const size_t at = text.find(old);
    REQUIRE(at != std::string::npos);
    text.replace(at, old.size(), with);
}

}  // namespace

TEST_CASE("generator: the lists as they are") {
    const Outcome outcome = generate("none", [](std::string&) {});
    CHECK(outcome.made);
    CHECK(outcome.complaint.empty());
}

TEST_CASE("generator: a call in no group, in two, or unknown") {
    const auto missing = generate("groups.txt", [](std::string& text) { replace(text, "@base brk\n", ""); });
    CHECK_FALSE(missing.made);
    CHECK(missing.complaint == "seccomp tables: 'brk' is in no group\n");
    const auto twice = generate("groups.txt", [](std::string& text) { text += "@sync brk\n"; });
    CHECK_FALSE(twice.made);
    CHECK(twice.complaint == "seccomp tables: 'brk' is in two groups, or twice in one\n");
    const auto unknown = generate("groups.txt", [](std::string& text) { text += "@sync brkk\n"; });
    CHECK_FALSE(unknown.made);
    CHECK(unknown.complaint == "seccomp tables: 'brkk' of @sync is no known call\n");
    const auto no_group = generate("groups.txt", [](std::string& text) { replace(text, "= @base", "= @bse"); });
    CHECK_FALSE(no_group.made);
    CHECK(no_group.complaint == "seccomp tables: '@bse' is no group\n");
}

TEST_CASE("generator: a call without argument widths, or with wrong ones") {
    CHECK_FALSE(generate("arguments.txt", [](std::string& text) { replace(text, "\nbrk l\n", "\n"); }).made);
    CHECK_FALSE(generate("arguments.txt", [](std::string& text) { replace(text, "\nbrk l\n", "\nbrk x\n"); }).made);
    CHECK_FALSE(generate("arguments.txt", [](std::string& text) { text += "brk l\n"; }).made);
}

TEST_CASE("generator: newer.txt must agree with libseccomp") {
    const auto outcome = generate("newer.txt", [](std::string& text) { text += "openat2 438 437 437 437 437\n"; });
    CHECK_FALSE(outcome.made);
    CHECK(outcome.complaint == "seccomp tables: newer.txt disagrees with libseccomp on 'openat2'\n");
}

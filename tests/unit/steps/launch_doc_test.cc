// The table of docs/launch.md is made from the sequence: the document cannot say another order than the program.
// UPDATE_GOLDENS=1 writes it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "steps/sequence.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::steps;

namespace {

constexpr const char* document = SOURCE_DIR "/docs/launch.md";
constexpr std::string_view opening = "```steps\n", closing = "```\n";

std::string read(const char* path) {
    std::string text;
    std::FILE* const file = std::fopen(path, "re");
    REQUIRE_MESSAGE(file, path);
    char buffer[4096];
    while (const size_t got = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, got);
    std::fclose(file);
    return text;
}

std::string padded(std::string_view text, size_t width) {
    std::string out(text);
    if (out.size() < width) out.append(width - out.size(), ' ');
    return out;
}

// One line a step: role, phase, name, and in which of the three modes a hardened launch has it.
std::string table() {
    policy::Profile in_place = plan::test::shipped("hardened");
    std::erase(*in_place.namespaces.private_, "user");
    const plan::Plan plans[] = {
        plan::test::compiled(plan::test::launching(in_place)),
        plan::test::compiled(plan::test::launching(plan::test::shipped("hardened"))),
        plan::test::compiled(plan::test::launching(plan::test::shipped("hardened"), plan::test::user_facts()))};
    std::string text = "role  phase         step                        a b c\n";
    const auto add = [&](const auto& steps, std::string_view role) {
        for (const auto* step : steps) {
            text += concat(padded(role, 6), padded(phase_name(step->phase), 14), padded(step->name, 27));
            for (const plan::Plan& plan : plans) text += step->needed(plan) ? " x" : " -";
            text += "\n";
        }
    };
    add(host_sequence(), "host");
    add(init_sequence(), "init");
    return text;
}

}  // namespace

TEST_CASE("docs: the order in launch.md is the order of the sequence") {
    std::string text = read(document);
    const size_t from = text.find(opening);
    REQUIRE(from != std::string::npos);
    const size_t begin = from + opening.size(), end = text.find(closing, begin);
    REQUIRE(end != std::string::npos);
    if (std::getenv("UPDATE_GOLDENS")) {
        text.replace(begin, end - begin, table());
        std::FILE* const file = std::fopen(document, "we");
        REQUIRE(file);
        std::fwrite(text.data(), 1, text.size(), file);
        std::fclose(file);
        return;
    }
    INFO("UPDATE_GOLDENS=1 unit_steps writes it anew");
    CHECK(text.substr(begin, end - begin) == table());
}

TEST_CASE("docs: launch.md says why of every phase") {
    const std::string text = read(document);
    for (size_t i = 0; i <= static_cast<size_t>(Phase::exec); ++i) {
        const std::string_view name = phase_name(static_cast<Phase>(i));
        CAPTURE(name);
        CHECK(text.find(concat("| `", name, "` | ")) != std::string::npos);
    }
}

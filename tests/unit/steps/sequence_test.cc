// The two tables of a launch: their order, their names, and which steps a plan has.
#include "steps/sequence.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::steps;
using plan::test::compiled;
using plan::test::launching;
using plan::test::shipped;

namespace {

std::vector<std::string> names_of(const plan::Plan& plan) {
    std::vector<std::string> names;
    for (const Line& line : describe(plan)) names.push_back(concat(line.role, ": ", line.step));
    return names;
}
bool has(const plan::Plan& plan, std::string_view name) {
    const auto names = names_of(plan);
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

TEST_CASE("sequence: phases never go back") {
    Phase last = Phase::prepare;
    for (const HostStep* step : host_sequence()) {
        CAPTURE(step->name);
        CHECK(step->phase >= last);
        CHECK(step->phase <= Phase::adopt);
        last = step->phase;
    }
    last = Phase::session;
    for (const InitStep* step : init_sequence()) {
        CAPTURE(step->name);
        CHECK(step->phase >= last);
        last = step->phase;
    }
    CHECK(init_sequence().back()->phase == Phase::exec);
}

TEST_CASE("sequence: each step has a name of its own, and is whole") {
    std::set<std::string> names;
    const auto look = [&](const auto& table, std::string_view role) {
        for (const auto* step : table) {
            CAPTURE(step->name);
            CHECK(names.insert(concat(role, step->name)).second);
            CHECK(step->name.find_first_of("\n:") == std::string_view::npos);  // words: it is printed
            const bool whole = step->needed && step->describe && step->apply;
            CHECK(whole);
        }
    };
    look(host_sequence(), "host");
    look(init_sequence(), "init");
}

// The order that was measured (RECIPES I16 to I24), as pairs: what must precede what.
TEST_CASE("sequence: what must come before what") {
    const std::vector<std::string> names = names_of(compiled(launching(shipped("hardened"))));
    const auto at = [&](std::string_view name) {
        const auto found = std::ranges::find(names, name);
        REQUIRE_MESSAGE(found != names.end(), name);
        return found - names.begin();
    };
    const std::pair<const char*, const char*> pairs[] = {
        {"host: hide from ptrace", "host: open root"},
        {"host: create mount points", "host: clone trees"},
        {"host: clone trees", "host: idmap trees"},
        {"host: write id maps", "host: idmap trees"},
        {"init: make mounts private", "init: attach root"},
        {"init: make file systems", "init: pivot root"},
        {"init: attach root", "init: attach mounts"},
        {"init: pivot root", "init: mask paths"},
        {"init: write sysctls", "init: set ids"},
        {"init: set no_new_privs", "init: drop bounding set"},
        {"init: drop bounding set", "init: set ids"},
        {"init: set ids", "init: set capabilities"},
        {"init: set capabilities", "init: verify from inside"},
        {"init: verify from inside", "init: restrict with Landlock"},
        {"init: attach mounts", "init: restrict with Landlock"},
        {"init: restrict with Landlock", "init: close descriptors"},
        {"init: close descriptors", "init: load seccomp filter"},
        {"init: load seccomp filter", "init: execute stub"},
    };
    for (const auto& [first, second] : pairs) {
        const std::string_view before = first;  // clang 14: no binding in a lambda
        CAPTURE(before);
        CHECK(at(first) < at(second));
    }
    CHECK(names.back() == "init: execute stub");
}

TEST_CASE("sequence: one sequence, three modes") {
    const plan::Plan userns = compiled(launching(shipped("hardened")));
    const plan::Plan rootless = compiled(launching(shipped("hardened"), plan::test::user_facts()));
    const plan::Plan one_id = compiled(launching(shipped("hardened"), plan::test::user_facts(false)));
    const plan::Plan root = compiled(launching(plan::test::silent()));
    CHECK(has(userns, "host: idmap trees"));
    CHECK(has(userns, "init: become namespace root"));
    CHECK_FALSE(has(rootless, "host: clone trees"));
    CHECK(has(rootless, "init: clone trees again"));
    CHECK(has(rootless, "init: attach device nodes"));
    CHECK_FALSE(has(one_id, "init: become namespace root"));
    CHECK(has(one_id, "host: write id maps"));
    CHECK_FALSE(has(root, "host: write id maps"));
    CHECK_FALSE(has(root, "init: forbid user namespaces"));  // it would be the host's value
}

TEST_CASE("sequence: without no_new_privs the last capabilities go after the filter that needed them") {
    plan::test::Input input;
    input.config = plan::test::with_linux(
        R"("seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["bpf"], "action": "SCMP_ACT_ERRNO"}]})");
    CHECK(has(compiled(input), "init: drop last capabilities"));
    input.config.process->no_new_privileges = true;
    CHECK_FALSE(has(compiled(input), "init: drop last capabilities"));
}

TEST_CASE("sequence: a stricter profile leaves no step out") {
    const std::vector<std::string> open = names_of(compiled(launching(plan::test::silent())));
    const std::vector<std::string> hardened = names_of(compiled(launching(shipped("hardened"))));
    const std::vector<std::string> strict = names_of(compiled(launching(shipped("strict"))));
    for (const std::string& step : open) CHECK_MESSAGE(std::ranges::find(hardened, step) != hardened.end(), step);
    for (const std::string& step : hardened) CHECK_MESSAGE(std::ranges::find(strict, step) != strict.end(), step);
    CHECK(hardened.size() > open.size() + 10);
}

// A stored image's layers are found by path twice without root: by the host, and in the container's mount namespace.
#include "steps/layers.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "steps/sequence.h"
#include "unit/plan/compiling.h"

using namespace casemate;

namespace {

struct Directories {
    std::string top = [] {
        char name[] = "/tmp/casemate-layers-XXXXXX";
        REQUIRE(::mkdtemp(name));
        return std::string(name);
    }();
    plan::RootPlan root;
    Directories() {
        root.layers = {top + "/above", top + "/below"};
        root.own = top + "/own";
        for (const std::string& path : {root.layers[0], root.layers[1], root.own}) REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    }
    ~Directories() {
        for (const char* name : {"/above", "/below", "/own", "/aside", ""}) ::rmdir((top + name).c_str());
    }
};

bool has(const plan::Plan& plan, std::string_view role, std::string_view step) {
    for (const steps::Line& line : steps::describe(plan))
        if (line.role == role && line.step == step) return true;
    return false;
}

}  // namespace

TEST_CASE("layers: another directory at the same path is an error") {
    Directories made;
    const steps::Layers seen = steps::find_layers(made.root).take();
    REQUIRE(seen.directories.size() == 2);
    CHECK(steps::find_layers_again(made.root, seen));
    for (const std::string& path : {made.root.layers[0], made.root.layers[1], made.root.own}) {
        CAPTURE(path);
        const std::string aside = made.top + "/aside";
        REQUIRE(::rename(path.c_str(), aside.c_str()) == 0);
        CHECK_FALSE(steps::find_layers_again(made.root, seen));
        REQUIRE(::mkdir(path.c_str(), 0700) == 0);
        const auto again = steps::find_layers_again(made.root, seen);
        REQUIRE_FALSE(again);
        CHECK(again.error().text().find("changed while") != std::string::npos);
        REQUIRE(::rmdir(path.c_str()) == 0);
        REQUIRE(::rename(aside.c_str(), path.c_str()) == 0);
    }
    REQUIRE(::rmdir(made.root.own.c_str()) == 0);
    REQUIRE(::symlink("above", made.root.own.c_str()) == 0);
    CHECK_FALSE(steps::find_layers(made.root));  // never through a link
    ::unlink(made.root.own.c_str());
}

TEST_CASE("layers: without root the host closes the view, and init stacks them") {
    plan::test::Input input = plan::test::launching(plan::test::shipped("hardened"), plan::test::user_facts());
    input.request.root_layers = {"/data/above", "/data/below"};
    input.request.root_own = "/data/own";
    const plan::Plan rootless = plan::test::compiled(input);
    CHECK(has(rootless, "host", "open layers"));
    CHECK_FALSE(has(rootless, "host", "open root"));
    CHECK(has(rootless, "host", "clone trees"));
    CHECK_FALSE(has(rootless, "host", "stack layers"));
    CHECK(has(rootless, "init", "clone trees again"));
    CHECK_FALSE(rootless.mounts().root.idmap);
}

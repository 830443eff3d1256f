// The root file system in the plan: its path, flags and propagation.
#include <linux/mount.h>
#include <sys/mount.h>

#include "base/text.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

TEST_CASE("root: where it is, and what the profile adds to it") {
    Input input;
    CHECK(compiled(input).mounts().root.path == "/srv/bundle/rootfs");
    CHECK_FALSE(compiled(input).mounts().root.readonly);
    input.config.root_path = "/elsewhere";
    input.config.root_readonly = true;
    CHECK(compiled(input).mounts().root.path == "/elsewhere");
    CHECK(compiled(input).mounts().root.readonly);
    CHECK_FALSE(compiled(input).mounts().root.nosuid);
    input.config.root_path.clear();
    CHECK(refusal(input) == "config.json: $.root.path: missing");

    Input strict;
    strict.profile.filesystem.readonly_root = true;
    CHECK(compiled(strict).mounts().root.readonly);
    strict.profile = silent();
    strict.profile.filesystem.deny_write_execute = true;  // implies it
    CHECK(compiled(strict).mounts().root.readonly);
    strict.profile.filesystem.setid_files = policy::SetidFiles::ignore;
    CHECK(compiled(strict).mounts().root.nosuid);
    strict.profile.filesystem.setid_files = policy::SetidFiles::keep;
    CHECK_FALSE(compiled(strict).mounts().root.nosuid);

    const Plan launched = compiled(launching(silent()));
    CHECK(launched.mounts().root.nosuid);  // constants of launch (PROFILE 2.12)
    CHECK(launched.mounts().root.nodev);
}

TEST_CASE("root: propagation") {
    Input input;
    for (const char* word : {"private", "rprivate"}) {
        input.config.linux_.rootfs_propagation = word;
        CHECK(compiled(input).mounts().root.propagation == 0);
    }
    const std::pair<const char*, uint64_t> others[] = {{"slave", 1 << 19},      {"rslave", 1 << 19},
                                                       {"shared", 1 << 20},     {"rshared", 1 << 20},
                                                       {"unbindable", 1 << 17}, {"runbindable", 1 << 17}};
    for (const auto& [word, flag] : others) {
        const std::string_view name = word;  // clang 14: no binding in a lambda
        CAPTURE(name);
        input.config.linux_.rootfs_propagation = word;
        CHECK(compiled(input).mounts().root.propagation == flag);
    }
    for (const char* word : {"r", "rrprivate", "Private", "none"}) {
        input.config.linux_.rootfs_propagation = word;
        CHECK(refusal(input) == concat("config.json: $.linux.rootfsPropagation: unknown value '", word, "'"));
    }
}

TEST_CASE("root: idmapped where root has a range, unless the owners were shifted") {
    Input input = launching(shipped("hardened"));
    CHECK(compiled(input).mounts().root.idmap);
    CHECK_FALSE(compiled(input).mounts().root.shifted);
    input.request.root_shifted = true;
    CHECK_FALSE(compiled(input).mounts().root.idmap);
    CHECK(compiled(input).mounts().root.shifted);
    CHECK_FALSE(compiled(launching(shipped("hardened"), user_facts())).mounts().root.idmap);
}

// Which lists of mounts are made in another order than they have.
#include "plan/mount_order.h"

#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

TEST_CASE("mounts: a list that is not made in its order is known, and none of launch's is") {
    const oci::Mount proc{"/proc", "proc", "proc", {}, {}, {}}, dev{"/dev", "tmpfs", "tmpfs", {}, {}, {}};
    const oci::Mount bind{"/d", "none", "/srv/d", {"bind"}, {}, {}}, again{"/d", "none", "/d", {"remount", "ro"}, {}, {}};
    struct Row {
        std::vector<oci::Mount> mounts;
        bool root, userns, rootless;  // out of order?
    };
    const Row rows[] = {
        {{}, false, false, false},
        {{proc, dev}, false, true, false},
        {{bind, again, proc, dev}, false, true, true},
        {{bind, dev, proc}, false, false, true},
        {{proc, bind}, true, true, false},
        {{proc, again}, false, false, false},
    };
    for (const Row& row : rows) {
        CAPTURE(&row - rows);
        Input input;
        input.config.mounts = row.mounts;
        CHECK(is_made_out_of_order(compiled(input)) == row.root);
        input.config.linux_.namespaces.push_back({"user", ""});
        Input rootless = input;
        rootless.facts = user_facts();
        CHECK(is_made_out_of_order(compiled(rootless)) == row.rootless);
        input.config.linux_.uid_mappings = input.config.linux_.gid_mappings = {{0, 100000, 65536}};
        CHECK(is_made_out_of_order(compiled(input)) == row.userns);
    }
    CHECK_FALSE(is_made_out_of_order(compiled(launching(shipped("hardened")))));
}

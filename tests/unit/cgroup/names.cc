// Names of groups, lists of cpus, names of unified files.
#include "cgroup/names.h"

#include <doctest/doctest.h>

#include <string>

using namespace casemate;
using cgroup::path_components;

TEST_CASE("a group's path is taken apart by component") {
    CHECK(path_components("/libpod_parent/libpod-1").value() == std::vector<std::string>{"libpod_parent", "libpod-1"});
    CHECK(path_components("//a///b/").value() == std::vector<std::string>{"a", "b"});
    CHECK(path_components("relative").value() == std::vector<std::string>{"relative"});
    CHECK(path_components("/a..b/...").value().size() == 2);  // dots in a name are a name
}

TEST_CASE("a group's path cannot leave its hierarchy") {
    for (const std::string path :
         {"", "/", "..", "../x", "/a/../../x", "/a/..", "/a/./b", ".", "a\nb", "a\x7f", "/a/b\t"})
        CHECK_MESSAGE(!path_components(path), path);
    CHECK_FALSE(path_components(std::string("a\0b", 3)));
    CHECK_FALSE(path_components(std::string(256, 'x')));
    CHECK(path_components(std::string(255, 'x')));
    std::string deep;
    for (int i = 0; i < 32; ++i) deep += "/d";
    CHECK(path_components(deep));
    CHECK_FALSE(path_components(deep + "/d"));
}

TEST_CASE("a list of cpus is checked, never expanded (CVE-2018-20699)") {
    CHECK(cgroup::check_number_list("0").value() == 1);
    CHECK(cgroup::check_number_list("0-3,7").value() == 5);
    CHECK(cgroup::check_number_list("0-65535").value() == 65536);
    for (const std::string list : {"", "0-4294967295", "65536", "3-1", "-1", "1-", "a", "0,,1", "0, 1", "1-2-3", "0x1",
                                   "+1", "1\n2", "99999999999999999999"})
        CHECK_MESSAGE(!cgroup::check_number_list(list), list);
    CHECK_FALSE(cgroup::check_number_list(std::string(4097, '1')));
}

TEST_CASE("unified names limits, not what moves or stops processes") {
    for (const std::string file : {"memory.high", "io.max", "hugetlb.2MB.max", "newcontroller.key", "cgroup.max.depth",
                                   "cgroup.max.descendants"})
        CHECK_MESSAGE(cgroup::check_unified_file(file), file);
    for (const std::string file :
         {"", "memory", ".x", "memory.", "../memory.max", "a/b.c", "cgroup.procs", "cgroup.threads", "cgroup.kill",
          "cgroup.freeze", "cgroup.type", "cgroup.subtree_control", "memory.max\n"})
        CHECK_MESSAGE(!cgroup::check_unified_file(file), file);
    CHECK(cgroup::controller_of("memory.high") == "memory");
    CHECK(cgroup::controller_of("cgroup.max.depth").empty());
}

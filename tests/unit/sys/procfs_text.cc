// The parsers of procfs texts: what the kernel writes, and what it never would.
#include <doctest/doctest.h>

#include "sys/procfs.h"

using namespace casemate::sys;

namespace {

constexpr const char* status_text =
    "Name:\tcat\nUmask:\t0027\nState:\tR (running)\nTracerPid:\t0\nUid:\t1001\t1001\t1001\t1001\nGid:\t1001\t5\t6\t7\n"
    "Groups:\t5 1001 "
    "\nNSpid:\t812\t2\nCapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000000400\n"
    "CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n";

std::string without(std::string text, const std::string& line_start) {
    const size_t at = text.find(line_start);
    text.erase(at, text.find('\n', at) - at + 1);
    return text;
}

}  // namespace

TEST_CASE("status: every field that verify compares") {
    const auto status = parse_status(status_text);
    REQUIRE(status);
    CHECK(status.value().umask == 027);
    CHECK(status.value().uids == std::vector<uint32_t>{1001, 1001, 1001, 1001});
    CHECK(status.value().gids == std::vector<uint32_t>{1001, 5, 6, 7});
    CHECK(status.value().groups == std::vector<uint32_t>{5, 1001});
    CHECK(status.value().pids_by_namespace == std::vector<int>{812, 2});
    CHECK(status.value().cap_permitted == 0x1ffffffffff);
    CHECK(status.value().cap_effective == 0x400);
    CHECK(status.value().no_new_privs);
    CHECK(status.value().seccomp_mode == 2);
    CHECK(status.value().seccomp_filters == 3);
}

TEST_CASE("status: a missing or wrong line is an error, never a zero") {
    for (const char* line :
         {"Umask", "Uid", "Groups", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp:", "Seccomp_filters"}) {
        CHECK_FALSE(parse_status(without(status_text, line)));
    }
    std::string wrong = status_text;
    wrong.replace(wrong.find("CapEff:\t0"), 9, "CapEff:\tx");
    CHECK_FALSE(parse_status(wrong));
    wrong = status_text;
    wrong.replace(wrong.find("NoNewPrivs:\t1"), 13, "NoNewPrivs:\t2");
    CHECK_FALSE(parse_status(wrong));
    CHECK_FALSE(parse_status(""));
}

TEST_CASE("mountinfo: optional fields, escapes and super options") {
    const auto mounts = parse_mountinfo(
        "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n"
        "40 36 0:52 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw,hidepid=ptraceable,subset=pid\n");
    REQUIRE(mounts);
    REQUIRE(mounts.value().size() == 2);
    const MountInfo& first = mounts.value()[0];
    CHECK(first.id == 36);
    CHECK(first.parent == 35);
    CHECK(first.root == "/mnt1");
    CHECK(first.mount_point == "/mnt 2");
    CHECK(first.flags == std::vector<std::string>{"rw", "noatime"});
    CHECK(first.optional_fields == std::vector<std::string>{"master:1", "shared:7"});
    CHECK(mounts.value()[1].super_options == std::vector<std::string>{"rw", "hidepid=ptraceable", "subset=pid"});
}

TEST_CASE("mountinfo: a line without its separator, number or type is an error") {
    CHECK_FALSE(parse_mountinfo("36 35 98:0 / / rw ext3 /dev/root rw\n"));
    CHECK_FALSE(parse_mountinfo("x 35 98:0 / / rw - ext3 /dev/root rw\n"));
    CHECK_FALSE(parse_mountinfo("36 35 98:0 / / rw -\n"));
    CHECK_FALSE(parse_mountinfo("\n"));
    CHECK(parse_mountinfo(""));
}

TEST_CASE("id map") {
    const auto map = parse_id_map("         0     524288      65536\n     70000          7          1\n");
    REQUIRE(map);
    REQUIRE(map.value().size() == 2);
    CHECK(map.value()[0].outside == 524288);
    CHECK(map.value()[1].inside == 70000);
    CHECK_FALSE(parse_id_map("0 1\n"));
    CHECK_FALSE(parse_id_map("0 1 4294967296\n"));
    CHECK_FALSE(parse_id_map("0 1 2 3\n"));
}

TEST_CASE("start time: a command name may hold blanks and parentheses") {
    const auto ticks = parse_start_time(
        "7 (a) R (b) S 1 7 7 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 4711 1000 20 18446744073709551615");
    REQUIRE(ticks);
    CHECK(ticks.value() == 4711);
    CHECK_FALSE(parse_start_time("7 (a) S 1 2"));
    CHECK_FALSE(parse_start_time("7 a S 1 2"));
}

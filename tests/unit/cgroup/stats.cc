// Figures as the kernel writes them.
#include "cgroup/stats.h"

#include <doctest/doctest.h>

#include "cgroup/events.h"

using namespace casemate;
using namespace casemate::cgroup;

TEST_CASE("stats: lines of key and number") {
    CHECK(parse_figures("anon 12\nfile 0\nbad\nneg -1\n") == Figures{{"anon", 12}, {"file", 0}});
    CHECK(parse_figures("").empty());
    std::string many;
    for (int i = 0; i < 5000; ++i) many += "k" + std::to_string(i) + " 1\n";
    CHECK(parse_figures(many).size() == 4096);
}

TEST_CASE("stats: a key is a whole word") {
    CHECK(keyed_value("oom 1\noom_kill 3\noom_group_kill 4\n", "oom_kill") == 3);
    CHECK(keyed_value("oom_kill 3", "oom") == std::nullopt);
    CHECK(keyed_value("populated x\n", "populated") == std::nullopt);
}

TEST_CASE("stats: block I/O of v2 and v1 in one form") {
    const std::vector<IoEntry> expected = {{{8, 0}, "Read", 10, 1}, {{8, 0}, "Write", 20, 2}};
    CHECK(parse_io_stat("8:0 rbytes=10 wbytes=20 rios=1 wios=2\n253:0 \nbad\n") == expected);
    CHECK(parse_blkio("8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:0 Total 30\nTotal 30\n",
                      "8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n") == expected);
    CHECK(parse_io_stat("").empty());
    CHECK(parse_io_stat("8 rbytes=1\n:0 rbytes=1\n8:0 rbytes=x\n").empty());
}

// The two tables: phases never go back, names are unique, every step says what it does.
#include "steps/sequence.h"

#include <doctest/doctest.h>

#include <set>

#include "support/temp_bundle.h"

using namespace casemate;
using namespace casemate::test;

namespace {

template <typename Table>
void check_order(const Table& table) {
    std::set<std::string_view> names;
    steps::Phase last = table.front()->phase;
    for (const auto* step : table) {
        INFO(std::string(step->name));
        CHECK(step->phase >= last);
        last = step->phase;
        CHECK(names.insert(step->name).second);
        CHECK(bool(step->needed));
        CHECK(bool(step->describe));
        CHECK(bool(step->apply));
    }
}

template <typename Table>
size_t place(const Table& table, std::string_view name) {
    for (size_t i = 0; i < table.size(); ++i)
        if (table[i]->name == name) return i;
    FAIL("no step ", std::string(name));
    return 0;
}

}  // namespace

TEST_CASE("phases never go back, in both tables") {
    check_order(steps::host_sequence());
    check_order(steps::init_sequence());
    for (const steps::HostStep* step : steps::host_sequence()) CHECK(step->phase <= steps::Phase::adopt);
    for (const steps::InitStep* step : steps::init_sequence()) CHECK(step->phase > steps::Phase::adopt);
}

// The orders that a phase alone does not say, each with the trap that it is there for.
TEST_CASE("orders within the tables that security rests on") {
    const auto init = steps::init_sequence();
    const auto before = [&](std::string_view first, std::string_view second) {
        INFO(std::string(first), " before ", std::string(second));
        CHECK(place(init, first) < place(init, second));
    };
    before("become namespace root", "stay hidden from ptrace");       // a uid change resets dumpable
    before("set time offsets", "stay hidden from ptrace");            // own /proc files need it
    before("make mounts private", "attach root");                     // nothing may reach the host's table
    before("make file systems", "pivot root");                        // proc must be fully visible
    before("pivot root", "mask paths");
    before("mask paths", "make paths read-only");
    before("set no_new_privs", "restrict with Landlock");
    before("set no_new_privs", "load seccomp filter");
    before("drop bounding set", "set ids");                           // needs SETPCAP
    before("set ids", "set capabilities");                            // a uid change clears sets
    before("set ids", "rearm parent death signal");                   // and the death signal
    before("set capabilities", "verify from inside");
    before("restrict with Landlock", "close descriptors");
    before("close descriptors", "load seccomp filter");
    before("load seccomp filter", "execute stub");
    CHECK(init.back()->name == "execute stub");
}

TEST_CASE("every step of every mode describes itself") {
    const TempBundle bundle;
    for (const plan::Mode mode : {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless}) {
        const plan::Plan plan = bundle.plan({.mode = mode});
        const auto lines = steps::describe(plan);
        CHECK(lines.size() > 20);
        for (const steps::Line& line : lines) {
            INFO(std::string(line.step));
            CHECK_FALSE(line.text.empty());
            CHECK(line.text.find('\n') == std::string::npos);
        }
    }
}

// Large policies: jumps beyond 255 instructions, the kernel's limit, and that compiling stays quick all the same.
#include <doctest/doctest.h>

#include <cerrno>

#include "support.h"

namespace casemate::seccomp {
namespace {

using namespace test;

// Every call has a rule of its own with `conditions` numbers, none shared: nothing can be merged.
Policy unmergeable(size_t calls, uint64_t conditions) {
    Layer layer;
    uint64_t value = 1000;
    for (const Syscall& syscall : syscalls()) {
        if (syscall.on(Arch::x86_64) < 0 || calls == 0) continue;
        unsigned index = 0;
        while (index < 6 && syscall.args[index] != Width::bits32 && syscall.args[index] != Width::bits64) ++index;
        if (index == 6) continue;
        --calls;
        Rule rule = deny(syscall.name, EACCES);
        for (uint64_t i = 0; i < conditions; ++i)
            rule.conditions.push_back({static_cast<uint8_t>(index), Op::ne, value++, 0});
        layer.deny.push_back(rule);
    }
    return {{layer}, {}, {Arch::x86_64}};
}

}  // namespace

TEST_CASE("limits: long jumps") {
    size_t longest = 0;
    for (size_t calls : {20, 60, 150, 200, 300})
        for (uint64_t conditions : {1, 3, 5}) {
            const Policy policy = unmergeable(calls, conditions);
            const auto program = program_of(policy);
            longest = std::max(longest, program.size());
            CHECK(differences(policy, program, interesting_calls(policy, Arch::x86_64, false)) == 0);
        }
    CHECK(longest > 2000);
}

TEST_CASE("limits: one call with very many rules") {
    Layer layer = allow_groups({});
    for (uint64_t request = 0; request < 1500; ++request)
        layer.allow->push_back(allow("ioctl", {{1, Op::eq, 0x5400 + request, 0}}));
    const Policy policy{{layer, layer}, {}, {Arch::x86_64}};
    const auto program = program_of(policy);
    CHECK(run(program, call("ioctl", {0, 0x5400})) == SECCOMP_RET_ALLOW);
    CHECK(run(program, call("ioctl", {0, 0x5400 + 1499})) == SECCOMP_RET_ALLOW);
    CHECK(run(program, call("ioctl", {0, 0x5400 + 1500})) == (SECCOMP_RET_ERRNO | EPERM));
}

TEST_CASE("limits: above 4096 instructions is a clean error") {
    for (uint64_t conditions : {20, 100, 1000}) {
        const auto program = compile(unmergeable(300, conditions));
        REQUIRE_FALSE(program);
        CHECK(program.error().text() == "the filter needs more than the kernel's 4096 instructions");
        CHECK_FALSE(program.error().hint_text().empty());
    }
}

TEST_CASE("limits: the last size that fits agrees too") {
    Policy fits;
    for (uint64_t conditions = 1; conditions < 30; ++conditions) {
        Policy next = unmergeable(300, conditions);
        if (!compile(next)) break;
        fits = std::move(next);
    }
    const auto program = program_of(fits);
    CHECK(program.size() > 3500);
    CHECK(differences(fits, program, interesting_calls(fits, Arch::x86_64, false)) == 0);
}

TEST_CASE("limits: an empty policy allows, on its architecture only") {
    const auto program = program_of({{}, {}, {Arch::x86_64}});
    CHECK(run(program, call("read")) == SECCOMP_RET_ALLOW);
    CHECK(run(program, call("read", {}, Arch::aarch64)) == SECCOMP_RET_KILL_PROCESS);
    CHECK(run(program, call("read", {}, Arch::x32)) == SECCOMP_RET_KILL_PROCESS);
}

TEST_CASE("limits: verdicts are totally ordered as documented") {
    const Verdict ascending[] = {
        {Action::allow, 0, false},       {Action::log, 0, false},     {Action::trace, 9, false},
        {Action::notify, 0, false},      {Action::errno_, 95, false}, {Action::errno_, 1, false},
        {Action::errno_, ENOSYS, false}, {Action::errno_, 95, true},  {Action::errno_, 1, true},
        {Action::errno_, ENOSYS, true},  {Action::trap, 0, false},    {Action::kill_thread, 0, false},
        {Action::kill_process, 0, false}};
    for (size_t i = 0; i < std::size(ascending); ++i)
        for (size_t j = 0; j < std::size(ascending); ++j) CHECK(ascending[i].stricter_than(ascending[j]) == (i > j));
}

}  // namespace casemate::seccomp

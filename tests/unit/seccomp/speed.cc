// Size and speed: the budgets of PERFORMANCE 8 and 10. Sizes are checked; times are printed, and checked with room for
// a slow machine only.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

#include "seccomp/guards.h"
#include "support.h"

namespace casemate::seccomp {
namespace {

using namespace test;
using Clock = std::chrono::steady_clock;

struct Cost {
    size_t instructions;
    double read_us, compile_us;  // medians
};

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

double us_since(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

Cost cost_of(std::string_view file, std::vector<std::string_view> architectures) {
    const EngineProfile profile = engine_profile(file, {}, std::move(architectures));
    std::vector<double> read, compiled;
    size_t size = 0;
    for (int round = 0; round < 201; ++round) {
        const auto start = Clock::now();
        OciIgnored ignored;
        auto policy = from_oci(profile.filter, ignored);
        REQUIRE(policy);
        read.push_back(us_since(start));
        const auto middle = Clock::now();
        auto program = compile(policy.value());
        REQUIRE(program);
        compiled.push_back(us_since(middle));
        size = program.value().size();
    }
    return {size, median(read), median(compiled)};
}

}  // namespace

TEST_CASE("size and speed: the engines' profiles") {
    const std::vector<std::string_view> x86{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"},
        all{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
    for (std::string_view file : {"moby-default.json", "podman-default.json"}) {
        const Cost native = cost_of(file, {}), with_x86 = cost_of(file, x86), with_x32 = cost_of(file, all);
        for (const auto& [name, cost] : {std::pair{"native", native}, {"+ x86", with_x86}, {"+ x86 + x32", with_x32}})
            MESSAGE(std::string(file), ", ", std::string(name), ": ", cost.instructions, " instructions; from_oci ",
                    cost.read_us, " us, compile ", cost.compile_us, " us");
        CHECK(native.instructions <= 200);
        CHECK(with_x86.instructions <= 450);
        CHECK(with_x32.instructions <= 450);
#ifdef __OPTIMIZE__
        CHECK(with_x32.read_us + with_x32.compile_us < 2000);
#endif
    }
}

TEST_CASE("size: the groups of the shipped profiles") {
    for (std::string_view group : {"@minimal", "@system-service"}) {
        const auto program = program_of({{allow_groups({group})}, {}, {}});
        MESSAGE(std::string(group), ": ", program.size(), " instructions");
        CHECK(program.size() <= 120);
    }
}

}  // namespace casemate::seccomp

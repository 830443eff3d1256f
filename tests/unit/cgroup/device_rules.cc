// Device rules: what the list means, what the BPF program answers and what v1's exceptions say are one and the same.
#include "cgroup/device_rules.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "base/text.h"

using namespace casemate;
using namespace casemate::cgroup;

namespace {

struct Request {
    char type;
    uint32_t major, minor;
    uint8_t wanted;
};

// The rule as written: for each access the last rule that names it.
bool meant(const std::vector<DeviceRule>& rules, const Request& request) {
    for (const uint8_t bit : {access::mknod, access::read, access::write}) {
        if (!(request.wanted & bit)) continue;
        bool allowed = false;
        for (const DeviceRule& rule : rules)
            if ((rule.type == 'a' || rule.type == request.type) &&
                rule.major.value_or(request.major) == request.major &&
                rule.minor.value_or(request.minor) == request.minor && (rule.access & bit))
                allowed = rule.allow;
        if (!allowed) return false;
    }
    return true;
}

// The few instructions that the compiler uses; -1 for anything else, and for a jump out of the program.
int run(const std::vector<bpf_insn>& program, const Request& request) {
    uint64_t registers[11] = {};
    const uint32_t type = request.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
    const uint32_t memory[3] = {(uint32_t{request.wanted} << 16) | type, request.major, request.minor};
    for (size_t at = 0; at < program.size(); ++at) {
        const bpf_insn& insn = program[at];
        uint64_t& to = registers[insn.dst_reg];
        const auto low = static_cast<uint32_t>(to), value = static_cast<uint32_t>(insn.imm);
        switch (insn.code) {
            case BPF_LDX | BPF_MEM | BPF_W:
                if (insn.src_reg != 1 || insn.off % 4 != 0 || insn.off > 8) return -1;
                to = memory[insn.off / 4];
                break;
            case BPF_ALU | BPF_MOV | BPF_X: to = static_cast<uint32_t>(registers[insn.src_reg]); break;
            case BPF_ALU | BPF_AND | BPF_K: to = low & value; break;
            case BPF_ALU | BPF_RSH | BPF_K: to = low >> value; break;
            case BPF_ALU64 | BPF_MOV | BPF_K: to = static_cast<uint64_t>(int64_t{insn.imm}); break;
            case BPF_JMP32 | BPF_JNE | BPF_K: at += low != value ? static_cast<size_t>(insn.off) : 0; break;
            case BPF_JMP32 | BPF_JSET | BPF_K: at += (low & value) != 0 ? static_cast<size_t>(insn.off) : 0; break;
            case BPF_JMP | BPF_JA: at += static_cast<size_t>(insn.off); break;
            case BPF_JMP | BPF_EXIT: return static_cast<int>(registers[0]);
            default: return -1;
        }
    }
    return -1;
}

// The v1 controller's own way (security/device_cgroup.c): lines are exceptions to the default set by "a".
bool v1_allows(const std::vector<DeviceLine>& lines, const Request& request) {
    bool by_default = true, matched = false;
    for (const DeviceLine& line : lines) {
        if (line.text == "a") {
            by_default = line.allow;
            continue;
        }
        const auto parts = split(line.text, ' ');
        const auto numbers = split(parts[1], ':');
        const auto is = [](std::string_view text, uint32_t number) {
            return text == "*" || text == std::to_string(number);
        };
        if (parts[0][0] != request.type || !is(numbers[0], request.major) || !is(numbers[1], request.minor)) continue;
        uint8_t access = 0;
        for (const char letter : parts[2])
            access |= letter == 'r' ? access::read : letter == 'w' ? access::write : access::mknod;
        // Denied by default one exception must hold all accesses; allowed by default one that meets any denies.
        matched |= by_default ? (access & request.wanted) != 0 : (request.wanted & ~access) == 0;
    }
    return by_default != matched;
}

template <typename Act>
void each_request(Act act) {
    for (const char type : {'b', 'c'})
        for (const uint32_t major : {0u, 1u, 2u, 5u})
            for (const uint32_t minor : {0u, 1u, 3u})
                for (uint8_t wanted = 1; wanted <= access::all; ++wanted) act(Request{type, major, minor, wanted});
}

std::vector<DeviceRule> random_rules(std::mt19937& random, size_t count) {
    const auto below = [&](uint32_t end) { return random() % end; };
    std::vector<DeviceRule> rules;
    while (rules.size() < count) {
        DeviceRule rule{below(2) != 0, "abc" [below(3)], {}, {}, static_cast<uint8_t>(1 + below(7))};
        if (below(3)) rule.major = below(3);
        if (below(3)) rule.minor = below(4);
        rules.push_back(rule);
    }
    return rules;
}

}  // namespace

TEST_CASE("devices: nothing is allowed without a rule, everything by one for all") {
    const auto none = device_program({}).take();
    const auto all = device_program(std::vector{DeviceRule{true}}).take();
    each_request([&](const Request& request) {
        CHECK(run(none, request) == 0);
        CHECK(run(all, request) == 1);
    });
    CHECK(device_lines({}).take() == std::vector<DeviceLine>{{false, "a"}});
    CHECK(device_lines(std::vector{DeviceRule{true}}).take() == std::vector<DeviceLine>{{true, "a"}});
}

TEST_CASE("devices: the rules of an engine, deny all and the default devices") {
    std::vector<DeviceRule> rules = {DeviceRule{false}};
    rules.insert(rules.end(), default_device_rules().begin(), default_device_rules().end());
    const auto program = device_program(rules).take();
    CHECK(run(program, {'c', 1, 3, access::read | access::write}) == 1);
    CHECK(run(program, {'c', 136, 77, access::all}) == 1);
    CHECK(run(program, {'b', 8, 0, access::mknod}) == 1);
    CHECK(run(program, {'b', 8, 0, access::read}) == 0);
    CHECK(run(program, {'c', 1, 1, access::read}) == 0);                     // /dev/mem
    CHECK(run(program, {'c', 10, 229, access::read | access::write}) == 0);  // /dev/fuse
    const auto lines = device_lines(rules).take();
    CHECK(lines.front() == DeviceLine{false, "a"});
    CHECK(std::find(lines.begin(), lines.end(), DeviceLine{true, "c 136:* rwm"}) != lines.end());
    CHECK(std::find(lines.begin(), lines.end(), DeviceLine{true, "c 1:3 rwm"}) != lines.end());
}

TEST_CASE("devices: an 'a' with numbers does not become v1's everything") {
    const auto lines = device_lines(std::vector{DeviceRule{true, 'a', 1, 3, access::all}}).take();
    CHECK(lines == std::vector<DeviceLine>{{false, "a"}, {true, "b 1:3 rwm"}, {true, "c 1:3 rwm"}});
    const auto make_any = device_lines(std::vector{DeviceRule{true, 'a', {}, {}, access::mknod}}).take();
    CHECK(make_any == std::vector<DeviceLine>{{false, "a"}, {true, "b *:* m"}, {true, "c *:* m"}});
}

TEST_CASE("devices: v1's lines in the order of the rules, joined only where open(2) needs it") {
    std::vector<DeviceRule> rules = {{true, 'b', 8, 20, access::read | access::write}, {true, 'b', 10, 200, access::read}};
    const auto standard = default_device_rules();
    rules.insert(rules.end(), standard.begin(), standard.end());
    const auto lines = device_lines(rules).take();
    CHECK(std::vector(lines.begin(), lines.begin() + 3) == std::vector<DeviceLine>{{false, "a"}, {true, "b 8:20 rw"}, {true, "b 10:200 r"}});
    CHECK(v1_allows(lines, {'b', 8, 20, access::mknod}));
    const auto joined = device_lines(std::vector{DeviceRule{true, 'c', 1, {}, access::read}, DeviceRule{true, 'c', 1, 3, access::write}}).take();
    CHECK(v1_allows(joined, {'c', 1, 3, access::read | access::write}));
    CHECK_FALSE(v1_allows(joined, {'c', 1, 5, access::read | access::write}));
}

TEST_CASE("devices: a hole that v1 cannot have is an error") {
    const std::vector<DeviceRule> hole = {{true, 'c', 1, {}, access::all}, {false, 'c', 1, 3, access::write}};
    const auto lines = device_lines(hole);
    REQUIRE_FALSE(lines);
    CHECK(lines.error().text().find("cannot take 'c 1:3 w' out of 'c 1:* rwm'") != std::string::npos);
    CHECK(run(device_program(hole).take(), {'c', 1, 3, access::write}) == 0);  // v2 can
    CHECK(run(device_program(hole).take(), {'c', 1, 3, access::read}) == 1);
}

TEST_CASE("devices: program, v1 lines and meaning agree on random lists") {
    std::mt19937 random(1);
    size_t said_by_v1 = 0;
    for (int round = 0; round < 3000; ++round) {
        const std::vector<DeviceRule> rules = random_rules(random, 1 + random() % 6);
        const auto program = device_program(rules).take();
        const auto lines = device_lines(rules);
        said_by_v1 += lines ? 1 : 0;
        each_request([&](const Request& request) {
            const bool expected = meant(rules, request);
            if (run(program, request) != (expected ? 1 : 0)) FAIL("the program disagrees in round ", round);
            // v1 joins no two exceptions, so it may be stricter with several accesses at once; never weaker.
            const bool single = (request.wanted & (request.wanted - 1)) == 0;
            if (lines && (single ? v1_allows(lines.value(), request) != expected
                                 : v1_allows(lines.value(), request) && !expected))
                FAIL("v1 disagrees in round ", round);
        });
    }
    CHECK(said_by_v1 > 500);
}

TEST_CASE("devices: bad rules are refused") {
    CHECK_FALSE(check_device_rules(std::vector{DeviceRule{true, 'p', 1, 1, access::all}}));
    CHECK_FALSE(check_device_rules(std::vector{DeviceRule{true, 'c', 1, 1, 0}}));
    CHECK_FALSE(check_device_rules(std::vector{DeviceRule{true, 'c', 1, 1, 8}}));
    CHECK_FALSE(check_device_rules(std::vector{DeviceRule{true, 'c', 4096, 1, access::all}}));
    CHECK_FALSE(check_device_rules(std::vector{DeviceRule{true, 'c', 1, 1u << 20, access::all}}));
    CHECK_FALSE(check_device_rules(std::vector(513, DeviceRule{true, 'c', 1, 1, access::all})));
    CHECK(check_device_rules(std::vector(512, DeviceRule{true, 'c', 1, 1, access::all})));
}

// The compiler against the oracle: the engines' profiles, our own, hand-made traps and random policies.
#include <doctest/doctest.h>

#include <cerrno>

#include "seccomp/guards.h"
#include "support.h"

namespace casemate::seccomp {
namespace {

using namespace test;

constexpr Arch every_arch[] = {Arch::x86_64, Arch::x86, Arch::x32, Arch::aarch64, Arch::arm};

void add(Layer& layer, const Rules& rules) { layer.deny.insert(layer.deny.end(), rules.begin(), rules.end()); }

Policy hardened_like() {
    const uint32_t families[] = {1, 2, 10, 16}, netlink[] = {0};
    Layer layer = allow_groups({"@system-service"});
    for (const Rules& rules : {only_socket_families(families), only_netlink_protocols(netlink), lock_personality(),
                               restrict_realtime(), restrict_suid_sgid(), deny_terminal_injection(),
                               restrict_namespaces(), deny_shmat_exec(), deny_memfd(), deny_fastopen()})
        add(layer, rules);
    return {{layer}, {}, {}};
}

Policy strict_like() {
    const uint32_t families[] = {1};
    Layer layer = allow_groups({"@minimal"});
    for (const Rules& rules : {only_socket_families(families), only_netlink_protocols({}), lock_personality(),
                               restrict_suid_sgid(), restrict_namespaces(), deny_write_execute(), deny_connect()})
        add(layer, rules);
    return {{layer}, {}, {}};
}

void check_everywhere(Policy policy, std::vector<Arch> architectures) {
    policy.architectures = std::move(architectures);
    const auto program = program_of(policy);
    for (Arch arch : every_arch) CHECK(differences(policy, program, interesting_calls(policy, arch)) == 0);
}

Condition random_condition(Random& random) {
    static constexpr uint64_t values[] = {0,
                                          1,
                                          2,
                                          6,
                                          0x7fffffff,
                                          0x80000000,
                                          0xffffffff,
                                          0x100000000,
                                          0x7fffffffffffffff,
                                          0x8000000000000000,
                                          0xffffffffffffffff,
                                          0xffffffff00000001,
                                          06000,
                                          0x7e020000};
    const auto pick = [&] {
        return random.one_in(3) ? random.next() >> random.below(64) : values[random.below(std::size(values))];
    };
    return {static_cast<uint8_t>(random.below(6)), static_cast<Op>(random.below(8)), pick(), pick()};
}

Verdict random_verdict(Random& random, bool by_name) {
    const auto action = static_cast<Action>(random.below(8));
    const bool data = action == Action::errno_ || action == Action::trace;
    static constexpr uint16_t errors[] = {EPERM, ENOSYS, EACCES, 95};
    return {action, data ? errors[random.below(4)] : uint16_t{0}, by_name && action == Action::errno_};
}

// Few calls, so that rules meet; every kind of call: plain, 16-bit, hidden, multiplexed.
Rule random_rule(Random& random, const Verdict& verdict) {
    static constexpr std::string_view names[] = {"read",   "socket",      "clone", "mmap",  "chmod",
                                                 "setuid", "personality", "ioctl", "lseek", "ipc"};
    Rule rule{find_syscall(names[random.below(std::size(names))]), {}, verdict};
    for (uint64_t n = random.below(4); n > 0; --n) rule.conditions.push_back(random_condition(random));
    return rule;
}

Layer random_layer(Random& random) {
    Layer layer;
    layer.default_verdict = random_verdict(random, false);
    layer.unknown_verdict = random_verdict(random, false);
    if (!random.one_in(3)) {
        layer.allow.emplace();
        for (uint64_t n = random.below(12); n > 0; --n) layer.allow->push_back(random_rule(random, {}));
    }
    for (uint64_t n = random.below(12); n > 0; --n)
        layer.deny.push_back(random_rule(random, random_verdict(random, true)));
    std::erase_if(layer.deny, [](const Rule& rule) { return rule.verdict.action == Action::allow; });
    return layer;
}

OciRules random_oci(Random& random) {
    OciRules oci{random_verdict(random, false), random_verdict(random, false), {}};
    for (uint64_t n = random.below(12); n > 0; --n)
        oci.rules.push_back(random_rule(random, random_verdict(random, false)));
    return oci;
}

}  // namespace

TEST_CASE("agreement: profiles like the shipped ones, native and on all architectures") {
    for (const Policy& policy : {hardened_like(), strict_like()}) {
        check_everywhere(policy, {});
        check_everywhere(policy, {Arch::x86_64, Arch::x86, Arch::x32});
        check_everywhere(policy, {Arch::aarch64, Arch::arm});
        check_everywhere(policy, {Arch::x32});
        check_everywhere(policy, {Arch::x86_64, Arch::x86, Arch::x32, Arch::aarch64, Arch::arm});
    }
}

TEST_CASE("agreement: the engines' default profiles for several capability sets") {
    const std::vector<std::string_view> x86{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
    for (std::string_view file : {"moby-default.json", "podman-default.json"})
        for (const auto& caps : {std::vector<std::string_view>{},
                                 {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE"},
                                 {"CAP_AUDIT_WRITE", "CAP_SYS_CHROOT"}})
            for (const auto& architectures : {std::vector<std::string_view>{}, x86}) {
                const EngineProfile profile = engine_profile(file, caps, architectures);
                const Policy policy = policy_of(profile.filter);
                const auto program = program_of(policy);
                for (Arch arch : {Arch::x86_64, Arch::x86, Arch::x32, Arch::aarch64})
                    CHECK(differences(policy, program, interesting_calls(policy, arch)) == 0);
            }
}

TEST_CASE("agreement: an engine's profile under a ceiling is the stricter of the two, call by call") {
    const EngineProfile profile = engine_profile("moby-default.json", {}, {});
    Policy both = policy_of(profile.filter);
    const Policy engine = both, ceiling = hardened_like();
    both.layers = ceiling.layers;
    const auto program = program_of(both);
    for (const seccomp_data& data : interesting_calls(both, Arch::x86_64)) {
        const Verdict one = verdict_of(engine, data), other = verdict_of(ceiling, data);
        const Verdict wanted = one.stricter_than(other) ? one : other;
        REQUIRE(run(program, data) == wanted.bpf());
    }
}

TEST_CASE("agreement: 2000 random policies") {
    Random random(20260101);
    size_t compared = 0;
    for (int round = 0; round < 2000; ++round) {
        Policy policy;
        for (uint64_t n = random.below(4); n > 0; --n) policy.layers.push_back(random_layer(random));
        for (uint64_t n = random.below(3); n > 0; --n) policy.oci.push_back(random_oci(random));
        for (Arch arch : every_arch)
            if (random.one_in(2)) policy.architectures.push_back(arch);
        auto compiled = compile(policy);
        REQUIRE(compiled);
        REQUIRE(check(compiled.value()));
        const Arch arch = every_arch[random.below(5)];
        for (int i = 0; i < 400; ++i) {
            // Numbers of the few calls that have rules, and their arguments near what the rules name.
            const Rule near = random_rule(random, {});
            seccomp_data data{};
            data.nr = random.one_in(8) ? static_cast<int>(random.next()) : near.syscall->on(arch);
            data.arch = audit_arch(arch);
            for (auto& argument : data.args) argument = random_condition(random).value + random.below(3) - 1;
            REQUIRE(run(compiled.value(), data) == verdict_of(policy, data).bpf());
            ++compared;
        }
    }
    MESSAGE(compared, " verdicts compared");
}

TEST_CASE("agreement, control: the comparison sees a program that says something else") {
    Policy policy = hardened_like();
    auto program = program_of(policy);
    for (sock_filter& one : program)
        if (one.code == (BPF_RET | BPF_K) && one.k == (SECCOMP_RET_ERRNO | EAFNOSUPPORT)) one.k = SECCOMP_RET_ALLOW;
    CHECK(differences(policy, program, interesting_calls(policy, Arch::x86_64)) > 0);
}

}  // namespace casemate::seccomp

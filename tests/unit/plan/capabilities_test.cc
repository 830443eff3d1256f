// The five capability sets: config.json's, bounded by the profile, the caller and the kernel (SECURITY 3.F, I12).
#include <linux/capability.h>
#include <linux/securebits.h>

#include <bit>

#include "base/text.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

constexpr uint64_t bit(int capability) { return uint64_t{1} << capability; }
constexpr uint64_t chown_bit = bit(CAP_CHOWN), kill_bit = bit(CAP_KILL), raw_bit = bit(CAP_NET_RAW);

using Names = std::vector<std::string>;

Input with_sets(const Names& bounding, const Names& permitted, const Names& effective, const Names& inheritable = {},
                const Names& ambient = {}) {
    Input input;
    oci::Capabilities& sets = input.config.process->capabilities.emplace();
    sets.bounding = bounding;
    sets.permitted = permitted;
    sets.effective = effective;
    sets.inheritable = inheritable;
    sets.ambient = ambient;
    return input;
}

}  // namespace

TEST_CASE("capabilities: names and numbers are the kernel's, both ways") {
    const std::pair<const char*, int> samples[] = {{"CAP_CHOWN", CAP_CHOWN},
                                                   {"CAP_SETPCAP", CAP_SETPCAP},
                                                   {"CAP_NET_RAW", CAP_NET_RAW},
                                                   {"CAP_SYS_ADMIN", CAP_SYS_ADMIN},
                                                   {"CAP_AUDIT_READ", CAP_AUDIT_READ},
                                                   {"CAP_BPF", CAP_BPF},
                                                   {"CAP_CHECKPOINT_RESTORE", CAP_CHECKPOINT_RESTORE}};
    for (const auto& [name, number] : samples) CHECK(capability_number(name) == number);
    for (int number = 0; number <= CAP_LAST_CAP; ++number) {
        CAPTURE(number);
        CHECK(capability_number(capability_name(number)) == number);
    }
    CHECK_FALSE(capability_number("CAP_41"));
    CHECK_FALSE(capability_number("chown"));
    CHECK_FALSE(capability_number(""));
}

TEST_CASE("capabilities: none at all unless config.json names them") {
    const CapabilitiesPlan sets = compiled({}).capabilities();
    CHECK((sets.bounding | sets.permitted | sets.effective | sets.inheritable | sets.ambient) == 0);
    CHECK(sets.drop == every_capability);
    CHECK(sets.securebits == 0);  // config.json has no word for them
}

TEST_CASE("capabilities: each set is exactly what config.json says") {
    const CapabilitiesPlan sets =
        compiled(with_sets({"CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"}, {"CAP_CHOWN", "CAP_KILL"}, {"CAP_CHOWN"},
                           {"CAP_KILL"}, {"CAP_KILL"}))
            .capabilities();
    CHECK(sets.bounding == (chown_bit | kill_bit | raw_bit));
    CHECK(sets.permitted == (chown_bit | kill_bit));
    CHECK(sets.effective == chown_bit);
    CHECK(sets.inheritable == kill_bit);
    CHECK(sets.ambient == kill_bit);
    CHECK(sets.drop == (every_capability & ~sets.bounding));
}

// config.md, Process: a runtime SHOULD NOT fail, and logs a warning.
TEST_CASE("capabilities: a misspelt name gives nothing in any set, and is said with the right one") {
    const char* const names[] = {"bounding", "permitted", "effective", "inheritable", "ambient"};
    for (size_t i = 0; i < 5; ++i) {
        Names sets[5];
        sets[i] = {"CAP_NTE_RAW"};
        const Plan plan = compiled(with_sets(sets[0], sets[1], sets[2], sets[3], sets[4]));
        CHECK(has_note(plan, concat("process.capabilities.", names[i],
                                    ": ignoring unknown capability 'CAP_NTE_RAW'; did you mean 'CAP_NET_RAW'?")));
        CHECK(plan.capabilities().bounding == 0);
        CHECK(plan.capabilities().permitted == 0);
    }
    CHECK(has_note(compiled(with_sets({"ALL"}, {}, {})), "ignoring unknown capability 'ALL'"));
}

TEST_CASE("capabilities: sets that contradict each other") {  // capabilities(7)
    CHECK(refusal(with_sets({"CAP_CHOWN"}, {}, {"CAP_CHOWN"})) ==
          "config.json: $.process.capabilities.effective: more than permitted");
    // The bounding set is dropped first: what it lacks cannot be made inheritable any more.
    CHECK(refusal(with_sets({}, {"CAP_CHOWN"}, {}, {"CAP_CHOWN"})) ==
          "config.json: $.process.capabilities.inheritable: more than bounding");
    // Ambient is what is both permitted and inheritable; more of it means nothing.
    CHECK(compiled(with_sets({"CAP_CHOWN"}, {"CAP_CHOWN"}, {}, {}, {"CAP_CHOWN"})).capabilities().ambient == 0);
}

TEST_CASE("capabilities: what the caller or the kernel does not have is an error, unless a user namespace gives it") {
    Input input = with_sets({"CAP_NET_RAW"}, {"CAP_NET_RAW"}, {"CAP_NET_RAW"});
    input.facts.permitted &= ~raw_bit;
    CHECK(refusal(input) == "process.capabilities: CAP_NET_RAW is not held by the caller");
    input.facts.permitted = every_capability;
    input.facts.last_capability = CAP_NET_RAW - 1;
    CHECK(refusal(input) == "process.capabilities: CAP_NET_RAW is not held by the caller");

    Input inside = with_sets({"CAP_NET_RAW"}, {"CAP_NET_RAW"}, {"CAP_NET_RAW"});
    inside.facts = user_facts();
    inside.facts.bounding = 0;
    inside.config.linux_.namespaces.push_back({"user", ""});
    const CapabilitiesPlan sets = compiled(inside).capabilities();
    CHECK(sets.permitted == raw_bit);
    CHECK(sets.drop == (every_capability & ~raw_bit));  // entering the namespace filled the set again
}

TEST_CASE("capabilities: a bounding set that the caller has lost stays lost, and is said") {
    Input input = with_sets({"CAP_NET_RAW", "CAP_CHOWN"}, {"CAP_CHOWN"}, {"CAP_CHOWN"});
    input.facts.bounding &= ~raw_bit;
    const Plan plan = compiled(input);
    CHECK(plan.capabilities().bounding == chown_bit);
    CHECK((plan.capabilities().drop & raw_bit) == 0);
    CHECK(has_note(plan, "CAP_NET_RAW is not in the caller's bounding set"));
    CHECK_FALSE(has_note(compiled(with_sets({"CAP_CHOWN"}, {}, {})), "bounding set"));
}

TEST_CASE("capabilities: an older kernel's set is smaller") {
    Input input;
    input.facts.last_capability = CAP_AUDIT_READ;
    CHECK(std::popcount(compiled(input).capabilities().drop) == CAP_AUDIT_READ + 1);
}

TEST_CASE("capabilities: the profile bounds all five") {
    Input input = with_sets({"CAP_CHOWN", "CAP_KILL"}, {"CAP_CHOWN", "CAP_KILL"}, {"CAP_CHOWN", "CAP_KILL"},
                            {"CAP_CHOWN", "CAP_KILL"}, {"CAP_CHOWN", "CAP_KILL"});
    input.profile.capabilities = {"CAP_KILL"};
    const CapabilitiesPlan sets = compiled(input).capabilities();
    for (const uint64_t set : {sets.bounding, sets.permitted, sets.effective, sets.inheritable, sets.ambient})
        CHECK(set == kill_bit);
    input.profile.capabilities->clear();
    CHECK(compiled(input).capabilities().drop == every_capability);
    // What the profile takes away need not be held.
    input.facts.permitted = 0;
    CHECK(refusal(input) == "compiled");
}

TEST_CASE("capabilities: no_new_privs is config.json's or the profile's") {
    Input input;
    CHECK_FALSE(compiled(input).capabilities().no_new_privs);
    input.config.process->no_new_privileges = true;
    CHECK(compiled(input).capabilities().no_new_privs);
    input.config.process->no_new_privileges = false;
    input.profile.no_new_privileges = true;
    CHECK(compiled(input).capabilities().no_new_privs);
}

TEST_CASE("capabilities: launch locks the securebits, NOROOT where nothing is lost by it") {
    constexpr uint32_t always =
        SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    constexpr uint32_t no_root =
        SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED;
    CHECK(compiled(launching(shipped("hardened"))).capabilities().securebits == (always | no_root));
    const policy::Profile kills = child_of(
        "hardened", R"("capabilities": ["CAP_KILL"], "waive": [{"what": "capabilities", "because": "it reaps"}])");
    const CapabilitiesPlan sets = compiled(launching(kills)).capabilities();
    CHECK(sets.ambient == kill_bit);  // uid 1001 keeps it over the exec as an ambient one
    CHECK(sets.securebits == (always | no_root));
    policy::Profile as_root = silent();
    as_root.capabilities = {"CAP_KILL"};
    const CapabilitiesPlan root_sets = compiled(launching(as_root)).capabilities();
    CHECK(root_sets.ambient == 0);
    CHECK(root_sets.permitted == kill_bit);
    CHECK(root_sets.securebits == always);
}

// A seccomp policy as data, its compiler, and an evaluator of the result. Pure: no system call.
//
// Ours, because libseccomp before 2.6.1 can weaken a filter when it merges rules, compares 64 bits where the kernel
// takes 32 (SECURITY 5.3), and costs milliseconds (PERFORMANCE 4). A filter denotes a function from (architecture,
// number, arguments) to a verdict; a policy of several layers denotes their pointwise maximum (PROFILE 5.2).
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::seccomp {

// The architectures whose tables are compiled in.
enum class Arch : uint8_t { x86_64, x86, x32, aarch64, arm };
Arch native_arch();
// AUDIT_ARCH_* of seccomp_data.arch.
uint32_t audit_arch(Arch arch);
// "SCMP_ARCH_X86_64" and so on.
std::optional<Arch> arch_by_name(std::string_view name);
std::string_view arch_name(Arch arch);

// What the kernel looks at of an argument: a filter compares just those bits, and cannot see behind a pointer.
enum class Width : uint8_t { none, bits16, bits32, bits64, pointer };

// A name in the string pool of the tables, so that the table holds no pointers and needs no relocation at start.
struct PooledName {
    uint16_t offset;
    uint8_t length;
    operator std::string_view() const;  // NOLINT(google-explicit-constructor): it is a name and used as one
    friend bool operator==(PooledName name, std::string_view text) { return std::string_view(name) == text; }
};

struct Syscall {
    PooledName name;
    // Number per architecture in the order of Arch, x32's with bit 30; -1: that architecture lacks it.
    int32_t number[5];
    Width args[6];
    uint8_t group;   // index into the table of groups
    bool short_ids;  // on x86 and arm its ids are 16 bits (setuid, which setuid32 replaced)

    int on(Arch arch) const { return number[static_cast<unsigned>(arch)]; }
};

// The width that counts on `arch`: 32-bit architectures have no wider argument.
Width width_on(Arch arch, const Syscall& syscall, unsigned index);
// Does `value` fit an argument of that width? False for none and pointer.
bool fits(Width width, uint64_t value);

// All known system calls, sorted by name. Names and numbers from libseccomp at build time, newer ones from newer.txt.
std::span<const Syscall> syscalls();
const Syscall* find_syscall(std::string_view name);
const Syscall* find_syscall(Arch arch, int64_t number);  // x32: with bit 30
// The calls that `arch` has, ascending by number.
std::span<const uint16_t> by_number(Arch arch);  // indexes into syscalls()
// "@file-system" ...; unions (@minimal, @system-service) too. nullopt: no such group.
std::optional<std::vector<const Syscall*>> group_members(std::string_view group);
std::vector<std::string_view> group_names();  // with unions

// In the kernel's own precedence.
enum class Action : uint8_t { allow, log, trace, notify, errno_, trap, kill_thread, kill_process };
std::optional<Action> action_by_name(std::string_view name);  // SCMP_ACT_*; SCMP_ACT_KILL is kill_thread
std::string_view action_name(Action action);

// Ordered: ALLOW < LOG < ERRNO by default < ERRNO by name < TRAP < KILL_THREAD < KILL_PROCESS; among equal ERRNOs
// ENOSYS is above the rest, then the smaller number (PROFILE 5.2).
struct Verdict {
    Action action = Action::allow;
    uint16_t data = 0;     // errno, or the tracer's value
    bool by_name = false;  // said by a rule, not by a default
    // The order as a number: what is larger is stricter.
    uint32_t rank() const;
    bool stricter_than(const Verdict& other) const { return rank() > other.rank(); }
    bool operator==(const Verdict&) const = default;
    uint32_t bpf() const;  // SECCOMP_RET_*
};

// any_bit: some bit of `value` is set; libseccomp has no such comparison, the guards need it.
enum class Op : uint8_t { ne, lt, le, eq, ge, gt, masked_eq, any_bit };
std::optional<Op> op_by_name(std::string_view name);  // SCMP_CMP_*

struct Condition {
    uint8_t index = 0;
    Op op = Op::eq;
    uint64_t value = 0;      // masked_eq: the mask
    uint64_t value_two = 0;  // masked_eq: the value
    auto operator<=>(const Condition&) const = default;
};

// Matches when the call is `syscall` and every condition holds (ANDed, also two on one argument: CVE-2017-18367).
struct Rule {
    const Syscall* syscall = nullptr;
    std::vector<Condition> conditions;
    Verdict verdict;  // of an allow rule: ALLOW
    bool operator==(const Rule&) const = default;
};

// verdict = the strictest matching deny; else ALLOW when an allow matches (or there is no allow list); else the
// default. A condition on what the filter cannot see (a pointer, or x86's mmap and select, whose arguments are in
// memory) fails closed: it is true in a deny and false in an allow.
struct Layer {
    Verdict default_verdict;                 // ERRNO by default
    Verdict unknown_verdict;                 // numbers in no table: ENOSYS under a profile
    std::optional<std::vector<Rule>> allow;  // absent: everything
    std::vector<Rule> deny;
    bool operator==(const Layer&) const = default;
};

// What config.json's linux.seccomp means (oci.h makes it). For one call: the first rule without conditions, in the
// order of the file; else the strictest matching rule with conditions; else the default. Rules equal to the default are
// gone.
struct OciRules {
    Verdict default_verdict;
    Verdict unknown_verdict;  // numbers in no table
    std::vector<Rule> rules;
};

struct Policy {
    std::vector<Layer> layers;
    std::vector<OciRules> oci;
    std::vector<Arch> architectures;  // empty: native only; a call of any other: KILL_PROCESS
    bool empty() const { return layers.empty() && oci.empty(); }
};

// The program, at most 4096 instructions (else an error). Binary search over runs of equal verdict, native architecture
// first. Numbers from 0x40000000 up are x32's; -1, a tracer's "skip this call", is a number in no table.
Result<std::vector<sock_filter>> compile(const Policy& policy);

// Would the kernel load this program (bpf_check_classic and seccomp_check_filter)?
Result<void> check(std::span<const sock_filter> program);
// Runs a program over one call as the kernel does: the SECCOMP_RET_* value. Errors: those of check().
Result<uint32_t> evaluate(std::span<const sock_filter> program, const seccomp_data& call);
// The same for a program that check() has accepted.
uint32_t run(std::span<const sock_filter> program, const seccomp_data& call);

// What the policy says, computed from its definition and not from a program: the oracle of the tests.
Verdict verdict_of(const Policy& policy, const seccomp_data& call);

// Does `arch` keep the arguments of this call in memory, where no filter sees them?
bool hides_arguments(Arch arch, const Syscall& syscall);

}  // namespace casemate::seccomp

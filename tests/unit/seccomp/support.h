// What the seccomp tests share: engine profiles resolved as engines do, the calls worth trying, a small random source.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"
#include "seccomp/oci.h"

namespace casemate::seccomp::test {

// An engine's default profile for a container with `capabilities`. Holds the text that the filter refers to.
struct EngineProfile {
    std::unique_ptr<json::Document> document;
    OciFilter filter;
};
// `file` below TEST_DATA/seccomp. `architectures` as the engine writes them, may be empty.
EngineProfile engine_profile(std::string_view file, std::vector<std::string_view> capabilities,
                             std::vector<std::string_view> architectures, std::string_view go_arch = "amd64");

// The program of a policy; fails the test when it does not compile or the kernel would refuse it.
std::vector<sock_filter> program_of(const Policy& policy);
Policy policy_of(const OciFilter& filter, OciIgnored* ignored = nullptr);

// Calls at the limits of what the policy says: every number near those known, and for calls with conditions each
// value named, its neighbours, and both with high bits set.
std::vector<seccomp_data> interesting_calls(const Policy& policy, Arch arch, bool high_bits = true);

// How many calls a program and the oracle judge differently; the first few are printed.
size_t differences(const Policy& policy, const std::vector<sock_filter>& program,
                   const std::vector<seccomp_data>& calls);

// xorshift64*: the same numbers everywhere.
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed | 1) {}
    uint64_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545f4914f6cdd1du;
    }
    uint64_t below(uint64_t limit) { return next() % limit; }
    bool one_in(uint64_t n) { return below(n) == 0; }

private:
    uint64_t state_;
};

inline Rule allow(std::string_view name, std::vector<Condition> conditions = {}) {
    return {find_syscall(name), std::move(conditions), {}};
}
inline Rule deny(std::string_view name, int error, std::vector<Condition> conditions = {}) {
    return {find_syscall(name), std::move(conditions), {Action::errno_, static_cast<uint16_t>(error), true}};
}
// The members of a group that must exist.
std::vector<const Syscall*> members(std::string_view group);
// An allow list of groups, as profiles have it: EPERM by default, ENOSYS for unknown numbers.
Layer allow_groups(std::initializer_list<std::string_view> groups);
seccomp_data call(std::string_view name, std::initializer_list<uint64_t> args = {}, Arch arch = Arch::x86_64);

}  // namespace casemate::seccomp::test

// The tables against libseccomp, which they are made of, and against what the documents promise of them.
#include <doctest/doctest.h>
#include <seccomp.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "support.h"

namespace casemate::seccomp {
namespace {

using test::members;

struct Token {
    Arch arch;
    uint32_t value;
};
constexpr Token tokens[] = {{Arch::x86_64, SCMP_ARCH_X86_64},
                            {Arch::x86, SCMP_ARCH_X86},
                            {Arch::x32, SCMP_ARCH_X32},
                            {Arch::aarch64, SCMP_ARCH_AARCH64},
                            {Arch::arm, SCMP_ARCH_ARM}};

std::string name_in_libseccomp(uint32_t token, int number) {
    char* name = seccomp_syscall_resolve_num_arch(token, number);
    std::string text = name ? name : "";
    std::free(name);
    return text;
}

size_t count_on(Arch arch, std::string_view group) {
    size_t count = 0;
    for (const Syscall* call : members(group)) count += call->on(arch) >= 0;
    return count;
}

}  // namespace

TEST_CASE("tables: every number libseccomp knows has its name, on every architecture") {
    for (const auto& [arch, token] : tokens) {
        const int bit = arch == Arch::x32 ? 0x40000000 : 0;
        size_t seen = 0;
        for (int number = 0; number <= 469; ++number) {
            const std::string name = name_in_libseccomp(token, number | bit);
            if (name.empty()) continue;
            const Syscall* call = find_syscall(arch, number | bit);
            REQUIRE_MESSAGE(call, name);
            CHECK(call->name == name);
            CHECK(find_syscall(name) == call);
            ++seen;
        }
        CHECK(seen > 300);
    }
}

TEST_CASE("tables: names resolve as libseccomp resolves them on x86_64 and aarch64") {
    for (const Syscall& call : syscalls())
        for (const auto& [arch, token] : {tokens[0], tokens[3]}) {
            const int theirs = seccomp_syscall_resolve_name_arch(token, std::string(call.name).c_str());
            if (theirs >= 0) CHECK_MESSAGE(call.on(arch) == theirs, std::string(call.name));
        }
}

TEST_CASE("tables: calls newer than libseccomp are known") {
    CHECK(find_syscall("mseal")->on(Arch::x86_64) == 462);
    CHECK(find_syscall("file_setattr")->on(Arch::aarch64) == 469);
    CHECK(find_syscall("uretprobe")->on(Arch::x86_64) == 335);
    CHECK(find_syscall("uretprobe")->on(Arch::aarch64) == -1);
    CHECK(find_syscall(Arch::x86_64, 337) == nullptr);
    CHECK(find_syscall(Arch::x86_64, -1) == nullptr);
    CHECK(find_syscall(Arch::x86_64, 0xffffffff) == nullptr);
    CHECK(find_syscall("opnat") == nullptr);
}

TEST_CASE("tables: sorted, and each index complete") {
    for (size_t i = 1; i < syscalls().size(); ++i)
        CHECK(std::string_view(syscalls()[i - 1].name) < std::string_view(syscalls()[i].name));
    for (const auto& token : tokens) {
        const auto rows = by_number(token.arch);
        for (size_t i = 1; i < rows.size(); ++i)
            CHECK(syscalls()[rows[i - 1]].on(token.arch) < syscalls()[rows[i]].on(token.arch));
    }
}

TEST_CASE("groups: each call in exactly one, unions and counts as documented") {
    std::map<std::string_view, int> times;
    size_t on_x86_64 = 0;
    for (std::string_view group : group_names()) {
        if (group == "@minimal" || group == "@system-service") continue;
        for (const Syscall* call : members(group)) ++times[call->name];
    }
    for (const Syscall& call : syscalls()) {
        CHECK_MESSAGE(times[call.name] == 1, std::string(call.name));
        on_x86_64 += call.on(Arch::x86_64) >= 0;
    }
    CHECK(on_x86_64 == 383);
    CHECK(count_on(Arch::x86_64, "@minimal") == 192);
    CHECK(count_on(Arch::x86_64, "@system-service") == 295);
    CHECK_FALSE(group_members("@systemservice"));
    for (std::string_view denied :
         {"@io-uring", "@namespace", "@mount", "@keyring", "@debug", "@kernel", "@obsolete", "@memfd"}) {
        const auto all = members("@system-service");
        const std::set<const Syscall*> service(all.begin(), all.end());
        for (const Syscall* call : members(denied)) CHECK_FALSE(service.contains(call));
    }
}

TEST_CASE("widths: what the kernel looks at") {
    const auto width = [](std::string_view name, unsigned index, Arch arch = Arch::x86_64) {
        return width_on(arch, *find_syscall(name), index);
    };
    CHECK(width("socket", 0) == Width::bits32);
    CHECK(width("personality", 0) == Width::bits32);
    CHECK(width("clone", 0) == Width::bits32);  // lower_32_bits() in kernel_clone's caller
    CHECK(width("ioctl", 1) == Width::bits32);
    CHECK(width("ioctl", 2) == Width::bits64);
    CHECK(width("openat", 1) == Width::pointer);
    CHECK(width("openat", 3) == Width::bits16);
    CHECK(width("chmod", 1) == Width::bits16);
    CHECK(width("mmap", 2) == Width::bits64);
    CHECK(width("prctl", 0) == Width::bits32);
    CHECK(width("prctl", 1) == Width::bits64);
    CHECK(width("getpid", 0) == Width::none);
    CHECK(width("getpid", 6) == Width::none);
    CHECK(width("setuid", 0) == Width::bits32);
    CHECK(width("setuid", 0, Arch::aarch64) == Width::bits32);
    CHECK(width("setuid", 0, Arch::x86) == Width::bits16);
    CHECK(width("setuid32", 0, Arch::x86) == Width::bits32);
    CHECK(width("mprotect", 2, Arch::x86) == Width::bits32);
    CHECK(fits(Width::bits32, UINT32_MAX));
    CHECK_FALSE(fits(Width::bits32, uint64_t{1} << 32));
    CHECK_FALSE(fits(Width::bits16, 0x10000));
    CHECK_FALSE(fits(Width::pointer, 0));
}

TEST_CASE("names: actions, comparisons, architectures") {
    CHECK(action_by_name("SCMP_ACT_KILL") == Action::kill_thread);
    CHECK(action_by_name("SCMP_ACT_KILL_PROCESS") == Action::kill_process);
    CHECK(action_name(Action::kill_thread) == "SCMP_ACT_KILL_THREAD");
    CHECK_FALSE(action_by_name("ALLOW"));
    CHECK(op_by_name("SCMP_CMP_MASKED_EQ") == Op::masked_eq);
    CHECK_FALSE(op_by_name("SCMP_CMP_MASKED_NE"));
    for (const auto& token : tokens) CHECK(arch_by_name(arch_name(token.arch)) == token.arch);
    CHECK_FALSE(arch_by_name("SCMP_ARCH_MIPS"));
}

}  // namespace casemate::seccomp

// The names of libseccomp and OCI for architectures, actions and comparisons, and the numbers the kernel knows them by.
#include <linux/audit.h>

#include <array>

#include "seccomp/filter.h"

namespace casemate::seccomp {
namespace {

template <typename T>
struct Named {
    std::string_view name;
    T value;
};

template <typename T, size_t n>
std::optional<T> value_of(const Named<T> (&names)[n], std::string_view name) {
    for (const Named<T>& one : names)
        if (one.name == name) return one.value;
    return std::nullopt;
}

// The first name of a value: later ones are accepted and never printed.
template <typename T, size_t n>
std::string_view name_of(const Named<T> (&names)[n], T value) {
    for (const Named<T>& one : names)
        if (one.value == value) return one.name;
    return {};
}

constexpr Named<Arch> arch_names[] = {{"SCMP_ARCH_X86_64", Arch::x86_64},
                                      {"SCMP_ARCH_X86", Arch::x86},
                                      {"SCMP_ARCH_X32", Arch::x32},
                                      {"SCMP_ARCH_AARCH64", Arch::aarch64},
                                      {"SCMP_ARCH_ARM", Arch::arm}};

constexpr Named<Action> action_names[] = {{"SCMP_ACT_ALLOW", Action::allow},
                                          {"SCMP_ACT_LOG", Action::log},
                                          {"SCMP_ACT_NOTIFY", Action::notify},
                                          {"SCMP_ACT_TRACE", Action::trace},
                                          {"SCMP_ACT_ERRNO", Action::errno_},
                                          {"SCMP_ACT_TRAP", Action::trap},
                                          {"SCMP_ACT_KILL_THREAD", Action::kill_thread},
                                          {"SCMP_ACT_KILL", Action::kill_thread},
                                          {"SCMP_ACT_KILL_PROCESS", Action::kill_process}};

constexpr Named<Op> op_names[] = {{"SCMP_CMP_NE", Op::ne},
                                  {"SCMP_CMP_LT", Op::lt},
                                  {"SCMP_CMP_LE", Op::le},
                                  {"SCMP_CMP_EQ", Op::eq},
                                  {"SCMP_CMP_GE", Op::ge},
                                  {"SCMP_CMP_GT", Op::gt},
                                  {"SCMP_CMP_MASKED_EQ", Op::masked_eq}};

}  // namespace

Arch native_arch() {
#if defined(__x86_64__)
    return Arch::x86_64;
#elif defined(__aarch64__)
    return Arch::aarch64;
#else
#error "casemate knows x86_64 and aarch64"
#endif
}

uint32_t audit_arch(Arch arch) {
    switch (arch) {
        case Arch::x86_64:
        case Arch::x32: return AUDIT_ARCH_X86_64;
        case Arch::x86: return AUDIT_ARCH_I386;
        case Arch::aarch64: return AUDIT_ARCH_AARCH64;
        case Arch::arm: return AUDIT_ARCH_ARM;
    }
    return 0;
}

std::optional<Arch> arch_by_name(std::string_view name) { return value_of(arch_names, name); }
std::string_view arch_name(Arch arch) { return name_of(arch_names, arch); }
std::optional<Action> action_by_name(std::string_view name) { return value_of(action_names, name); }
std::string_view action_name(Action action) { return name_of(action_names, action); }
std::optional<Op> op_by_name(std::string_view name) { return value_of(op_names, name); }

}  // namespace casemate::seccomp

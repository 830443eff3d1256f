// The five capability sets, exactly.
#include <linux/capability.h>
#include <linux/securebits.h>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {
namespace {

constexpr std::string_view names[] = {
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
    "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
    "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD",
    "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
    "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"};

// Unknown names only warn (config.md, Process: a runtime SHOULD NOT fail): what is not known is not given.
uint64_t mask_of(const std::optional<std::vector<std::string>>& list, const char* set, std::vector<std::string>& warnings) {
    uint64_t mask = 0;
    if (!list) return mask;
    for (const std::string& name : *list) {
        if (const auto number = capability_number(name)) mask |= uint64_t{1} << *number;
        else warnings.push_back(concat("process.capabilities.", set, ": ignoring unknown capability ", quoted(name), did_you_mean(name, names)));
    }
    return mask;
}

uint64_t all_up_to(int last) { return last >= 63 ? ~uint64_t{0} : (uint64_t{1} << (last + 1)) - 1; }

// Locked, so that nothing in the container can change the rules (SECURITY 6.13). NOROOT and NO_SETUID_FIXUP only when
// the set is empty or carried by ambient: with NOROOT a uid-0 app would have nothing after its exec otherwise.
uint32_t locked_securebits(const CapabilitiesPlan& plan) {
    uint32_t bits = SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (plan.permitted == plan.ambient)
        bits |= SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED;
    return bits;
}

}  // namespace

std::optional<int> capability_number(std::string_view name) {
    for (size_t i = 0; i < std::size(names); ++i)
        if (names[i] == name) return static_cast<int>(i);
    return std::nullopt;
}

std::string capability_name(int number) {
    if (number >= 0 && static_cast<size_t>(number) < std::size(names)) return std::string(names[static_cast<size_t>(number)]);
    return concat("CAP_", number);
}

Result<void> Compiler::capabilities() {
    CapabilitiesPlan& plan = plan_.capabilities_;
    const oci::Capabilities wanted = config_.process->capabilities.value_or(oci::Capabilities{});
    plan.bounding = mask_of(wanted.bounding, "bounding", plan_.notes_);
    plan.permitted = mask_of(wanted.permitted, "permitted", plan_.notes_);
    plan.effective = mask_of(wanted.effective, "effective", plan_.notes_);
    plan.inheritable = mask_of(wanted.inheritable, "inheritable", plan_.notes_);
    plan.ambient = mask_of(wanted.ambient, "ambient", plan_.notes_);
    if (profile_.capabilities) {
        uint64_t most = 0;
        for (const std::string& name : *profile_.capabilities) most |= uint64_t{1} << *capability_number(name);
        for (uint64_t* set : {&plan.bounding, &plan.permitted, &plan.effective, &plan.inheritable, &plan.ambient}) *set &= most;
    }
    const uint64_t known = all_up_to(facts_.last_capability);
    const uint64_t held = own_user_namespace() ? known : facts_.permitted & known;
    const uint64_t beyond = (plan.permitted | plan.effective | plan.ambient) & ~held;
    for (int i = 0; i < 64; ++i)
        if (beyond >> i & 1) return Error::with_code(EPERM, concat("process.capabilities: ", capability_name(i), " is not held by the caller"));
    // capabilities(7): effective is part of permitted, ambient of permitted and inheritable.
    if (plan.effective & ~plan.permitted) return Error::invalid("config.json: $.process.capabilities.effective: more than permitted");
    plan.ambient &= plan.permitted & plan.inheritable;
    // A user namespace starts with the full bounding set again.
    const uint64_t bounding_now = own_user_namespace() ? known : facts_.bounding & known;
    for (int i = 0; i <= facts_.last_capability; ++i)
        if ((plan.bounding & ~bounding_now) >> i & 1) note(concat(capability_name(i), " is not in the caller's bounding set, and cannot come back"));
    plan.bounding &= bounding_now;
    // The bounding set is dropped first, and bounds what can still be made inheritable.
    if (plan.inheritable & ~plan.bounding) return Error::invalid("config.json: $.process.capabilities.inheritable: more than bounding");
    plan.drop = bounding_now & ~plan.bounding;
    plan.no_new_privs = config_.process->no_new_privileges || profile_.no_new_privileges.value_or(false);
    if (request_.launch) plan.securebits = locked_securebits(plan);
    return {};
}

}  // namespace casemate::plan

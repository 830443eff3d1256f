// Calls with arguments that do no harm: bad descriptors and pointers, on which the kernel ends with EBADF, EFAULT or
// EINVAL where nothing forbids the call. So a filter that is missing is told from one that works.
#include <linux/capability.h>
#include <sched.h>

#include <array>

#include "base/text.h"
#include "proof/check_list.h"

namespace casemate::proof {

namespace {

constexpr uint64_t bad = ~uint64_t{0};                  // no descriptor, no pointer
constexpr uint64_t here = static_cast<uint64_t>(-100);  // AT_FDCWD
constexpr uint64_t bit32 = uint64_t{1} << 32, bit63 = uint64_t{1} << 63;
constexpr CallArguments all_bad = {bad, bad, bad, bad, bad, bad};

// Each with bad arguments alone.
constexpr std::array<std::string_view, 50> plain_calls = {"acct",
                                                          "add_key",
                                                          "adjtimex",
                                                          "bpf",
                                                          "clock_adjtime",
                                                          "clock_settime",
                                                          "clone3",
                                                          "delete_module",
                                                          "fanotify_init",
                                                          "finit_module",
                                                          "fsconfig",
                                                          "fsmount",
                                                          "fsopen",
                                                          "fspick",
                                                          "init_module",
                                                          "io_uring_enter",
                                                          "io_uring_register",
                                                          "io_uring_setup",
                                                          "ioperm",
                                                          "iopl",
                                                          "kcmp",
                                                          "kexec_file_load",
                                                          "kexec_load",
                                                          "listmount",
                                                          "mbind",
                                                          "memfd_secret",
                                                          "migrate_pages",
                                                          "mount_setattr",
                                                          "move_mount",
                                                          "move_pages",
                                                          "name_to_handle_at",
                                                          "open_by_handle_at",
                                                          "open_tree",
                                                          "perf_event_open",
                                                          "pivot_root",
                                                          "process_madvise",
                                                          "quotactl",
                                                          "quotactl_fd",
                                                          "reboot",
                                                          "request_key",
                                                          "set_mempolicy",
                                                          "setdomainname",
                                                          "sethostname",
                                                          "setns",
                                                          "settimeofday",
                                                          "statmount",
                                                          "swapoff",
                                                          "swapon",
                                                          "syslog",
                                                          "userfaultfd"};

struct Guarded {
    const char* name;
    std::string_view call;
    CallArguments arguments;
    int wide;  // index of the 32-bit argument that is tried with bits 32 and 63 set as well; -1: none
};

// Calls whose arguments the filter looks at: each also with the upper half set, which the kernel ignores.
constexpr std::array<Guarded, 21> guarded = {{
    {"personality ADDR_NO_RANDOMIZE", "personality", {0x40000}, 0},
    {"personality READ_IMPLIES_EXEC", "personality", {0x400000}, 0},
    {"personality PER_LINUX32", "personality", {8}, 0},
    {"keyctl: id of the session keyring", "keyctl", {0, static_cast<uint64_t>(-3)}, -1},
    {"umount2", "umount2", {bad, 2}, -1},
    {"sched_setscheduler FIFO", "sched_setscheduler", {0, 1, bad}, 1},
    {"sched_setscheduler RR", "sched_setscheduler", {0, 2, bad}, 1},
    {"sched_setscheduler DEADLINE", "sched_setscheduler", {0, 6, bad}, 1},
    {"sched_setscheduler FIFO with RESET_ON_FORK", "sched_setscheduler", {0, 0x40000001, bad}, 1},
    {"sched_setattr", "sched_setattr", {0, bad, 0}, -1},
    {"chmod 04755", "chmod", {bad, 04755}, 1},
    {"fchmod 02755", "fchmod", {bad, 02755}, 1},
    {"fchmodat 06755", "fchmodat", {here, bad, 06755}, 2},
    {"mkdirat 02755", "mkdirat", {here, bad, 02755}, 2},
    {"mknodat setuid", "mknodat", {here, bad, 0104755}, 2},
    {"creat 04755", "creat", {bad, 04755}, 1},
    {"openat O_CREAT 04755", "openat", {here, bad, 0101, 04755}, 3},
    {"openat2", "openat2", {here, bad, bad, 24}, -1},
    {"ioctl TIOCSTI", "ioctl", {bad, 0x5412, bad}, 1},
    {"ioctl TIOCLINUX", "ioctl", {bad, 0x541c, bad}, 1},
    {"modify_ldt", "modify_ldt", {bad, bad, bad}, -1},
}};

struct NamespaceFlag {
    const char* name;
    uint64_t bit;
};
constexpr uint64_t new_time = 0x80;
constexpr std::array<NamespaceFlag, 8> namespace_flags = {{{"CLONE_NEWUSER", CLONE_NEWUSER},
                                                           {"CLONE_NEWNS", CLONE_NEWNS},
                                                           {"CLONE_NEWPID", CLONE_NEWPID},
                                                           {"CLONE_NEWNET", CLONE_NEWNET},
                                                           {"CLONE_NEWIPC", CLONE_NEWIPC},
                                                           {"CLONE_NEWUTS", CLONE_NEWUTS},
                                                           {"CLONE_NEWCGROUP", CLONE_NEWCGROUP},
                                                           {"CLONE_NEWTIME", new_time}}};

std::string hexadecimal(uint64_t value) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (; value != 0; value >>= 4) out.insert(out.begin(), digits[value & 15]);
    return out.empty() ? "0" : out;
}

// What must come of a new namespace that the filter does not refuse.
std::string without_filter(const CheckList& list, uint64_t flag) {
    if (flag == CLONE_NEWUSER) return list.plan.namespaces().restrict_user_namespaces ? "ENOSPC" : "any";
    return list.has_capability(CAP_SYS_ADMIN) ? "any" : "EPERM";
}

void add_namespace_checks(CheckList& list) {
    constexpr uint64_t sigchld = 17;
    for (const NamespaceFlag& flag : namespace_flags) {
        list.add(concat("unshare ", flag.name), "unshare", std::to_string(flag.bit),
                 list.expect("unshare", {flag.bit}, without_filter(list, flag.bit)));
        if (flag.bit == new_time) continue;  // within CSIGNAL: out of clone(2)'s reach
        const CallArguments arguments = {flag.bit | sigchld};
        list.add(concat("clone ", flag.name), "clone", hexadecimal(flag.bit),
                 list.expect("clone", arguments, without_filter(list, flag.bit)));
        const CallArguments wide = {flag.bit | sigchld | bit32};
        list.add(concat("clone ", flag.name, " with bit 32"), "clone", hexadecimal(flag.bit | bit32),
                 list.expect("clone", wide, without_filter(list, flag.bit)));
    }
}

// The filter's answer to every number, arguments all -1. Calls that it lets pass are not made: who knows what they do.
std::string sweep_text(const CheckList& list) {
    constexpr int numbers = 1024;
    std::string text, verdict;
    int first = 0;
    const auto close_run = [&](int last) {
        if (verdict.empty() || verdict == "SIGSYS") return;
        text += concat(text.empty() ? "" : ",", first, '-', last, '=', verdict);
    };
    for (int number = 0; number <= numbers; ++number) {
        const std::string now = number < numbers ? list.filtered(number, all_bad) : std::string();
        if (now == verdict) continue;
        close_run(number - 1);
        verdict = now;
        first = number;
    }
    return text;
}

}  // namespace

void add_call_checks(CheckList& list) {
    for (const std::string_view call : plain_calls) {
        const std::string text = call_text(call, all_bad);
        if (!text.empty()) list.add(std::string(call), "calls", text, list.expect(call, all_bad, "denied"));
    }
    for (const Guarded& row : guarded) {
        const std::string plain = call_text(row.call, row.arguments);
        if (plain.empty()) continue;
        list.add(row.name, "calls", plain, list.expect(row.call, row.arguments, "any"));
        if (row.wide < 0) continue;
        CallArguments high32 = row.arguments, high63 = row.arguments;
        high32[static_cast<size_t>(row.wide)] |= bit32;
        high63[static_cast<size_t>(row.wide)] |= bit63;
        list.add(concat(row.name, " with bits 32, 63"), "calls",
                 concat(call_text(row.call, high32), ';', call_text(row.call, high63)),
                 list.expect(row.call, high32, "any"));
    }
    add_namespace_checks(list);
    const std::string sweep = sweep_text(list);
    if (!sweep.empty()) list.add("every call number 0..1023 that the filter refuses", "sweep", sweep, "as planned");
    // Before anything else, the filter ends a process that enters through another architecture.
    const bool native_only = list.profile.seccomp.native_only.value_or(false);
    list.add("a call through i386's entry", "foreign", "i386", native_only ? "SIGSYS|EFAULT" : "any");
    list.add("a call with x32's numbers", "foreign", "x32", native_only ? "SIGSYS|ENOSYS" : "any");
}

}  // namespace casemate::proof

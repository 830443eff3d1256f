// The worker's seccomp allow list. A call outside it kills the process: there is no honest reason for one. No exec, no
// socket, no process, no signal, no mode or owner by path, no executable memory; mknod makes FIFOs only.
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <span>

#include "base/text.h"
#include "image/confine.h"
#include "seccomp/filter.h"

namespace casemate::image {
namespace {

using seccomp::Action;
using seccomp::Condition;
using seccomp::Op;
using seccomp::Rule;
using seccomp::Verdict;

constexpr std::string_view allowed[] = {
    // files
    "read", "pread64", "write", "close", "lseek", "fcntl", "fstat", "newfstatat", "fstatat64", "statx", "openat",
    "openat2", "getdents64",
    // the channel
    "sendmsg", "recvmsg",
    // memory and the read-ahead thread
    "brk", "munmap", "mremap", "madvise", "futex", "set_robust_list", "rseq", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "sched_yield", "gettid", "getpid", "getppid", "clock_gettime", "gettimeofday", "getrandom",
    "restart_syscall", "exit", "exit_group"};
// The tree that is written, or read.
constexpr std::string_view writing[] = {"readlinkat", "flistxattr", "fgetxattr", "mkdirat", "symlinkat", "linkat",    "unlinkat", "fchmod",
                                        "fchown",  "fchownat",  "fsetxattr", "utimensat"};
constexpr std::string_view reading[] = {"readlinkat", "fgetxattr"};

Condition masked(uint8_t index, uint64_t mask, uint64_t value) { return {index, Op::masked_eq, mask, value}; }

Result<Rule> rule(std::string_view name, std::vector<Condition> conditions, Verdict verdict = {}) {
    const seccomp::Syscall* syscall = seccomp::find_syscall(name);
    if (!syscall) return Error::invalid(concat("no system call ", name));
    return Rule{syscall, std::move(conditions), verdict};
}

}  // namespace

Result<std::vector<sock_filter>> worker_filter(bool read_only) {
    seccomp::Layer layer;
    layer.default_verdict = Verdict{Action::kill_process, 0, false};
    layer.unknown_verdict = Verdict{Action::kill_process, 0, false};
    layer.allow.emplace();
    for (const std::string_view name : allowed) layer.allow->push_back(TRY(rule(name, {})));
    for (const std::string_view name : read_only ? std::span<const std::string_view>(reading) : writing)
        layer.allow->push_back(TRY(rule(name, {})));
    layer.allow->push_back(TRY(rule("mmap", {masked(2, PROT_EXEC, 0)})));
    layer.allow->push_back(TRY(rule("mprotect", {masked(2, PROT_EXEC, 0)})));
    if (!read_only) layer.allow->push_back(TRY(rule("mknodat", {masked(2, S_IFMT, S_IFIFO)})));
    constexpr uint64_t thread = CLONE_VM | CLONE_THREAD;
    layer.allow->push_back(TRY(rule("clone", {masked(0, thread, thread)})));
    // Its flags are behind a pointer; the C library falls back to clone.
    layer.allow->push_back(TRY(rule("clone3", {})));
    layer.deny.push_back(TRY(rule("clone3", {}, Verdict{Action::errno_, ENOSYS, true})));
    seccomp::Policy policy;
    policy.layers.push_back(std::move(layer));
    return seccomp::compile(policy);
}

}  // namespace casemate::image

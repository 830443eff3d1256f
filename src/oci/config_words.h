// The closed lists of words in config.json. Capability, system call and mount option names are not here: the planner
// judges them, as their meaning depends on the kernel and on the profile.
#pragma once

#include <string_view>

namespace casemate::oci::words {

inline constexpr std::string_view namespaces[] = {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"};
inline constexpr std::string_view clocks[] = {"boottime", "monotonic"};
inline constexpr std::string_view rlimits[] = {"RLIMIT_AS",     "RLIMIT_CORE",   "RLIMIT_CPU",        "RLIMIT_DATA",
                                               "RLIMIT_FSIZE",  "RLIMIT_LOCKS",  "RLIMIT_MEMLOCK",    "RLIMIT_MSGQUEUE",
                                               "RLIMIT_NICE",   "RLIMIT_NOFILE", "RLIMIT_NPROC",      "RLIMIT_RSS",
                                               "RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK"};
inline constexpr std::string_view schedulers[] = {"SCHED_BATCH", "SCHED_DEADLINE", "SCHED_FIFO", "SCHED_IDLE",
                                                  "SCHED_ISO",   "SCHED_OTHER",    "SCHED_RR"};
inline constexpr std::string_view scheduler_flags[] = {
    "SCHED_FLAG_DL_OVERRUN",    "SCHED_FLAG_KEEP_PARAMS",    "SCHED_FLAG_KEEP_POLICY",   "SCHED_FLAG_RECLAIM",
    "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_UTIL_CLAMP_MAX", "SCHED_FLAG_UTIL_CLAMP_MIN"};
inline constexpr std::string_view io_classes[] = {"IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE", "IOPRIO_CLASS_RT"};
inline constexpr std::string_view devices[] = {"b", "c", "p", "u"};
inline constexpr std::string_view device_rules[] = {"a", "b", "c"};
inline constexpr std::string_view propagation[] = {"private",     "rprivate", "rshared", "rslave",
                                                   "runbindable", "shared",   "slave",   "unbindable"};
inline constexpr std::string_view domains[] = {"LINUX", "LINUX32"};
inline constexpr std::string_view memory_modes[] = {
    "MPOL_BIND",      "MPOL_DEFAULT",        "MPOL_INTERLEAVE",         "MPOL_LOCAL",
    "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"};
inline constexpr std::string_view memory_flags[] = {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES",
                                                    "MPOL_F_STATIC_NODES"};
inline constexpr std::string_view actions[] = {"SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO",       "SCMP_ACT_KILL",
                                               "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
                                               "SCMP_ACT_NOTIFY",       "SCMP_ACT_TRACE",       "SCMP_ACT_TRAP"};
inline constexpr std::string_view operators[] = {"SCMP_CMP_EQ", "SCMP_CMP_GE",        "SCMP_CMP_GT", "SCMP_CMP_LE",
                                                 "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"};
inline constexpr std::string_view filter_flags[] = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                                                    "SECCOMP_FILTER_FLAG_TSYNC",
                                                    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
inline constexpr std::string_view architectures[] = {
    "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM",       "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",     "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",  "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",      "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PARISC",  "SCMP_ARCH_PARISC64",  "SCMP_ARCH_PPC",         "SCMP_ARCH_PPC64",    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_RISCV64", "SCMP_ARCH_S390",      "SCMP_ARCH_S390X",       "SCMP_ARCH_SH",       "SCMP_ARCH_SHEB",
    "SCMP_ARCH_X32",     "SCMP_ARCH_X86",       "SCMP_ARCH_X86_64"};

}  // namespace casemate::oci::words

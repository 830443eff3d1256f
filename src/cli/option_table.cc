// Every option of every verb, once. The order is that of `enum class Opt`; the build checks it.
#include "cli/command.h"

namespace casemate::cli {
namespace {

using enum Takes;
using T = Topic;

// clang-format off
constexpr Option options[] = {
    {Opt::root, T::global, 0, value, "root", "DIR", "where the state of containers is kept (root: /run/casemate)"},
    {Opt::log, T::global, 0, value, "log", "FILE", "append log lines to FILE; an error is exactly one line"},
    {Opt::log_format, T::global, 0, value, "log-format", "text|json", "the form of log lines"},
    {Opt::debug, T::global, 0, nothing, "debug", "", "say more, also on standard error"},
    {Opt::systemd_cgroup, T::global, 0, nothing, "systemd-cgroup", "", "cgroupsPath is SLICE:PREFIX:NAME and systemd makes it"},
    {Opt::cgroup_manager, T::global, 0, value, "cgroup-manager", "cgroupfs|systemd|disabled", "who makes the cgroup"},
    {Opt::rootless, T::global, 0, value, "rootless", "true|false|auto", "accepted for runc's clients; casemate finds out by itself"},
    {Opt::color, T::global, 0, value, "color", "auto|always|never", "colour; auto is a terminal without NO_COLOR and TERM=dumb"},
    {Opt::version, T::global, 'v', nothing, "version", "", "print the version"},
    {Opt::help, T::global, 'h', nothing, "help", "", "print help, also after a verb"},

    {Opt::profile, T::policy, 0, value, "profile", "PROFILE", "the policy profile, a name or a file (launch: hardened; OCI verbs: oci)"},
    {Opt::waive, T::policy, 0, values, "waive", "FIELD=REASON", "let FIELD be weaker than the profile has it; REASON has 8 to 200 characters"},
    {Opt::set, T::policy, 0, values, "set", "FIELD=JSON", "any field of the profile language, such as limits.rlimits.RLIMIT_NOFILE=1024"},
    {Opt::user, T::policy, 'u', value, "user", "USER[:GROUP]", "run as this user in place of the image's; names are those of the image's passwd"},
    {Opt::cap, T::policy, 0, values, "cap", "CAP", "a capability that the app keeps, such as CAP_NET_BIND_SERVICE"},
    {Opt::read_only, T::policy, 0, nothing, "read-only", "", "the root is read-only (hardened has it so)"},
    {Opt::umask, T::policy, 0, value, "umask", "OCTAL", "four octal digits, such as 0027"},

    {Opt::network, T::network, 0, value, "network", "none|published|sockets|host", "the most that may come in; weaker than the profile needs --waive"},
    {Opt::egress, T::network, 0, value, "egress", "closed|open", "whether the app may reach out; open needs passt's pasta"},
    {Opt::publish, T::network, 'p', values, "publish", "[ADDR:]HOST:CONTAINER", "relay a TCP port of the host to the app; ADDR is 127.0.0.1 when absent"},
    {Opt::listen, T::network, 0, values, "listen", "ADDR:PORT", "open a socket (or a unix path) on the host and hand it to the app as LISTEN_FDS"},
    {Opt::hostname, T::network, 0, value, "hostname", "NAME", "the host name inside"},

    {Opt::volume, T::files, 'v', values, "volume", "SRC:DST[:ro]", "bind SRC of the host to DST; writable unless :ro"},
    {Opt::tmpfs, T::files, 0, values, "tmpfs", "DST[:OPTIONS]", "an empty file system in memory; size=64MiB unless said, inodes=N, mode=1777, exec"},
    {Opt::ref, T::files, 0, value, "ref", "NAME", "which image of an archive or layout with several"},
    {Opt::platform, T::files, 0, value, "platform", "OS/ARCH[/VARIANT]", "which of an index's images, when not this machine's"},
    {Opt::setid, T::files, 0, value, "setid", "keep|ignore|strip", "set-id bits and file capabilities (strip)"},
    {Opt::devices, T::files, 0, value, "devices", "skip|refuse", "device nodes of the image (skip)"},
    {Opt::max_size, T::files, 0, value, "max-size", "BYTES", "the most that all layers may hold, uncompressed"},
    {Opt::max_entries, T::files, 0, value, "max-entries", "N", "the most entries of all layers"},
    {Opt::max_ratio, T::files, 0, value, "max-ratio", "N", "the most that a layer may expand"},

    {Opt::memory, T::limits, 'm', value, "memory", "SIZE", "memory limit, such as 512MiB"},
    {Opt::swap, T::limits, 0, value, "swap", "SIZE", "swap limit beside the memory limit"},
    {Opt::cpus, T::limits, 0, value, "cpus", "N", "number of CPUs, such as 1.5"},
    {Opt::pids, T::limits, 0, value, "pids", "N", "number of processes and threads"},
    {Opt::ulimit, T::limits, 0, values, "ulimit", "TYPE=SOFT[:HARD]", "a resource limit, such as nofile=1024:4096"},
    {Opt::runtime_max, T::limits, 0, value, "runtime-max", "TIME", "end the app after this time, such as 10m"},
    {Opt::oom_score_adj, T::limits, 0, value, "oom-score-adj", "N", "-1000 to 1000; higher is killed first"},

    {Opt::env, T::process, 'e', values, "env", "NAME[=VALUE]", "a variable; without a value, the caller's"},
    {Opt::cwd, T::process, 'w', value, "cwd", "DIR", "the working directory inside"},
    {Opt::tty, T::process, 't', nothing, "tty", "", "give the app a terminal of its own"},
    {Opt::detach, T::process, 'd', nothing, "detach", "", "return when the app has started"},
    {Opt::name, T::process, 0, value, "name", "ID", "the container's id (made up when absent)"},
    {Opt::rm, T::process, 0, nothing, "rm", "", "remove what was unpacked when the app ends"},
    {Opt::pid_file, T::process, 0, value, "pid-file", "FILE", "write the app's pid to FILE, in decimal, without a newline"},
    {Opt::report, T::process, 0, value, "report", "FILE", "write the exit report to FILE (JSON): code, cause, times, peaks"},
    {Opt::init, T::process, 0, nothing, "init", "", "run the app under a small init that forwards signals and reaps"},
    {Opt::no_init, T::process, 0, nothing, "no-init", "", "the app itself is PID 1"},
    {Opt::stop_timeout, T::process, 0, value, "stop-timeout", "TIME", "how long to wait after the stop signal, such as 10s"},

    {Opt::bundle, T::engine, 'b', value, "bundle", "DIR", "the bundle (the working directory when absent)"},
    {Opt::config, T::engine, 0, value, "config", "FILE", "read this file in place of the bundle's config.json"},
    {Opt::console_socket, T::engine, 0, value, "console-socket", "FILE", "send the terminal's master to this socket"},
    {Opt::pidfd_socket, T::engine, 0, value, "pidfd-socket", "FILE", "send a pidfd of the app to this socket"},
    {Opt::preserve_fds, T::engine, 0, value, "preserve-fds", "N", "pass N descriptors from 3 on to the app"},
    {Opt::no_pivot, T::engine, 0, nothing, "no-pivot", "", "refused: pivot_root is not optional"},
    {Opt::no_new_keyring, T::engine, 0, nothing, "no-new-keyring", "", "keep the caller's session keyring"},
    {Opt::no_subreaper, T::engine, 0, nothing, "no-subreaper", "", "accepted for runc's clients"},
    {Opt::keep, T::engine, 0, nothing, "keep", "", "do not delete the container when it ends"},
    {Opt::process, T::engine, 'p', value, "process", "FILE", "the process as JSON, as in config.json"},
    {Opt::additional_gids, T::engine, 'g', values, "additional-gids", "GID", "a supplementary group"},
    {Opt::no_new_privs, T::engine, 0, nothing, "no-new-privs", "", "set no_new_privs"},
    {Opt::apparmor, T::engine, 0, value, "apparmor", "NAME", "the AppArmor profile"},
    {Opt::process_label, T::engine, 0, value, "process-label", "LABEL", "the SELinux label"},
    {Opt::cgroup, T::engine, 0, values, "cgroup", "[CONTROLLERS:]PATH", "run in a cgroup below the container's"},
    {Opt::ignore_paused, T::engine, 0, nothing, "ignore-paused", "", "go on although the container is paused"},
    {Opt::all, T::engine, 'a', nothing, "all", "", "signal every process of the container"},
    {Opt::force, T::engine, 'f', nothing, "force", "", "kill what runs, and delete leftovers; an unknown id is no error"},
    {Opt::resources, T::engine, 'r', value, "resources", "FILE", "the limits as JSON, as in config.json; - is standard input"},
    {Opt::stats, T::engine, 0, nothing, "stats", "", "print one line and end"},
    {Opt::interval, T::engine, 0, value, "interval", "TIME", "time between lines (5s)"},
    {Opt::quiet, T::engine, 'q', nothing, "quiet", "", "ids only"},
    {Opt::spec_rootless, T::engine, 0, nothing, "rootless", "", "for a caller without root: a user namespace, no limits"},

    {Opt::update_memory, T::engine, 0, value, "memory", "BYTES", "memory limit"},
    {Opt::memory_reservation, T::engine, 0, value, "memory-reservation", "BYTES", "soft memory limit"},
    {Opt::memory_swap, T::engine, 0, value, "memory-swap", "BYTES", "limit of memory and swap together"},
    {Opt::kernel_memory, T::engine, 0, value, "kernel-memory", "BYTES", "accepted for runc's clients; kernels ignore it"},
    {Opt::cpu_shares, T::engine, 0, value, "cpu-share", "N", "CPU shares, 2 to 262144"},
    {Opt::cpu_quota, T::engine, 0, value, "cpu-quota", "US", "CPU time a period, in microseconds"},
    {Opt::cpu_period, T::engine, 0, value, "cpu-period", "US", "the period, in microseconds"},
    {Opt::cpu_burst, T::engine, 0, value, "cpu-burst", "US", "how much unused quota may be saved up"},
    {Opt::cpu_rt_runtime, T::engine, 0, value, "cpu-rt-runtime", "US", "realtime CPU time a period"},
    {Opt::cpu_rt_period, T::engine, 0, value, "cpu-rt-period", "US", "the realtime period"},
    {Opt::cpu_idle, T::engine, 0, value, "cpu-idle", "N", "1: SCHED_IDLE for the cgroup"},
    {Opt::cpuset_cpus, T::engine, 0, value, "cpuset-cpus", "LIST", "CPUs that may be used"},
    {Opt::cpuset_mems, T::engine, 0, value, "cpuset-mems", "LIST", "memory nodes that may be used"},
    {Opt::blkio_weight, T::engine, 0, value, "blkio-weight", "N", "I/O weight, 10 to 1000"},
    {Opt::pids_limit, T::engine, 0, value, "pids-limit", "N", "number of processes and threads"},
    {Opt::l3_cache_schema, T::engine, 0, value, "l3-cache-schema", "TEXT", "Intel RDT's L3 schema"},
    {Opt::mem_bw_schema, T::engine, 0, value, "mem-bw-schema", "TEXT", "Intel RDT's memory bandwidth schema"},

    {Opt::pid, T::output, 0, value, "pid", "PID", "any process, compared with the profile"},
    {Opt::list_format, T::output, 'f', value, "format", "table|json", "the form of the output"},
    {Opt::ps_format, T::output, 'f', value, "format", "table|json", "json is a bare array of pids"},
    {Opt::plan_format, T::output, 'f', value, "format", "text|json", "the form of the output"},
    {Opt::verify_format, T::output, 'f', value, "format", "table|json", "the form of the output"},
    {Opt::probe_format, T::output, 'f', value, "format", "text|json|tap|junit", "the form of the output"},
    {Opt::features_format, T::output, 'f', value, "format", "json|table", "json is the features document; table is what this kernel has"},
    {Opt::man, T::output, 0, nothing, "man", "", "print the man page's source"},
};
// clang-format on

consteval bool in_order() {
    for (size_t i = 0; i < std::size(options); ++i)
        if (static_cast<size_t>(options[i].id) != i) return false;
    return std::size(options) == static_cast<size_t>(Opt::none);
}
static_assert(in_order(), "options[] follows enum class Opt");

constexpr Opt globals[] = {
    Opt::profile,        Opt::root,     Opt::log,   Opt::log_format, Opt::debug, Opt::systemd_cgroup,
    Opt::cgroup_manager, Opt::rootless, Opt::color, Opt::version,    Opt::help};

}  // namespace

std::span<const Option> all_options() { return options; }
const Option& option(Opt id) { return options[static_cast<size_t>(id)]; }
std::span<const Opt> global_options() { return globals; }

}  // namespace casemate::cli

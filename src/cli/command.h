// The command line as data: every verb and option in one constexpr table, from which the parser, --help, the man pages
// and the shell completions all speak.
//
// Texts are stored inside the entries, not pointed to: a table of pointers would cost the static-pie launcher one
// relocation a string at every start. So the tables stay untouched in the file's read-only pages until they are asked.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::cli {

// clang-format off
enum class Verb : uint8_t {
    launch, unpack, plan, verify, probe, profile, gc,
    create, start, run, exec, state, kill, delete_, list, ps, pause, resume, update, events, features, spec,
    audit, images, learn, explain, score, diff,
    checkpoint, restore, completion, help,
};

// One id an option, whatever verbs take it: has(Opt::detach) cannot be misspelt.
enum class Opt : uint8_t {
    // global
    root, log, log_format, debug, systemd_cgroup, cgroup_manager, rootless, color, version, help,
    // policy
    profile, waive, set, user, cap, read_only, umask,
    // network
    network, egress, publish, listen, hostname,
    // files
    volume, tmpfs, ref, platform, setid, devices, max_size, max_entries, max_ratio,
    // limits
    memory, swap, cpus, pids, ulimit, runtime_max, oom_score_adj,
    // process
    env, cwd, tty, detach, name, rm, pid_file, report, init, no_init, stop_timeout,
    // what an engine asks for
    bundle, config, console_socket, pidfd_socket, preserve_fds, no_pivot, no_new_keyring, no_subreaper, keep,
    process, additional_gids, no_new_privs, apparmor, process_label, cgroup, ignore_paused,
    all, force, resources, stats, interval, quiet, spec_rootless,
    update_memory, memory_reservation, memory_swap, kernel_memory, cpu_shares, cpu_quota, cpu_period, cpu_burst,
    cpu_rt_runtime, cpu_rt_period, cpu_idle, cpuset_cpus, cpuset_mems, blkio_weight, pids_limit, l3_cache_schema,
    mem_bw_schema,
    // proof and output
    pid, list_format, ps_format, plan_format, verify_format, probe_format, features_format, man,
    none,  // ends a command's list
};
// clang-format on

enum class Takes : uint8_t { nothing, value, values };  // values: may be given more than once

// The headings of --help, in order.
enum class Topic : uint8_t { policy, network, files, limits, process, engine, output, global };

struct Option {
    Opt id;
    Topic topic;
    char letter;  // 0: none
    Takes takes;
    char name[24];  // without dashes
    // What --help calls the value. "a|b" is a closed set: the parser refuses anything else. FILE, DIR, SOURCE, ID and
    // PROFILE tell the completions what to offer.
    char operand[32];
    char text[148];
};

enum class Group : uint8_t {
    main,      // the project's own verbs
    oci,       // what engines drive
    external,  // libexec/casemate/casemate-VERB
    tool,      // about casemate itself
    later,     // parsed, refused by name: not in --help
};

// Where the words of a program to run begin.
enum class Tail : uint8_t {
    none,
    after_dashes,    // SOURCE [-- COMMAND...]
    after_operands,  // ID COMMAND...: the first operand ends the options, as in runc
    everything,      // handed on untouched
};

// The exit code of a failure of ours, a wrong command line included.
enum class Failure : uint8_t {
    by_error = 0,  // 125, or 126 and 127 where the error says so (ARCHITECTURE section 6)
    oci = 1,
    check = 2,   // verify, probe: 1 is a finding (ECOSYSTEM 2.3)
    exec = 255,  // runc's
};

struct Command {
    Verb verb;
    Group group;
    char name[12];
    char operands[32];
    char summary[72];
    uint8_t least, most;  // number of operands
    Tail tail;
    Failure failure;
    Opt options[40];  // ends with Opt::none
};

std::span<const Option> all_options();  // all_options()[size_t(id)].id == id
const Option& option(Opt id);
std::span<const Command> all_commands();
const Command& command(Verb verb);
const Command* find_command(std::string_view name);  // nullptr when there is none
std::span<const Opt> options_of(const Command& command);
std::span<const Opt> global_options();

// The long text and the examples of a verb's --help and man page.
struct Manual {
    Verb verb;
    char about[700];
    char examples[420];  // one a line
};
const Manual* manual(Verb verb);  // nullptr when there is none

struct Given {
    Opt id;
    std::string_view value;
};

// A parsed command line. The views point into argv.
struct Arguments {
    const Command* command = nullptr;  // nullptr: no verb, only --help or --version
    std::vector<Given> given;          // in order
    std::vector<std::string_view> operands;
    std::vector<std::string_view> tail;  // the program to run and its arguments

    bool has(Opt id) const;
    std::string_view value(Opt id, std::string_view otherwise = {}) const;  // the last one given
    std::vector<std::string> values(Opt id) const;
    std::vector<std::string> tail_strings() const { return {tail.begin(), tail.end()}; }
};

// Both spellings of every option (`--opt value`, `--opt=value`), `-o value`, `-ovalue`, clustered letters, and Go's
// single dash before a long name (`-no-subreaper`). With --help, operands may be missing. The error carries the exit
// code of the verb; `out` then holds what was read so far, so that the error can go to the --log that was asked for.
Result<void> parse(std::span<char* const> argv, Arguments& out);

}  // namespace casemate::cli

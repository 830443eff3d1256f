// Every verb: its operands, its options, how it fails. The order is that of `enum class Verb`; the build checks it.
#include <algorithm>

#include "cli/command.h"

namespace casemate::cli {
namespace {

using G = Group;
using F = Failure;
using O = Opt;
constexpr uint8_t many = 255;

// clang-format off
constexpr Command commands[] = {
    {Verb::launch, G::main, "launch", "SOURCE [-- COMMAND...]", "check, unpack, harden and run an image", 1, 1,
     Tail::after_dashes, F::by_error,
     {O::profile, O::waive, O::set, O::user, O::cap, O::read_only, O::umask, O::network, O::egress, O::publish, O::listen,
      O::hostname, O::volume, O::tmpfs, O::ref, O::memory, O::swap, O::cpus, O::pids, O::ulimit, O::runtime_max,
      O::oom_score_adj, O::env, O::cwd, O::tty, O::detach, O::name, O::rm, O::pid_file, O::report, O::init, O::no_init,
      O::stop_timeout, O::none}},
    {Verb::unpack, G::main, "unpack", "SOURCE BUNDLE", "make an OCI bundle from an image, safely", 2, 2, Tail::none,
     F::by_error,
     {O::ref, O::platform, O::setid, O::devices, O::max_size, O::max_entries, O::max_ratio, O::none}},
    {Verb::plan, G::main, "plan", "[SOURCE] [-- COMMAND...]", "print what would happen, step by step", 0, 1,
     Tail::after_dashes, F::by_error,
     {O::plan_format, O::bundle, O::profile, O::waive, O::set, O::user, O::cap, O::read_only, O::umask,
      O::network, O::egress, O::publish, O::listen, O::hostname, O::volume, O::tmpfs, O::ref, O::memory, O::swap, O::cpus,
      O::pids, O::ulimit, O::runtime_max, O::oom_score_adj, O::env, O::cwd, O::tty, O::name, O::init, O::no_init,
      O::stop_timeout, O::none}},
    {Verb::verify, G::main, "verify", "[ID]", "read a live process back from the kernel and compare", 0, 1, Tail::none,
     F::check, {O::pid, O::profile, O::verify_format, O::none}},
    {Verb::probe, G::main, "probe", "[SOURCE]", "try from inside the sandbox what must be impossible", 0, 1, Tail::none,
     F::check,
     {O::probe_format, O::profile, O::waive, O::set, O::user, O::cap, O::network, O::egress, O::publish, O::listen,
      O::volume, O::tmpfs, O::ref, O::ulimit, O::none}},
    {Verb::profile, G::main, "profile", "list|show|check|schema [NAME]", "the policy profiles", 1, many, Tail::none,
     F::by_error, {O::none}},
    {Verb::gc, G::main, "gc", "", "remove what launchers that were killed left behind", 0, 0, Tail::none, F::by_error,
     {O::none}},

    {Verb::create, G::oci, "create", "ID", "create a container", 1, 1, Tail::none, F::oci,
     {O::bundle, O::config, O::pid_file, O::console_socket, O::pidfd_socket, O::preserve_fds, O::no_pivot,
      O::no_new_keyring, O::none}},
    {Verb::start, G::oci, "start", "ID", "start a created container", 1, 1, Tail::none, F::oci, {O::none}},
    {Verb::run, G::oci, "run", "ID", "create, start and wait for a container", 1, 1, Tail::none, F::by_error,
     {O::bundle, O::config, O::detach, O::pid_file, O::console_socket, O::pidfd_socket, O::preserve_fds, O::no_pivot,
      O::no_new_keyring, O::no_subreaper, O::keep, O::none}},
    {Verb::exec, G::oci, "exec", "ID COMMAND...", "run another process in a container", 1, 1, Tail::after_operands,
     F::exec,
     {O::process, O::detach, O::pid_file, O::console_socket, O::pidfd_socket, O::cwd, O::env, O::tty, O::user,
      O::additional_gids, O::cap, O::no_new_privs, O::apparmor, O::process_label, O::preserve_fds, O::cgroup,
      O::ignore_paused, O::none}},
    {Verb::state, G::oci, "state", "ID", "print a container's state as JSON", 1, 1, Tail::none, F::oci, {O::none}},
    {Verb::kill, G::oci, "kill", "ID [SIGNAL]", "send a signal (SIGTERM) to a container", 1, 2, Tail::none, F::oci,
     {O::all, O::none}},
    {Verb::delete_, G::oci, "delete", "ID", "delete a container that has ended", 1, 1, Tail::none, F::oci,
     {O::force, O::none}},
    {Verb::list, G::oci, "list", "", "list the containers", 0, 0, Tail::none, F::oci, {O::list_format, O::quiet, O::none}},
    {Verb::ps, G::oci, "ps", "ID [PS-OPTION...]", "list the processes of a container", 1, 1, Tail::after_operands,
     F::oci, {O::ps_format, O::none}},
    {Verb::pause, G::oci, "pause", "ID", "freeze a container", 1, 1, Tail::none, F::oci, {O::none}},
    {Verb::resume, G::oci, "resume", "ID", "thaw a container", 1, 1, Tail::none, F::oci, {O::none}},
    {Verb::update, G::oci, "update", "ID", "change the limits of a container", 1, 1, Tail::none, F::oci,
     {O::resources, O::update_memory, O::memory_reservation, O::memory_swap, O::kernel_memory, O::cpu_shares,
      O::cpu_quota, O::cpu_period, O::cpu_burst, O::cpu_rt_runtime, O::cpu_rt_period, O::cpu_idle, O::cpuset_cpus,
      O::cpuset_mems, O::blkio_weight, O::pids_limit, O::l3_cache_schema, O::mem_bw_schema, O::none}},
    {Verb::events, G::oci, "events", "ID", "print events and statistics of a container", 1, 1, Tail::none, F::oci,
     {O::stats, O::interval, O::none}},
    {Verb::features, G::oci, "features", "", "what casemate and this kernel can do", 0, 0, Tail::none, F::oci,
     {O::features_format, O::none}},
    {Verb::spec, G::oci, "spec", "", "write a config.json to start from", 0, 0, Tail::none, F::oci,
     {O::bundle, O::spec_rootless, O::none}},

    {Verb::audit, G::external, "audit", "SOURCE [OPTIONS]", "check an image and its configuration by rules", 0, many,
     Tail::everything, F::check, {O::none}},
    {Verb::images, G::external, "images", "list|rm IMAGE|gc|verify [IMAGE]", "the image store", 0, many,
     Tail::everything, F::check, {O::none}},
    {Verb::learn, G::external, "learn", "SOURCE -- COMMAND...", "run an app and write the smallest profile that fits", 0,
     many, Tail::everything, F::by_error, {O::none}},
    {Verb::explain, G::external, "explain", "[ID]", "say which rule denied what, and what would allow it", 0, many,
     Tail::everything, F::check, {O::none}},
    {Verb::score, G::external, "score", "PROFILE|BUNDLE", "the exposure score of a profile or bundle", 0, many,
     Tail::everything, F::check, {O::none}},
    {Verb::diff, G::external, "diff", "OLD NEW", "what changed between two profiles or bundles", 0, many,
     Tail::everything, F::check, {O::none}},

    {Verb::checkpoint, G::later, "checkpoint", "ID", "refused: casemate has no checkpoints", 0, many, Tail::everything,
     F::oci, {O::none}},
    {Verb::restore, G::later, "restore", "ID", "refused: casemate has no checkpoints", 0, many, Tail::everything, F::oci,
     {O::none}},
    {Verb::completion, G::tool, "completion", "bash|zsh|fish", "print a shell completion script", 1, 1, Tail::none,
     F::by_error, {O::none}},
    {Verb::help, G::tool, "help", "[VERB]", "print help or a man page", 0, 1, Tail::none, F::by_error, {O::man, O::none}},
};
// clang-format on

consteval bool in_order() {
    for (size_t i = 0; i < std::size(commands); ++i) {
        if (static_cast<size_t>(commands[i].verb) != i) return false;
        if (std::find(std::begin(commands[i].options), std::end(commands[i].options), O::none) ==
            std::end(commands[i].options))
            return false;
    }
    return std::size(commands) == static_cast<size_t>(Verb::help) + 1;
}
static_assert(in_order(), "commands[] follows enum class Verb, and every list of options ends with Opt::none");

}  // namespace

std::span<const Command> all_commands() { return commands; }
const Command& command(Verb verb) { return commands[static_cast<size_t>(verb)]; }

const Command* find_command(std::string_view name) {
    for (const Command& c : commands)
        if (name == c.name) return &c;
    return nullptr;
}

std::span<const Opt> options_of(const Command& command) {
    const Opt* end = std::find(std::begin(command.options), std::end(command.options), O::none);
    return {std::begin(command.options), end};
}

}  // namespace casemate::cli

#include "steps/sequence.h"

#include <cstdlib>

#include "base/text.h"
#include "steps/host/steps.h"
#include "steps/init/steps.h"

namespace casemate::steps {
namespace {

// The pointers keep the tables free of copies: a step is defined once, in the file of its concern.
const HostStep* const host_table[] = {
    &host::hide_from_ptrace,
    &host::open_procfs,
    &host::open_root,
    &host::open_layers,
    &host::make_cgroup,
    &host::open_bind_sources,
    &host::create_mount_points,
    &host::make_root_devices,
    &host::clone_trees,
    &host::make_devices,
    &host::look_at_net_devices,
    &host::seal_stub,
    // the clone
    &host::join_cgroup,
    &host::write_id_maps,
    &host::set_process_limits,
    &host::set_tree_attributes,
    &host::stack_layers,
    &host::set_scheduling,
    &host::move_net_devices,
};

const InitStep* const init_table[] = {
    &init::become_namespace_root,
    &init::set_time_offsets,
    &init::hide_from_ptrace,
    &init::join_session_keyring,
    &init::start_session,
    &init::set_hostname,
    &init::unshare_cgroup,
    &init::bring_loopback_up,
    &init::bring_net_devices_up,
    &init::make_mounts_private,
    &init::make_filesystems,
    &init::clone_trees_rootless,
    &init::attach_root,
    &init::attach_mounts,
    &init::attach_devices_rootless,
    &init::hold_for_hooks,
    &init::pivot_root,
    &init::change_root,
    &init::mask_paths,
    &init::make_paths_readonly,
    &init::set_propagation,
    &init::write_sysctls,
    &init::forbid_user_namespaces,
    &init::make_terminal,
    &init::set_limits,
    &init::set_personality,
    &init::set_memory_policy,
    &init::set_labels,
    &init::set_no_new_privs,
    &init::drop_bounding_set,
    &init::set_ids,
    &init::set_capabilities,
    &init::set_umask,
    &init::resolve_program,
    &init::rearm_parent_death,
    &init::verify_inside,
    &init::deny_write_execute,
    &init::restrict_with_landlock,
    &init::arrange_descriptors,
    &init::set_descriptor_limit,
    &init::load_seccomp,
    &init::drop_last_capabilities,
    &init::execute_stub,
};

const HostStep* const exec_host_table[] = {
    &host::take_oom_score,
    &host::hide_from_ptrace,
    &host::open_procfs,
    &host::seal_stub,
    // the stage joins and clones
    &host::set_process_limits,
    &host::set_scheduling,
};

const InitStep* const exec_init_table[] = {
    &init::become_namespace_root,
    &init::hide_from_ptrace,
    &init::join_session_keyring,
    &init::start_session,
    &init::make_terminal,
    &init::set_cpu_affinity,
    &init::set_limits,
    &init::set_personality,
    &init::set_memory_policy,
    &init::set_labels,
    &init::set_no_new_privs,
    &init::drop_bounding_set,
    &init::set_ids,
    &init::set_capabilities,
    &init::set_umask,
    &init::resolve_program,
    &init::rearm_parent_death,
    &init::verify_joined,
    &init::deny_write_execute,
    &init::restrict_with_landlock,
    &init::arrange_descriptors,
    &init::set_descriptor_limit,
    &init::load_seccomp,
    &init::drop_last_capabilities,
    &init::execute_stub,
};

std::span<const HostStep* const> host_steps(const plan::Plan& plan) { return plan.exec() ? exec_host_sequence() : host_sequence(); }
std::span<const InitStep* const> init_steps(const plan::Plan& plan) { return plan.exec() ? exec_init_sequence() : init_sequence(); }

// The mutation build leaves named steps out, to show that verify or probe notices; other builds cannot.
bool left_out([[maybe_unused]] std::string_view name) {
#ifdef CASEMATE_MUTATIONS
    const char* victim = std::getenv("CASEMATE_LEAVE_OUT");
    if (!victim) return false;
    for (const std::string_view one : split(victim, ','))
        if (one == name) return true;
    return false;
#else
    return false;
#endif
}

template <typename Context>
Result<void> apply(const Step<Context>& step, Context& context) {
    if (!step.needed(context.plan) || left_out(step.name)) return {};
    auto done = step.apply(context);
    if (!done) return std::move(done).take_error().within(concat("phase ", phase_name(step.phase), ": ", step.name));
    return {};
}

}  // namespace

std::span<const HostStep* const> host_sequence() { return host_table; }
std::span<const InitStep* const> init_sequence() { return init_table; }
std::span<const HostStep* const> exec_host_sequence() { return exec_host_table; }
std::span<const InitStep* const> exec_init_sequence() { return exec_init_table; }

Result<void> run_host(HostContext& context, Phase phase) {
    for (const HostStep* step : host_steps(context.plan))
        if (step->phase == phase) TRY(apply(*step, context));
    return {};
}

Result<void> run_init(InitContext& context) {
    for (const InitStep* step : init_steps(context.plan)) TRY(apply(*step, context));
    return {};
}

std::vector<Line> describe(const plan::Plan& plan) {
    std::vector<Line> lines;
    for (const HostStep* step : host_steps(plan))
        if (step->needed(plan)) lines.push_back({"host", phase_name(step->phase), step->name, step->describe(plan)});
    const auto& joined = plan.namespaces().joined;
    if (!joined.empty()) {
        std::string text;
        for (const plan::NamespaceFact& fact : joined) text += concat(text.empty() ? "" : ", ", fact.type, " ", quoted(fact.path));
        lines.push_back({"stage", "clone", "join namespaces", std::move(text)});
    }
    for (const InitStep* step : init_steps(plan))
        if (step->needed(plan)) lines.push_back({"init", phase_name(step->phase), step->name, step->describe(plan)});
    return lines;
}

}  // namespace casemate::steps

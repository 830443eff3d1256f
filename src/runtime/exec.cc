// `casemate exec`: one more process in a running container, as confined as the first (RECIPES section 1, exec).
//
// The container is hostile: its processes run beside the new one as soon as that is in their namespaces. So everything is
// decided here from files of the host, the namespaces are joined by the pidfd of a process that was checked to be the
// recorded one, and the new process carries nothing of the host but its standard streams and one socket.
#include <fcntl.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "launch/supervise.h"
#include "plan/ceiling.h"
#include "runtime/app.h"
#include "runtime/containers.h"
#include "runtime/create.h"
#include "runtime/directories.h"
#include "runtime/exec.h"
#include "runtime/facts.h"
#include "runtime/seccomp_listener.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

constexpr size_t process_limit = size_t{1} << 20;

struct KindName {
    const char *type, *file;  // OCI's word, the file of /proc/PID/ns
};
constexpr KindName kinds[] = {{"pid", "pid"},   {"mount", "mnt"},     {"ipc", "ipc"},   {"uts", "uts"}, {"network", "net"},
                              {"user", "user"}, {"cgroup", "cgroup"}, {"time", "time"}};

Result<void> check_status(oci::Status status, bool ignore_paused) {
    if (status == oci::Status::stopped || status == oci::Status::creating)
        return Error::with_code(ESRCH, concat("cannot exec in a container that is ", oci::name_of(status), ": container not running"));
    if (status == oci::Status::paused && !ignore_paused)
        return Error::with_code(EAGAIN, "cannot exec in a paused container").hint("resume it, or use --ignore-paused: the process then waits with the others");
    return {};
}

// Every namespace of the container must still be the one that was recorded; those that are our own need no joining.
Result<void> find_namespaces(Target& target) {
    const PolicyFile& policy = target.policy;
    const pid_t pid = target.record.pid;
    // Its root is a tree of no namespace. Whoever joined the namespace that it shares would stand in the root of that one's
    // owner, with all that the container may do.
    if (!policy.config.find_namespace("mount")) return Error::with_code(ENOTSUP, "the container has no mount namespace of its own that exec could join");
    std::optional<sys::Procfs> host;
    if (auto own = sys::Procfs::make()) target.proc = std::move(own).take();
    else host = TRY(sys::Procfs::host());  // a rootless caller's
    const sys::Procfs& proc = target.proc ? *target.proc : *host;
    for (const KindName& kind : kinds) {
        const auto recorded = policy.namespaces.find(kind.file);
        if (recorded == policy.namespaces.end()) return Error::invalid(concat("the container's ", kind.type, " namespace was not recorded"));
        const uint64_t now = TRY_IN(kind.type, proc.namespace_inode(std::to_string(pid), kind.file));
        if (now != recorded->second) return Error::with_code(EPERM, concat("the container's init has left its ", kind.type, " namespace"));
        if (now == TRY_IN(kind.type, proc.namespace_inode("self", kind.file))) continue;
        plan::NamespaceFact fact{kind.type, concat("/proc/", pid, "/ns/", kind.file), now, false, {}, {}, false};
        if (fact.type == "user") {
            fact.uid_map = policy.uid_map;
            fact.gid_map = policy.gid_map;
            fact.setgroups_denied = policy.setgroups_denied;
        }
        if (fact.type == "cgroup") target.cgroup_namespace = TRY_IN("cgroup namespace", proc.namespace_fd(std::to_string(pid), kind.file));
        target.namespaces.push_back(std::move(fact));
    }
    return {};
}

Result<Target> find_target(const Settings& settings, const ExecOptions& options) {
    const std::string root = TRY(state_root(settings));
    const RecordFile file = TRY(RecordFile::open(root, options.id));
    Record record = TRY(file.read());
    Fd process = TRY(pidfd_of(record.pid, record.start_time));
    const oci::Status now = TRY(status_of(file, record, static_cast<bool>(process)));
    TRY(check_status(now, options.ignore_paused));
    Target target = TRY(open_target(file, std::move(record), std::move(process)));
    if (!options.cgroups.empty()) target.group = TRY_IN("--cgroup", target.group.below(options.cgroups));
    return target;
}

Result<void> set_user(const std::string& text, oci::User& user) {
    const auto parts = split(text, ':');
    const auto uid = parse_decimal(parts[0], UINT32_MAX - 1);
    const auto gid = parts.size() > 1 ? parse_decimal(parts[1], UINT32_MAX - 1) : std::optional<uint64_t>(user.gid);
    if (!uid || !gid || parts.size() > 2) return Error::invalid(concat("--user: ", quoted(text), " is not UID or UID:GID, in numbers"));
    user.uid = static_cast<uint32_t>(*uid);
    user.gid = static_cast<uint32_t>(*gid);
    return {};
}

// Never inheritable or ambient: what a process of another user execs would keep them (CVE-2022-29162).
void add_capabilities(const std::vector<std::string>& names, oci::Process& process) {
    if (names.empty()) return;
    oci::Capabilities sets = process.capabilities.value_or(oci::Capabilities{});
    const auto add = [&](std::optional<std::vector<std::string>>& set) {
        if (!set) set.emplace();
        for (const std::string& name : names)
            if (std::find(set->begin(), set->end(), name) == set->end()) set->push_back(name);
    };
    for (auto* set : {&sets.bounding, &sets.effective, &sets.permitted}) add(*set);
    process.capabilities = std::move(sets);
}

// The process as it is asked for: a file that says all of it, or the container's own with what the command line changes.
Result<oci::Process> process_of(const PolicyFile& policy, const ExecOptions& options) {
    if (!options.process_file.empty()) {
        const Fd file = TRY_IN(quoted(options.process_file), sys::open(options.process_file.c_str(), O_RDONLY | O_NOCTTY));
        const std::string text = TRY_IN(quoted(options.process_file), sys::read_all(file, process_limit));
        oci::Process process = TRY_IN(quoted(options.process_file), oci::parse_process(text));
        process.terminal = process.terminal || options.tty;
        return process;
    }
    if (!policy.config.process) return Error::invalid("the container has no process to take after").hint("use --process FILE");
    oci::Process process = *policy.config.process;
    process.args = options.command;
    process.terminal = options.tty;
    process.console_size.reset();
    if (!options.cwd.empty()) process.cwd = options.cwd;
    for (const std::string& variable : options.env) {
        const std::string name = variable.substr(0, variable.find('=') + 1);
        std::erase_if(process.env, [&](const std::string& old) { return old.starts_with(name); });
        process.env.push_back(variable);
    }
    if (!options.user.empty()) TRY(set_user(options.user, process.user));
    for (const uint32_t gid : options.additional_gids) process.user.additional_gids.push_back(gid);
    add_capabilities(options.capabilities, process);
    if (options.no_new_privs) process.no_new_privileges = true;
    if (!options.apparmor.empty()) process.apparmor_profile = options.apparmor;
    if (!options.process_label.empty()) process.selinux_label = options.process_label;
    return process;
}

// Under a ceiling a new process is tightened as the first one was (PROFILE 3.4).
Result<void> tighten(const PolicyFile& policy, oci::Process& process, std::vector<std::string>& changes) {
    if (!policy.ceiling) return {};
    plan::Tightened tightened;
    tightened.config = policy.config;
    tightened.config.process = process;
    plan::tighten_process(process, policy.profile, tightened);
    const bool strict = policy.profile.oci.on_tighten == policy::OciOnTighten::refuse;
    for (const auto* found : {&tightened.refusals, strict ? &tightened.changes : &tightened.refusals})
        if (!found->empty()) return Error::with_code(EPERM, concat("refused by ", policy.profile.name, ": ", found->front()));
    changes = std::move(tightened.changes);
    return {};
}

// The container may end at any moment; clients look for these words.
Error explained(Error error, FdView pidfd) {
    if (error.code() == ESRCH || sys::wait_readable(pidfd, 0)) return std::move(error).within("container not running");
    return error;
}

}  // namespace

Result<Target> open_target(const RecordFile& file, Record record, Fd process) {
    Target target;
    target.record = std::move(record);
    target.pidfd = std::move(process);
    target.policy = TRY(read_policy(file));
    TRY(find_namespaces(target));
    target.group = TRY(cgroup::Group::open_existing(target.record.cgroups));
    return target;
}

Result<plan::Plan> plan_in(const Target& target, oci::Process process, unsigned preserved_fds, const std::string& executable) {
    oci::Config config = target.policy.config;
    config.process = std::move(process);
    config.linux_.namespaces.clear();
    for (const plan::NamespaceFact& fact : target.namespaces) config.linux_.namespaces.push_back({fact.type, fact.path});
    // The maps are those of the namespace, whoever wrote them.
    config.linux_.uid_mappings.clear();
    config.linux_.gid_mappings.clear();
    config.linux_.time_offsets.clear();
    plan::Request request = target.policy.request;
    request.exec = true;
    request.executable = executable;
    request.namespaces = target.namespaces;
    request.preserved_fds = preserved_fds;
    // The tree stands already: nothing is to be looked for in it.
    policy::Profile without_paths = target.policy.profile;
    without_paths.filesystem.masked_paths.reset();
    const plan::HostFacts facts = TRY(process_facts(without_paths, request.launch));
    return plan::compile(config, target.policy.profile, facts, request);
}

launch::Options options_in(const Target& target, const plan::Plan& plan, const sigset_t& signal_mask, FdView signals) {
    launch::Options start;
    start.signal_mask = signal_mask;
    start.signals = signals;
    start.process = target.pidfd;
    start.cgroup_namespace = target.cgroup_namespace;
    start.group = &target.group;
    start.hand_over_listener = [&](const launch::Waiting& waiting, FdView listener) {
        oci::State state;
        state.oci_version = target.policy.config.oci_version;
        state.id = target.record.id;
        state.status = oci::Status::running;
        state.pid = target.record.pid;
        state.bundle = target.record.bundle;
        state.annotations = target.record.annotations;
        return send_seccomp_listener(plan.seccomp(), state, waiting.pid, listener);
    };
    return start;
}

Result<int> exec(const Settings& settings, const ExecOptions& options) {
    std::vector<Fd> preserved = TRY(preserved_descriptors(options.preserve_fds));
    launch::SignalGate signals = TRY(launch::SignalGate::close());
    Target target = TRY(find_target(settings, options));
    oci::Process process = TRY(process_of(target.policy, options));
    std::vector<std::string> changes;
    TRY(tighten(target.policy, process, changes));
    const plan::Plan plan = TRY(plan_in(target, std::move(process), options.preserve_fds));
    launch::Options start = options_in(target, plan, signals.mask_before(), signals.fd());
    start.inherited = std::move(preserved);
    start.proc = std::move(target.proc);
    auto terminal = TRY(launch::prepare_console(options.detach, plan.process().terminal.has_value(), options.console_socket, start.console));
    Fd pidfd;  // taken while a failure still ends the process
    start.before_go = [&](const launch::Waiting& waiting) -> Result<void> {
        pidfd = TRY(sys::duplicate(waiting.pidfd));
        TRY(verify_waiting(waiting));
        if (terminal) TRY(terminal->attach());
        TRY(send_pidfd(options.pidfd_socket, waiting.pidfd));
        return write_pid_file(options.pid_file, waiting.pid);
    };
    auto started = launch::start(plan, std::move(start));
    if (!started) return explained(std::move(started).take_error(), target.pidfd);
    launch::Running running = std::move(started).take();
    // Only now: podman takes a log of one line for the error, and one of two lines for none.
    for (const std::string& change : changes) log(LogLevel::warning, concat(target.policy.profile.name, ": ", change));
    if (options.detach) return 0;
    const launch::Ending ending = TRY(launch::supervise(plan, running, signals, {}, {terminal ? &*terminal : nullptr, nullptr}));
    return ending.code;
}

}  // namespace casemate::runtime

// `casemate create` and what `run` shares with it: bundle, plan, launch, record.
#include "runtime/create.h"

#include <fcntl.h>

#include <climits>
#include <cstdlib>

#include "base/log.h"
#include "base/text.h"
#include "oci/config.h"
#include "runtime/app.h"
#include "runtime/ceiling.h"
#include "runtime/directories.h"
#include "runtime/facts.h"
#include "runtime/joined.h"
#include "runtime/notify.h"
#include "runtime/policy_file.h"
#include "runtime/seccomp_listener.h"
#include "sys/call.h"
#include "sys/unix_socket.h"

namespace casemate::runtime {

Result<Bundle> open_bundle(const std::string& path, const std::string& config_file) {
    char resolved[PATH_MAX];
    if (!::realpath(path.empty() ? "." : path.c_str(), resolved)) return Error::sys("bundle").within(quoted(path));
    Bundle bundle;
    bundle.path = resolved;
    const Fd directory = TRY_IN(quoted(bundle.path), sys::open(resolved, O_RDONLY | O_DIRECTORY));
    constexpr size_t limit = size_t{4} << 20;
    const std::string name = config_file.empty() ? bundle.path + "/config.json" : config_file;
    auto text = config_file.empty() ? sys::read_file(directory, "config.json", limit) : sys::read_file(FdView(AT_FDCWD), config_file.c_str(), limit);
    if (!text) return std::move(text).take_error().within(quoted(name)).hint("a bundle is a directory with config.json; 'casemate spec' writes one");
    bundle.config = TRY(oci::parse_config(text.value()));
    for (const std::string& key : bundle.config.unknown_keys) log(LogLevel::warning, concat("config.json: ignoring unknown key ", key));
    return bundle;
}

namespace {

// sd_listen_fds(3): the caller's own LISTEN_FDS, meant for us to pass on as runc does.
unsigned listen_fds_of_caller() {
    const char* value = std::getenv("LISTEN_FDS");
    return value ? static_cast<unsigned>(parse_decimal(value, 1024).value_or(0)) : 0;
}

}  // namespace

Result<std::vector<Fd>> preserved_descriptors(unsigned count) {
    std::vector<Fd> found;
    const int end = static_cast<int>(3 + count);
    for (int fd = 3; fd < end; ++fd) {
        // Above all of them: a copy must not pass for one that the caller has not opened.
        Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, end));
        if (!copy)
            return Error::sys("fcntl").within(concat("descriptor ", fd)).hint("--preserve-fds N and LISTEN_FDS name the descriptors from 3 on: all must be open");
        found.push_back(std::move(copy));
    }
    return found;
}

Result<void> send_pidfd(const std::string& path, FdView pidfd) {
    if (path.empty()) return {};
    const Fd socket = TRY_IN("--pidfd-socket", sys::connect_unix(path));
    TRY_IN("--pidfd-socket", sys::send_descriptor(socket, pidfd, "pidfd"));
    return {};
}

Result<std::vector<Fd>> preserved_descriptors(const CreateOptions& options) {
    return preserved_descriptors(options.preserve_fds + listen_fds_of_caller());
}

Result<Made> make_container(const Settings& settings, const CreateOptions& options, std::vector<Fd> preserved, Site& site, launch::SignalGate& signals, bool gate, std::optional<Hooks>& hooks) {
    Bundle bundle = TRY(open_bundle(options.bundle, options.config));
    const auto ceiling = TRY(ceiling_profile(options.profile));
    plan::Tightened tightened = TRY(under_ceiling(bundle, ceiling));
    TRY(check_ceiling(tightened, ceiling));
    const policy::Profile& profile = tightened.profile;
    bundle.config = std::move(tightened.config);
    const std::string notify = concat(TRY(state_root(settings)), "/", options.id, "/notify");
    if (!notify_address().empty()) TRY(add_notify(notify, bundle.config));
    const plan::HostFacts facts = TRY(host_facts(profile, ceiling.has_value()));
    Joined joined = TRY(open_joined(bundle.config));
    plan::Request request;
    request.bundle = bundle.path;
    request.namespaces = std::move(joined.facts);
    request.sources_resolved = ceiling.has_value();
    request.id = options.id;
    request.no_cgroup = options.cgroup_manager == CgroupManager::disabled;
    request.systemd_cgroup = options.cgroup_manager == CgroupManager::systemd;
    if (request.systemd_cgroup) request.systemd_program = TRY(find_libexec(settings, "casemate-systemd-cgroup"));
    request.listen_fds = listen_fds_of_caller();
    request.preserved_fds = static_cast<unsigned>(preserved.size());
    request.keep_session_keyring = options.no_new_keyring;
    request.may_lack_process = gate;
    plan::Plan plan = TRY(plan::compile(bundle.config, profile, facts, request));
    for (const std::string& note : plan.notes()) log(LogLevel::info, note);
    TRY(site.plan_cgroup(plan));

    const bool detached = gate || options.detached;
    launch::Options start;
    start.joins = std::move(joined.files);
    auto terminal = TRY(launch::prepare_console(detached, plan.process().terminal.has_value(), options.console_socket, start.console));
    start.signal_mask = signals.mask_before();
    start.signals = signals.fd();
    start.inherited = std::move(preserved);
    std::optional<launch::Notifier> notifier;  // of `create` it is `start` that listens
    if (!gate) notifier = TRY(open_notifier(notify));
    if (gate) start.gate = TRY(make_start_gate(site.file()));
    Record& record = site.record();
    record.bundle = bundle.path;
    record.annotations = bundle.config.annotations;
    hooks.emplace(plan.hooks(), record, signals.mask_before(), signals.fd());
    TRY(hooks->save(site.file()));
    if (!plan.hooks().empty()) TRY(site.write());  // what poststop needs, should we be killed in the middle
    start.on_mounted = [&](const launch::Waiting& waiting) {
        hooks->container_exists();
        return hooks->run_mounted(waiting);
    };
    Fd pidfd;  // taken while a failure still ends the launch
    start.before_go = [&](const launch::Waiting& waiting) -> Result<void> {
        pidfd = TRY(sys::duplicate(waiting.pidfd));
        TRY(verify_waiting(waiting));
        if (terminal) TRY(terminal->attach());
        hooks->container_exists();
        record.pid = waiting.pid;
        record.start_time = TRY(start_time_of(waiting.pid));
        record.rootfs = plan.mounts().root.path;
        record.profile = plan.profile_name();
        record.program = plan.process().program();
        record.cgroups = waiting.group.paths();
        // From here on the container is its engine's, which deletes it: gc leaves it alone.
        record.until_deleted = detached;
        policy::Profile stored = profile;
        if (ceiling) stored.identity.user = ceiling->identity.user;  // in whose place an exec'ed root is put
        TRY(write_policy(site.file(), plan, bundle.config, stored, request, waiting));
        TRY(site.write());
        TRY(send_pidfd(options.pidfd_socket, waiting.pidfd));
        TRY(write_pid_file(options.pid_file, waiting.pid));
        return gate ? Result<void>() : hooks->run_start_container(site.file());  // of `create` `start` runs them
    };
    start.hand_over_listener = [&](const launch::Waiting& waiting, FdView listener) {
        const oci::State state{bundle.config.oci_version, options.id, oci::Status::creating, waiting.pid, bundle.path, bundle.config.annotations, {}, {}, {}};
        return send_seccomp_listener(plan.seccomp(), state, waiting.pid, listener);
    };
    launch::Running running = TRY(launch::start(plan, std::move(start)));
    launch::OwnedProcess owner(running.pid, std::move(pidfd));
    // Only now: podman takes a log of one line for the error, and one of two lines for none.
    for (const std::string& change : tightened.changes) log(LogLevel::warning, concat(profile.name, ": ", change));
    return Made{std::move(bundle), std::move(plan), std::move(running), std::move(owner), std::move(notifier), std::move(terminal)};
}

Result<void> create(const Settings& settings, const CreateOptions& options) {
    std::vector<Fd> preserved = TRY(preserved_descriptors(options));
    launch::SignalGate signals = TRY(launch::SignalGate::close());
    std::optional<Hooks> hooks;
    Site site = TRY(Site::open(settings, options.id));
    Made made = TRY(make_container(settings, options, std::move(preserved), site, signals, true, hooks));
    site.hand_over();
    hooks->container_stays();
    (void)made.owner.release();
    return {};
}

}  // namespace casemate::runtime

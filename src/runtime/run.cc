// `casemate run`: a bundle exactly as its config.json says, in the foreground. The rest of the OCI verbs build on this.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "base/log.h"
#include "base/text.h"
#include "launch/owned_process.h"
#include "launch/supervise.h"
#include "oci/config.h"
#include "runtime/app.h"
#include "runtime/bundle.h"
#include "runtime/directories.h"
#include "runtime/facts.h"
#include "sys/call.h"

namespace casemate::runtime {

Result<Bundle> open_bundle(const std::string& path) {
    char resolved[PATH_MAX];
    if (!::realpath(path.empty() ? "." : path.c_str(), resolved)) return Error::sys("bundle").within(quoted(path));
    Bundle bundle;
    bundle.path = resolved;
    const Fd directory = TRY_IN(quoted(bundle.path), sys::open(resolved, O_RDONLY | O_DIRECTORY));
    auto text = sys::read_file(directory, "config.json", size_t{4} << 20);
    if (!text) return std::move(text).take_error().within(concat(quoted(bundle.path + "/config.json"))).hint("a bundle is a directory with config.json; 'casemate spec' writes one");
    bundle.config = TRY(oci::parse_config(text.value()));
    for (const std::string& key : bundle.config.unknown_keys) log(LogLevel::warning, concat("config.json: ignoring unknown key ", key));
    return bundle;
}

Result<policy::Profile> runtime_profile(const std::string& name) {
    if (name.empty() || name == "oci") {
        policy::Profile profile;  // says nothing: what config.json asks
        profile.name = "oci";
        return profile;
    }
    return Error::with_code(ENOTSUP, concat("--profile ", quoted(name), ": a ceiling over config.json is not applied by this version of casemate"))
        .hint("use 'casemate launch --profile' for a bundle, which takes its process and hardens the rest");
}

Result<int> run_bundle(const Settings& settings, const RunOptions& options) {
    if (options.detach || options.preserve_fds)
        return Error::with_code(ENOTSUP, "run: --detach and --preserve-fds are not applied by this version of casemate");
    const HostConfig host = TRY(read_host_config());
    if (!host.oci_ceiling.empty() && host.oci_ceiling != "oci")
        return Error::with_code(ENOTSUP, concat("casemate.json: oci.ceiling ", quoted(host.oci_ceiling), ": a ceiling over config.json is not applied by this version of casemate"));
    const policy::Profile profile = TRY(runtime_profile(options.profile));
    launch::SignalGate gate = TRY(launch::SignalGate::close());
    Site site = TRY(Site::open(settings, options.id));
    const Bundle bundle = TRY(open_bundle(options.bundle));
    const plan::HostFacts facts = TRY(host_facts(profile, false));
    plan::Request request;
    request.bundle = bundle.path;
    const plan::Plan plan = TRY(plan::compile(bundle.config, profile, facts, request));
    for (const std::string& note : plan.notes()) log(LogLevel::info, note);
    launch::Options start;
    start.signal_mask = gate.mask_before();
    start.signals = gate.fd();
    Fd pidfd;  // taken while a failure still ends the launch
    start.before_go = [&](const launch::Waiting& waiting) -> Result<void> {
        pidfd = TRY(sys::duplicate(waiting.pidfd));
        TRY(verify_waiting(plan, waiting));
        Record& record = site.record();
        record.pid = waiting.pid;
        record.start_time = TRY(start_time_of(waiting.pid));
        record.bundle = bundle.path;
        record.rootfs = plan.mounts().root.path;
        record.profile = plan.profile_name();
        record.annotations = bundle.config.annotations;
        record.expected = waiting.expected;
        TRY(site.write());
        return write_pid_file(options.pid_file, waiting.pid);
    };
    launch::Running running = TRY(launch::start(plan, std::move(start)));
    launch::OwnedProcess owner(running.pid, std::move(pidfd));
    const launch::Ending ending = TRY(launch::supervise(plan, running, gate, {}));
    (void)owner.release();  // reaped
    if (options.keep) site.keep_record();
    return ending.code;
}

}  // namespace casemate::runtime

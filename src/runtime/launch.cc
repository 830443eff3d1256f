// `casemate launch`: the main job, in the order in which it happens. Decide everything, start the app confined, look at
// it from outside, let it go, wait, take everything away again.
#include <fcntl.h>

#include "base/log.h"
#include "base/text.h"
#include "launch/kernel_log.h"
#include "launch/report.h"
#include "launch/supervise.h"
#include "proof/verify.h"
#include "runtime/app.h"
#include "runtime/detach.h"
#include "runtime/directories.h"
#include "runtime/network.h"
#include "runtime/notify.h"
#include "runtime/policy_file.h"
#include "runtime/report.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

// Detached, nobody may be left to read: the app's output goes to a file beside its data.
Result<void> redirect_output(const std::string& data, launch::Options& options) {
    options.stdio[0] = TRY(sys::open("/dev/null", O_RDONLY));
    options.stdio[1] = TRY_IN(quoted(data), sys::open((data + "/output.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
    options.stdio[2] = TRY(sys::duplicate(options.stdio[1]));
    return {};
}

// Who a line of the kernel's log may speak of: init and the app, and whoever has the app's own host uid.
launch::Suspects suspects_of(const plan::IdsPlan& ids, const std::vector<pid_t>& pids) {
    launch::Suspects suspects{pids, std::nullopt};
    if (ids.mode == plan::Mode::root_userns) suspects.uid = ids.owner_uid + ids.uid;
    return suspects;
}

// One launch, from the first side effect to the last.
class Job {
public:
    Job(const Settings& settings, const LaunchOptions& options, launch::SignalGate gate, Started* started)
        : settings_(settings), options_(options), gate_(std::move(gate)), started_(started) {}

    Result<int> run() {
        const std::string id = options_.id.empty() ? TRY(random_id()) : options_.id;
        // A report that cannot be written is found out before the app runs, not after.
        if (!options_.report.empty()) TRY_IN(quoted(options_.report), sys::open(options_.report.c_str(), O_WRONLY | O_CREAT, 0644));
        Result<int> code = start_and_wait(id);
        if (!code && !options_.report.empty()) TRY(write_report(options_.report, launch::report_of(id, 0, code.error())));
        return code;
    }

private:
    Result<int> start_and_wait(const std::string& id) {
        Site site = TRY(Site::open(settings_, id));
        App app = TRY(prepare_app(settings_, options_, site, {.data = options_.detach, .notified = !notify_address().empty()}));
        announce(app.plan);
        launch::KernelLog kernel_log = launch::KernelLog::open_at_end();
        launch::Options start = TRY(start_options(app, site));
        auto terminal = TRY(launch::prepare_console(options_.detach, app.plan.process().terminal.has_value(), {}, start.console));
        NetworkProcesses network;
        Fd pidfd;  // taken while a failure still ends the launch
        start.before_go = [&](const launch::Waiting& waiting) -> Result<void> {
            pidfd = TRY(sys::duplicate(waiting.pidfd));
            TRY(verify_waiting(waiting));
            if (terminal) TRY(terminal->attach());
            // Before the app runs: a launcher that dies now leaves a record that names its container.
            TRY(remember(app, site, waiting));
            TRY(write_pid_file(options_.pid_file, waiting.pid));
            return network.start(app.plan, *site.listeners, waiting);
        };
        launch::Running running = TRY(launch::start(app.plan, std::move(start)));
        // From here on the app lives: whatever goes wrong ends it.
        launch::OwnedProcess owner(running.pid, std::move(pidfd));
        site.listeners->close_sockets();
        const std::vector<pid_t> pids = launch::processes_of(running.pid);
        if (started_) TRY(started_->report(id));
        const launch::Ending ending = TRY(launch::supervise(app.plan, running, gate_, network.watched(), {terminal ? &*terminal : nullptr, app.notifier ? &*app.notifier : nullptr}));
        (void)owner.release();  // reaped
        if (options_.detach && options_.keep) site.keep_record();
        if (!options_.report.empty())
            TRY(write_report(options_.report, launch::report_of(id, running.pid, ending, kernel_log, suspects_of(app.plan.ids(), pids))));
        if (!ending.helper_lost.empty()) return Error::invalid(concat(ending.helper_lost, " ended before the app, which was stopped"));
        return ending.code;
    }

    static void announce(const plan::Plan& plan) {
        for (const std::string& note : plan.notes()) log(LogLevel::info, note);
        for (const policy::WaiverRecord& waiver : plan.waivers()) log(LogLevel::info, concat("waived ", waiver.what, ": ", waiver.because));
    }

    Result<launch::Options> start_options(const App& app, Site& site) {
        launch::Options start;
        start.signal_mask = gate_.mask_before();
        start.signals = gate_.fd();
        for (const launch::InheritedListener& listener : site.listeners->inherited()) start.inherited.push_back(TRY(sys::duplicate(listener.fd)));
        if (options_.detach) TRY(redirect_output(app.data, start));
        return start;
    }

    Result<void> remember(const App& app, Site& site, const launch::Waiting& waiting) {
        Record& record = site.record();
        record.pid = waiting.pid;
        record.start_time = TRY(start_time_of(waiting.pid));
        record.bundle = app.source.unpacked ? app.data : options_.source;
        record.rootfs = app.plan.mounts().root.path;
        record.profile = app.plan.profile_name();
        record.annotations = app.source.annotations;
        record.cgroups = waiting.group.paths();
        record.waivers = app.plan.waivers();
        TRY(write_policy(site.file(), app.plan, app.config, app.profile, app.request, waiting));
        return site.write();
    }

    const Settings& settings_;
    const LaunchOptions& options_;
    launch::SignalGate gate_;
    Started* started_;
};

}  // namespace

Result<void> verify_waiting(const launch::Waiting& waiting) {
    plan::Expected expected = waiting.expected;
    // The stub still holds the channel, under `probe` its program, under `create` the fifos of `start`.
    if (expected.fds) expected.fds->insert(expected.fds->end(), waiting.stub_fds.begin(), waiting.stub_fds.end());
    if (!expected.foreign_fds) expected.foreign_fds.emplace();
    expected.foreign_fds->insert(expected.foreign_fds->end(), waiting.stub_fds.begin(), waiting.stub_fds.end());
    const proof::Verification seen = TRY(proof::verify(waiting.proc, waiting.pid, expected, "the waiting app"));
    std::string differences;
    for (const plan::Check& check : seen.checks)
        if (check.verdict == plan::Verdict::different || (check.verdict == plan::Verdict::unseen && check.required))
            differences += concat(differences.empty() ? "" : "; ", check.what, ": expected ", check.expected, ", is ", check.seen);
    if (!differences.empty()) return Error::invalid(concat("verify from outside: ", differences));
    return {};
}

Result<int> launch(const Settings& settings, const LaunchOptions& options) {
    if (options.detach && options.terminal)
        return Error::invalid("--tty and --detach: nobody would stand between the terminal and you").hint("leave one of them out");
    const auto job = [&](Started* started) -> Result<int> {
        return Job(settings, options, TRY(launch::SignalGate::close()), started).run();
    };
    if (!options.detach) return job(nullptr);
    return launch_detached([&](Started& started) { return job(&started); });
}

}  // namespace casemate::runtime

// `casemate launch`: the main job, in the order in which it happens. Decide everything, start the app confined, look at
// it from outside, let it go, wait, take everything away again.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "launch/relay.h"
#include "launch/supervise.h"
#include "plan/relay_filter.h"
#include "proof/observe.h"
#include "proof/verify.h"
#include "runtime/app.h"
#include "runtime/detach.h"
#include "runtime/directories.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

constexpr uint32_t relay_host_id = 1879048191;  // mode (a): just below the end of the id pool, nobody else's
constexpr uint32_t relay_range_id = 65534;      // of the container's range: the last but one

launch::RelaySpec relay_spec(const plan::Plan& plan, const launch::Listeners& listeners, FdView init, FdView lifeline) {
    launch::RelaySpec spec;
    for (const launch::PublishedListener& listener : listeners.published()) spec.listeners.push_back({listener.fd, listener.container_port});
    spec.init = init;
    spec.lifeline = lifeline;
    spec.mode = plan.ids().mode;
    spec.landlock = plan.landlock().enabled;
    spec.proxy_protocol = plan.network().proxy_protocol;
    if (spec.mode == plan::Mode::root) spec.ids = launch::RelayIds{relay_host_id, relay_host_id};
    if (spec.mode == plan::Mode::root_userns) spec.ids = launch::RelayIds{plan.ids().owner_uid + relay_range_id, plan.ids().owner_gid + relay_range_id};
    if (spec.mode == plan::Mode::rootless && !plan.ids().single_id()) spec.ids = launch::RelayIds{relay_range_id, relay_range_id};
    return spec;
}

// The network's helpers of one launch. They end with it, by pidfd, on every path.
struct Helpers {
    Fd lifeline_ours, lifeline_relay;
    launch::OwnedProcess relay, egress;

    Result<void> start(const plan::Plan& plan, const launch::Listeners& listeners, const launch::Waiting& waiting) {
        if (!listeners.published().empty()) {
            int ends[2];
            if (::pipe2(ends, O_CLOEXEC) < 0) return Error::sys("pipe2");
            lifeline_relay = Fd(ends[0]);
            lifeline_ours = Fd(ends[1]);
            launch::RelaySpec spec = relay_spec(plan, listeners, waiting.pidfd, lifeline_relay);
            spec.filter = TRY(plan::relay_filter(spec.proxy_protocol));
            relay = TRY_IN("relay", launch::start_relay(spec));
        }
        // EGRESS
        return {};
    }
    std::vector<launch::Watched> watched() const {
        std::vector<launch::Watched> list;
        if (relay.running()) list.push_back({relay.pidfd(), "relay"});
        if (egress.running()) list.push_back({egress.pidfd(), "pasta"});
        return list;
    }
};

[[maybe_unused]] Result<void> write_report(const std::string& path, const std::string& text) {
    if (path.empty()) return {};
    const Fd file = TRY_IN(quoted(path), sys::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644));
    return sys::write_all(file, text + "\n");
}

// Detached, nobody may be left to read: the app's output goes to a file beside its data.
Result<void> redirect_output(const std::string& data, launch::Options& options) {
    options.stdio[0] = TRY(sys::open("/dev/null", O_RDONLY));
    options.stdio[1] = TRY_IN(quoted(data), sys::open((data + "/output.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
    options.stdio[2] = TRY(sys::duplicate(options.stdio[1]));
    return {};
}

// One launch, from the first side effect to the last.
class Job {
public:
    Job(const Settings& settings, const LaunchOptions& options, launch::SignalGate gate, Started* started)
        : settings_(settings), options_(options), gate_(std::move(gate)), started_(started) {}

    Result<int> run() {
        const std::string id = options_.id.empty() ? TRY(random_id()) : options_.id;
        Site site = TRY(Site::open(settings_, id));
        const App app = TRY(prepare_app(settings_, options_, site, options_.detach));
        for (const std::string& note : app.plan.notes()) log(LogLevel::info, note);
        for (const policy::WaiverRecord& waiver : app.plan.waivers()) log(LogLevel::info, concat("waived ", waiver.what, ": ", waiver.because));
        launch::Options start = TRY(start_options(app, site));
        Helpers helpers;
        start.before_go = [&](const launch::Waiting& waiting) -> Result<void> {
            TRY(verify_waiting(app.plan, waiting));
            return helpers.start(app.plan, *site.listeners, waiting);
        };
        launch::Running running = TRY(launch::start(app.plan, std::move(start)));
        site.listeners->close_sockets();
        helpers.lifeline_relay.reset();
        // From here on the container lives: whatever goes wrong ends it.
        launch::OwnedProcess owner(running.pid, TRY(sys::duplicate(running.pidfd)));
        TRY(remember(app, site, running));
        TRY(write_pid_file(options_.pid_file, running.pid));
        if (started_) TRY(started_->report(id));
        const launch::Ending ending = TRY(launch::supervise(app.plan, running, gate_, helpers.watched()));
        (void)owner.release();  // reaped
        if (!ending.helper_lost.empty()) log(LogLevel::error, concat(ending.helper_lost, " ended before the app: the app was stopped"));
        if (options_.detach && options_.keep) site.keep_record();
        // REPORT
        return ending.helper_lost.empty() ? ending.code : 125;
    }

private:
    Result<launch::Options> start_options(const App& app, Site& site) {
        launch::Options start;
        start.signal_mask = gate_.mask_before();
        for (const launch::InheritedListener& listener : site.listeners->inherited()) start.inherited.push_back(TRY(sys::duplicate(listener.fd)));
        for (const launch::SocketFile& file : site.listeners->files()) site.record().sockets.push_back(file.path);
        if (options_.detach) TRY(redirect_output(app.data, start));
        return start;
    }

    Result<void> remember(const App& app, Site& site, const launch::Running& running) {
        Record& record = site.record();
        record.pid = running.pid;
        record.start_time = TRY(start_time_of(running.pid));
        record.bundle = app.source.unpacked ? app.data : options_.source;
        record.rootfs = app.plan.mounts().root.path;
        record.profile = app.plan.profile_name();
        record.annotations = app.source.annotations;
        record.expected = running.expected;
        record.waivers = app.plan.waivers();
        return site.write();
    }

    const Settings& settings_;
    const LaunchOptions& options_;
    launch::SignalGate gate_;
    Started* started_;
};

}  // namespace

Result<void> verify_waiting(const plan::Plan& plan, const launch::Waiting& waiting) {
    plan::Expected expected = waiting.expected;
    // The stub still holds the channel, and under `probe` its program.
    if (expected.fds) {
        const int channel = static_cast<int>(3 + plan.process().inherited_fds);
        expected.fds->push_back(channel);
        if (waiting.by_descriptor) expected.fds->push_back(channel + 2);
    }
    const proof::Verification seen = TRY(proof::verify(waiting.proc, waiting.pid, expected, "the waiting app"));
    std::string differences;
    for (const plan::Check& check : seen.checks)
        if (check.verdict == plan::Verdict::different || (check.verdict == plan::Verdict::unseen && check.required))
            differences += concat(differences.empty() ? "" : "; ", check.what, ": expected ", check.expected, ", is ", check.seen);
    if (!differences.empty()) return Error::invalid(concat("verify from outside: ", differences));
    return {};
}

Result<int> launch(const Settings& settings, const LaunchOptions& options) {
    if (options.detach) return launch_detached([&](Started& started) -> Result<int> {
        return Job(settings, options, TRY(launch::SignalGate::close()), &started).run();
    });
    return Job(settings, options, TRY(launch::SignalGate::close()), nullptr).run();
}

}  // namespace casemate::runtime

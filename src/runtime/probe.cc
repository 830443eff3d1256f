// `casemate probe`: our probe program as the app of the sandbox. It comes as a sealed descriptor, so that the image needs
// nothing in it; what it tries and what must come of it is decided here, from the plan.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "launch/owned_process.h"
#include "launch/supervise.h"
#include "proof/probe_report.h"
#include "runtime/app.h"
#include "runtime/directories.h"
#include "runtime/probe_props.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

constexpr size_t program_limit = size_t{16} << 20;
constexpr int output_deadline_ms = 120000;

Result<Fd> sealed_program(const std::string& path) {
    const Fd file = TRY_IN(quoted(path), sys::open(path.c_str(), O_RDONLY));
    const std::string text = TRY_IN(quoted(path), sys::read_all(file, program_limit));
    constexpr unsigned mfd_exec = 0x10;  // [6.3]
    auto made = sys::memfd("casemate-probe", MFD_ALLOW_SEALING | mfd_exec);
    if (!made) made = sys::memfd("casemate-probe", MFD_ALLOW_SEALING);
    if (!made) return made;
    Fd program = std::move(made).take();
    TRY(sys::write_all(program, text));
    if (::fchmod(program.get(), 0555) < 0) return Error::sys("fchmod");
    if (::fcntl(program.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) return Error::sys("fcntl F_ADD_SEALS");
    return program;
}

// Without a SOURCE: an empty root file system, in which only the plan's mounts are.
Result<std::string> empty_root(Site& site) {
    const std::string data = TRY(site.make_data());
    const std::string root = data + "/root";
    if (::mkdir(root.c_str(), 0755) < 0 || ::chmod(root.c_str(), 0755) < 0) return Error::sys("mkdir").within(quoted(root));
    return "rootfs:" + root;
}

Result<std::string> read_output(const Fd& reader, const launch::Running& running) {
    std::string output;
    char buffer[8192];
    while (true) {
        auto ready = sys::wait_readable(reader, output_deadline_ms);
        if (!ready) {
            (void)sys::pidfd_send_signal(running.pidfd, SIGKILL).operator bool();
            return std::move(ready).take_error().within("the probe said nothing for two minutes");
        }
        const ssize_t count = ::read(reader.get(), buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return Error::sys("read");
        if (count == 0) return output;
        output.append(buffer, static_cast<size_t>(count));
        if (output.size() > program_limit) return Error::invalid("the probe said more than 16 MiB");
    }
}

}  // namespace

Result<ProbeOutcome> probe(const Settings& settings, const LaunchOptions& wanted, const std::string& format, bool colour) {
    const auto report_format = proof::report_format(format);
    if (!report_format) return Error::invalid(concat("--format ", quoted(format), ": text, json, tap or junit"));
    launch::SignalGate gate = TRY(launch::SignalGate::close());
    LaunchOptions options = wanted;
    const std::string id = TRY(random_id());
    Site site = TRY(Site::open(settings, id));
    if (options.source.empty()) options.source = TRY(empty_root(site));
    options.command = {"casemate-probe"};
    App app = TRY(prepare_app(settings, options, site, {.own_root = true}));
    const std::string program = TRY(find_libexec(settings, "casemate-probe"));
    const std::string own_root = wanted.source.empty() || app.source.unpacked ? app.plan.mounts().root.path : std::string();
    const uint32_t root_uid = app.plan.mounts().root.shifted ? app.plan.ids().owner_uid : 0;
    const ProbeProps props = TRY_IN("probe", make_probe_props(*site.listeners, id, own_root, program, root_uid));
    const std::vector<proof::ProbeCheck> checks = proof::probe_checks(app.plan, app.profile, props.context);
    app.config.process->args = proof::probe_arguments(checks);
    app.plan = TRY(plan::compile(app.config, app.profile, app.facts, app.request));

    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return Error::sys("pipe2");
    Fd reader(ends[0]), writer(ends[1]);
    launch::Options start;
    start.signal_mask = gate.mask_before();
    start.signals = gate.fd();
    start.program = TRY(sealed_program(program));
    start.stdio[0] = TRY(sys::open("/dev/null", O_RDONLY));
    start.stdio[1] = TRY(sys::duplicate(writer));
    start.stdio[2] = std::move(writer);
    for (const launch::InheritedListener& listener : site.listeners->inherited()) start.inherited.push_back(TRY(sys::duplicate(listener.fd)));
    Fd pidfd;  // taken while a failure still ends the launch
    start.before_go = [&](const launch::Waiting& waiting) -> Result<void> {
        pidfd = TRY(sys::duplicate(waiting.pidfd));
        TRY(verify_waiting(waiting));
        site.record().cgroups = waiting.group.paths();
        return site.write();
    };
    launch::Running running = TRY(launch::start(app.plan, std::move(start)));
    launch::OwnedProcess owner(running.pid, std::move(pidfd));
    const std::string output = TRY(read_output(reader, running));
    TRY(launch::supervise(app.plan, running, gate, {}));
    (void)owner.release();  // reaped

    const proof::ProbeReport report{app.plan.profile_name(), proof::judge_probe(checks, output), app.plan.waivers()};
    return ProbeOutcome{proof::to_text(report, *report_format, false, colour), report.exit_status() != 0};
}

}  // namespace casemate::runtime

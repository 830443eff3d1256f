#include "runtime/hooks.h"

#include <fcntl.h>

#include "base/log.h"
#include "base/text.h"
#include "runtime/containers.h"
#include "runtime/exec.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

constexpr const char* file_name = "hooks.json";
constexpr size_t size_limit = size_t{4} << 20;  // that of config.json

sigset_t own_mask() {
    sigset_t mask;
    ::sigprocmask(SIG_BLOCK, nullptr, &mask);
    return mask;
}

}  // namespace

Hooks::Hooks(oci::Hooks hooks, const Record& record, const sigset_t& signal_mask, FdView signals)
    : hooks_(std::move(hooks)), signal_mask_(signal_mask), signals_(signals) {
    state_.id = record.id;
    state_.bundle = record.bundle;
    state_.annotations = record.annotations;
}

Hooks::Hooks(Hooks&& other) noexcept
    : hooks_(std::move(other.hooks_)), state_(std::move(other.state_)), signal_mask_(other.signal_mask_), signals_(other.signals_),
      due_(std::exchange(other.due_, false)) {}

Hooks::~Hooks() {
    if (!due_) return;
    // What went wrong before may be on its way out: a hook that fails now is a warning and no more (runtime.md, step 13), and
    // the next ones still run.
    launch::HookRun run = run_with(oci::Status::stopped, 0);
    run.signals = -1;
    for (const oci::Hook& hook : hooks_.poststop)
        if (const auto done = launch::run_hooks("poststop", {hook}, run); !done) log(LogLevel::warning, done.error().text());
}

Result<Hooks> Hooks::load(const RecordFile& file, const Record& record) {
    oci::Hooks hooks;
    auto text = sys::read_file(file.directory(), file_name, size_limit);
    if (!text && text.error().code() != ENOENT) return std::move(text).take_error().within(file_name);
    if (text) hooks = TRY(oci::parse_hooks(text.value()));
    return Hooks(std::move(hooks), record, own_mask(), -1);
}

Result<void> Hooks::save(const RecordFile& file) const {
    oci::Hooks later;
    later.start_container = hooks_.start_container;
    later.poststart = hooks_.poststart;
    later.poststop = hooks_.poststop;
    if (later.empty()) return {};
    const Fd written = TRY_IN(file_name, sys::openat2(file.directory(), file_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0, 0600));
    TRY_IN(file_name, sys::write_all(written, oci::to_json(later)));
    return {};
}

launch::HookRun Hooks::run_with(oci::Status status, pid_t pid) const {
    oci::State state = state_;
    state.status = status;
    state.pid = pid;
    launch::HookRun run;
    run.state = oci::to_json(state);
    run.directory = state_.bundle;
    run.signal_mask = signal_mask_;
    run.signals = signals_;
    return run;
}

Result<void> Hooks::run_mounted(const launch::Waiting& container) {
    // A part of `start` until runtime-spec 1.0.2 moved it, and read by hooks of that time.
    TRY(launch::run_hooks("prestart", hooks_.prestart, run_with(oci::Status::created, container.pid)));
    launch::HookRun run = run_with(oci::Status::creating, container.pid);
    TRY(launch::run_hooks("createRuntime", hooks_.create_runtime, run));
    if (hooks_.create_container.empty()) return {};
    const launch::Surroundings inside = TRY(launch::surroundings_of(container.proc, container.pid, container.pidfd));
    run.inside = &inside;
    return launch::run_hooks("createContainer", hooks_.create_container, run);
}

Result<void> Hooks::run_start_container(const RecordFile& file) {
    if (hooks_.start_container.empty()) return {};
    Record record = TRY(file.read());
    Fd process = TRY(live_process(record));
    const Target target = TRY(open_target(file, std::move(record), std::move(process)));
    launch::HookRun run = run_with(oci::Status::created, target.record.pid);
    run.make = [&](const oci::Hook& hook, FdView state, FdView output) { return start_hook(target, hook, state, output, run); };
    return launch::run_hooks("startContainer", hooks_.start_container, run);
}

Result<void> Hooks::run_poststart(pid_t pid) { return launch::run_hooks("poststart", hooks_.poststart, run_with(oci::Status::running, pid)); }

}  // namespace casemate::runtime

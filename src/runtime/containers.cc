// state, list, kill, delete, gc: what happens to containers that exist. Identity is the record's pid and start time; a
// pid that was reused is not the container (SECURITY 3.E).
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "base/text.h"
#include "oci/signal.h"
#include "runtime/containers.h"
#include "runtime/create.h"
#include "runtime/directories.h"
#include "runtime/hooks.h"
#include "runtime/notify.h"
#include "runtime/record.h"
#include "runtime/runtime.h"
#include "runtime/site.h"
#include "sys/call.h"

namespace casemate::runtime {

Result<oci::Status> status_of(const RecordFile& file, const Record& record, bool alive) {
    if (alive) return is_frozen(record) ? oci::Status::paused : waits_for_start(file) ? oci::Status::created : oci::Status::running;
    const bool starting = record.pid == 0 && TRY(is_alive(record.supervisor, record.supervisor_start));
    return starting ? oci::Status::creating : oci::Status::stopped;
}

Result<oci::State> state_of(const RecordFile& file, const Record& record) {
    oci::State state;
    state.id = record.id;
    const bool alive = TRY(is_alive(record.pid, record.start_time));
    state.status = TRY(status_of(file, record, alive));
    state.pid = alive ? record.pid : 0;
    state.bundle = record.bundle;
    state.rootfs = record.rootfs;
    state.created = record.created;
    state.owner = ::geteuid() == 0 ? "root" : std::to_string(::geteuid());
    state.annotations = record.annotations;
    return state;
}

Result<RecordFile> file_of(const Settings& settings, const std::string& id) {
    const std::string root = TRY(state_root(settings));
    return RecordFile::open(root, id);
}

Result<Fd> live_process(const Record& record) {
    auto pidfd = pidfd_of(record.pid, record.start_time);
    if (!pidfd) return std::move(pidfd).take_error();
    if (!pidfd.value()) return Error::with_code(ESRCH, "container not running");
    return pidfd;
}

Result<Fd> pidfd_of(pid_t pid, uint64_t start_time) {
    if (pid <= 0) return Fd();
    auto pidfd = sys::pidfd_open(pid);
    if (!pidfd && pidfd.error().code() == ESRCH) return Fd();
    // Checked after the pidfd holds it: then the pid can no longer be somebody else's.
    if (pidfd && !TRY(is_alive(pid, start_time))) return Fd();
    return pidfd;
}

namespace {

Result<Record> record_of(const Settings& settings, const std::string& id) { return TRY(file_of(settings, id)).read(); }

// Kills and waits for the end, by pidfd; the reaping is its parent's.
Result<void> end_process(const Record& record) {
    const Fd process = TRY(pidfd_of(record.pid, record.start_time));
    if (!process) return {};
    auto killed = sys::pidfd_send_signal(process, SIGKILL);
    if (!killed && killed.error().code() != ESRCH) return killed;
    TRY(thaw_if_frozen(record));
    return sys::wait_readable(process, 10000);
}

Result<void> remove_record(const Settings& settings, const std::string& root, const std::string& id) {
    RecordFile file = TRY(RecordFile::open(root, id));
    TRY(file.lock());
    const auto record = file.read();
    if (!record && !is_broken(record.error())) return record.error();
    if (!record) return file.remove();
    auto hooks = Hooks::load(file, record.value());
    if (!hooks) log(LogLevel::warning, concat("poststop hooks are not run: ", hooks.error().text()));
    TRY(remove_leftovers(settings, record.value()));
    TRY(file.remove());
    if (hooks) hooks.value().container_exists();  // it did: poststop is due when `hooks` goes
    return {};
}

}  // namespace

Result<oci::State> state(const Settings& settings, const std::string& id) {
    const RecordFile file = TRY(file_of(settings, id));
    return state_of(file, TRY(file.read()));
}

Result<std::vector<oci::State>> list(const Settings& settings) {
    const std::string root = TRY(state_root(settings));
    std::vector<oci::State> states;
    for (const std::string& id : TRY(RecordFile::ids(root))) {
        auto found = state(settings, id);
        // Removed meanwhile, or by no one but --force.
        if (!found && is_broken(found.error())) continue;
        states.push_back(TRY(std::move(found)));
    }
    return states;
}

namespace {

// A started app whose caller wants to hear that it is ready.
struct Unready {
    launch::Notifier notifier;
    Fd process;
    pid_t pid = 0;
};

Result<std::optional<Unready>> let_through(const Settings& settings, const std::string& id) {
    const RecordFile file = TRY(file_of(settings, id));
    TRY(file.lock());
    const Record record = TRY(file.read());
    const oci::Status status = TRY(state_of(file, record)).status;
    if (status == oci::Status::stopped) return Error::with_code(EINVAL, concat("cannot start container ", quoted(id), " that has stopped"));
    if (status != oci::Status::created) return Error::with_code(EINVAL, concat("cannot start container ", quoted(id), ": it is already ", oci::name_of(status)));
    Hooks hooks = TRY(Hooks::load(file, record));
    const std::string root = TRY(state_root(settings));
    auto notifier = TRY(open_notifier(concat(root, "/", id, "/notify")));
    Fd process = TRY(live_process(record));
    // A hook that fails is fatal, poststart since runtime-spec 1.3: the container ends, and `delete` runs poststop.
    const auto or_end = [&](Result<void> told) -> Result<void> {
        if (!told) TRY(end_process(record));
        return told;
    };
    TRY(or_end(hooks.run_start_container(file)));
    TRY(pass_start_gate(file, record.program));
    TRY(or_end(hooks.run_poststart(record.pid)));
    if (!notifier) return std::optional<Unready>();
    return std::optional<Unready>(Unready{std::move(*notifier), std::move(process), record.pid});
}

}  // namespace

Result<void> start(const Settings& settings, const std::string& id) {
    auto unready = TRY(let_through(settings, id));
    // Without the container's lock: it may be deleted meanwhile.
    return unready ? unready->notifier.await_ready(unready->pid, unready->process) : Result<void>();
}

// Whatever is in its group, also after its first process has ended (a container in the host's pid namespace).
Result<void> signal_all(const Record& record, int signal) {
    const cgroup::Group group = TRY(group_of(record));
    if (signal == SIGKILL) return group.kill_all();
    std::vector<std::pair<pid_t, Fd>> opened;
    for (const pid_t pid : TRY(group.processes()))
        if (auto pidfd = sys::pidfd_open(pid)) opened.emplace_back(pid, std::move(pidfd).take());
        else if (pidfd.error().code() != ESRCH) return std::move(pidfd).take_error();
    // What is still there once its pidfd is held is the container's: a number that was reused between is not.
    const std::vector<pid_t> still = TRY(group.processes());
    for (const auto& [pid, pidfd] : opened) {
        if (!std::binary_search(still.begin(), still.end(), pid)) continue;
        auto sent = sys::pidfd_send_signal(pidfd, signal);
        if (!sent && sent.error().code() != ESRCH) return sent;
    }
    return {};
}

Result<void> kill(const Settings& settings, const std::string& id, int signal, bool all) {
    const Record record = TRY(record_of(settings, id));
    if (all && !record.cgroups.empty()) return signal_all(record, signal);
    const Fd process = TRY(live_process(record));
    auto sent = sys::pidfd_send_signal(process, signal);
    if (!sent && sent.error().code() == ESRCH) return Error::with_code(ESRCH, "container not running");
    if (sent && signal == SIGKILL) TRY(thaw_if_frozen(record));
    return sent;
}

Result<void> remove(const Settings& settings, const std::string& id, bool force) {
    const std::string root = TRY(state_root(settings));
    auto file = RecordFile::open(root, id);
    if (!file) {
        // `delete --force` of an unknown id is no error (CONTRACT 1.4).
        if (force && file.error().code() == ENOENT) return {};
        return std::move(file).take_error();
    }
    const auto record = file.value().read();
    if (!record && !(force && is_broken(record.error()))) return record.error();
    if (record) {
        const oci::State now = TRY(state_of(file.value(), record.value()));
        // One that was never started is ended, as runc and crun do: containerd deletes such a task without --force.
        const bool idle = now.status == oci::Status::stopped || now.status == oci::Status::created;
        if (!idle && !force)
            return Error::with_code(EBUSY, concat("cannot delete container ", quoted(id), " that is not stopped: ", oci::name_of(now.status))).hint("stop it first, or use --force");
        // One that is only being made has no process yet: its launcher is ended instead.
        const Fd supervisor = TRY(pidfd_of(record.value().supervisor, record.value().supervisor_start));
        if (supervisor && record.value().pid == 0) TRY(sys::pidfd_send_signal(supervisor, SIGKILL));
        TRY(end_process(record.value()));
        // A supervisor that lives takes everything away itself; it is given the time to.
        if (supervisor) TRY_IN("waiting for the launcher", sys::wait_readable(supervisor, 10000));
    }
    auto again = RecordFile::open(root, id);
    if (!again && again.error().code() == ENOENT) return {};
    return remove_record(settings, root, id);
}

Result<std::vector<std::string>> gc(const Settings& settings) {
    const std::string root = TRY(state_root(settings));
    std::vector<std::string> removed;
    for (const std::string& id : TRY(RecordFile::ids(root))) {
        const auto record = record_of(settings, id);
        if (!record && !is_broken(record.error())) return record.error();
        if (record) {
            const Record& known = record.value();
            if (known.until_deleted) continue;
            if (TRY(is_alive(known.pid, known.start_time)) || TRY(is_alive(known.supervisor, known.supervisor_start))) continue;
        }
        TRY_IN(quoted(id), remove_record(settings, root, id));
        removed.push_back(id);
    }
    for (std::string& path : TRY(RecordFile::remove_unborn(root))) removed.push_back(std::move(path));
    for (std::string& path : TRY(remove_unowned_data(settings))) removed.push_back(std::move(path));
    return removed;
}

}  // namespace casemate::runtime

// The relay's life: cloned by the host, confined, then only its event loop. Fail closed: the host hears "serving" only
// after the last restriction, and through the filter; every failure before it ends the relay with its text.
#include "launch/relay.h"

#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "launch/companion.h"
#include "launch/relay_confinement.h"
#include "launch/relay_loop.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::launch {
namespace {

constexpr unsigned own_descriptors = 32;  // all but the connections: listeners, pidfd, lifeline, epoll, standard ones

// What the relay tells the host, once.
struct Report {
    int32_t code = 0;  // 0: serving
    char text[500] = {};
};

Result<void> send_report(FdView channel, const Report& report) {
    // The very flags that the filter allows.
    if (::send(channel.get(), &report, sizeof report, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof report)
        return Error::sys("send");
    return {};
}

Result<size_t> limit_connections(const RelaySpec& spec) {
    const size_t reserved = own_descriptors + spec.listeners.size();
    const uint64_t hard = TRY(sys::get_limit(RLIMIT_NOFILE)).second;
    const uint64_t limit = std::min<uint64_t>(hard, reserved + 2 * size_t{spec.max_connections});
    if (limit < reserved + 2)
        return Error::invalid(concat("RLIMIT_NOFILE ", hard, " leaves no descriptor for a connection"));
    TRY(sys::set_limit(0, RLIMIT_NOFILE, limit, limit));
    TRY(sys::set_limit(0, RLIMIT_CORE, 0, 0));
    return static_cast<size_t>((limit - reserved) / 2);
}

// Everything before the first connection. The host has heard of it when this returns without an error.
Result<RelayLoop> prepare(const RelaySpec& spec, FdView channel) {
    std::vector<int> kept = {channel.get(), spec.init.get(), spec.lifeline.get()};
    std::vector<RelayLoop::Listener> listeners;
    for (const RelayListener& listener : spec.listeners) {
        kept.push_back(listener.fd.get());
        listeners.push_back({listener.fd, listener.container_port});
    }
    TRY(become_companion("casemate-relay", std::move(kept)));
    const size_t connections = TRY_IN("limits", limit_connections(spec));
    TRY_IN("network namespace",
           sys::setns(spec.init, spec.mode == plan::Mode::rootless ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET));
    RelayLoop loop =
        TRY(RelayLoop::make(std::move(listeners), spec.init, spec.lifeline, connections, spec.proxy_protocol));
    TRY(confine_relay(spec));
    // Only now, and through the filter: the host may believe it.
    TRY(send_report(channel, {}));
    ::close(channel.get());
    return loop;
}

[[noreturn]] void relay_main(const RelaySpec& spec, FdView channel) {
    Result<RelayLoop> loop = prepare(spec, channel);
    // Without destructors: they would call what the filter forbids.
    if (loop) ::_exit(loop.value().run() ? 0 : 1);
    Report report;
    report.code = loop.error().code() > 0 ? loop.error().code() : EINVAL;
    const std::string& text = loop.error().text();
    std::memcpy(report.text, text.data(), std::min(text.size(), sizeof report.text - 1));
    // When even this fails, the host sees the end of the channel, which is as good.
    ::_exit(send_report(channel, report) ? 125 : 124);
}

// The relay's one message, its death, or the deadline.
Result<void> await_report(FdView channel, OwnedProcess& relay, int timeout_ms) {
    pollfd watched{channel.get(), POLLIN, 0};
    int ready = 0;
    do ready = ::poll(&watched, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return Error::sys("poll");
    if (ready == 0) return Error::with_code(ETIMEDOUT, concat("not ready within ", timeout_ms, " ms"));
    Report report;
    const ssize_t size = ::recv(channel.get(), &report, sizeof report, MSG_DONTWAIT);
    if (size < 0) return Error::sys("recv");
    if (size != sizeof report) {
        relay.kill_and_reap();
        return Error::with_code(ECHILD, concat("ended before it served: ", relay.status_text()));
    }
    report.text[sizeof report.text - 1] = '\0';
    if (report.code != 0) return Error::with_code(report.code, report.text);
    return {};
}

Result<void> check_spec(const RelaySpec& spec) {
    if (spec.listeners.empty()) return Error::invalid("no listener");
    if (spec.filter.empty()) return Error::invalid("no seccomp filter");
    if (spec.max_connections == 0) return Error::invalid("no connection allowed");
    if (!spec.ids && spec.mode != plan::Mode::rootless) return Error::invalid("an id of its own is missing");
    if (spec.ids && spec.mode != plan::Mode::rootless && (spec.ids->uid == 0 || spec.ids->gid == 0))
        return Error::invalid("it may not run as root");
    return {};
}

}  // namespace

Result<OwnedProcess> start_relay(const RelaySpec& spec) {
    TRY(check_spec(spec));
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return Error::sys("socketpair");
    Fd host_end(ends[0]), relay_end(ends[1]);
    sys::Cloned cloned = TRY(sys::clone3(0));
    if (cloned.pid == 0) relay_main(spec, relay_end);
    OwnedProcess relay(cloned.pid, std::move(cloned.pidfd));
    relay_end.reset();
    TRY(await_report(host_end, relay, spec.ready_timeout_ms));
    TRY(check_relay(relay.pid(), spec));
    return relay;
}

Result<void> check_relay(pid_t pid, const RelaySpec& spec) {
    const sys::Procfs procfs = TRY(sys::Procfs::host());
    const std::string text = TRY(procfs.read(concat(pid, "/status")));
    const sys::Status status = TRY(sys::parse_status(text));
    const auto wrong = [](std::string_view what) { return Error::with_code(EPERM, concat("read back: ", what)); };
    if (status.cap_effective || status.cap_permitted || status.cap_inheritable || status.cap_ambient)
        return wrong("it holds capabilities");
    if (status.cap_bounding) return wrong("its bounding set is not empty");
    if (!status.no_new_privs) return wrong("no_new_privs is not set");
    if (status.seccomp_mode != 2) return wrong("it has no seccomp filter");
    for (const std::vector<uint32_t>* ids : {&status.uids, &status.gids})
        for (const uint32_t id : *ids)
            if (id == 0) return wrong("it runs as root");
    if (spec.mode == plan::Mode::rootless) return {};  // the container's ids are not the reader's
    const auto all_are = [](const std::vector<uint32_t>& ids, uint32_t wanted) {
        return ids.size() == 4 && std::count(ids.begin(), ids.end(), wanted) == 4;
    };
    if (!all_are(status.uids, spec.ids->uid) || !all_are(status.gids, spec.ids->gid))
        return wrong("its ids are not its own");
    if (!status.groups.empty()) return wrong("it has supplementary groups");
    return {};
}

}  // namespace casemate::launch

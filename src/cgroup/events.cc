#include "cgroup/events.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::cgroup {
namespace {

constexpr size_t file_max = size_t{1} << 16;

int64_t now_ms() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

// From the start, which also arms the next announcement (kernfs).
Result<std::string> reread(FdView file) {
    std::string text(file_max, '\0');
    const ssize_t count = ::pread(file.get(), text.data(), text.size(), 0);
    if (count < 0) return Error::sys("pread");
    text.resize(static_cast<size_t>(count));
    return text;
}

Result<Fd> open_file(FdView directory, const char* file, int flags = O_RDONLY) {
    const int fd = ::openat(directory.get(), file, flags | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return Error::sys(concat("open ", file));
    return Fd(fd);
}

bool is_gone(const Error& error) { return error.code() == ENODEV || error.code() == ENOENT; }

Result<int> poll_for(pollfd* polled, nfds_t count, int timeout_ms) {
    const int ready = ::poll(polled, count, timeout_ms);
    if (ready < 0 && errno != EINTR) return Error::sys("poll");
    return ready;
}

}  // namespace

Deadline::Deadline(int timeout_ms) : end_ms_(now_ms() + timeout_ms) {}
int Deadline::left_ms() const { return static_cast<int>(std::max<int64_t>(end_ms_ - now_ms(), 0)); }

std::optional<uint64_t> keyed_value(std::string_view text, std::string_view key) {
    for (const std::string_view line : split(text, '\n'))
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
            return parse_decimal(line.substr(key.size() + 1));
    return std::nullopt;
}

Result<void> wait_for_event(FdView directory, std::string_view key, uint64_t value, const Deadline& deadline) {
    const auto file = open_file(directory, "cgroup.events");
    if (!file && is_gone(file.error()) && value == 0) return {};
    if (!file) return Error(file.error());
    while (true) {
        const auto text = reread(file.value());
        if (!text && is_gone(text.error()) && value == 0) return {};
        if (!text) return Error(text.error());
        if (keyed_value(text.value(), key) == value) return {};
        if (deadline.over())
            return Error::with_code(ETIMEDOUT, concat("cgroup.events does not say '", key, " ", value, "'"));
        pollfd polled{file.value().get(), POLLPRI, 0};
        TRY(poll_for(&polled, 1, deadline.left_ms()));
    }
}

Result<std::optional<uint64_t>> oom_kills(const Group& group) {
    const Group::Member* memory = group.holding("memory");
    if (!memory) return std::optional<uint64_t>();
    const char* file = memory->version == Version::v2 ? "memory.events" : "memory.oom_control";
    const std::string text = TRY_IN(file, sys::read_file(memory->fd, file, file_max));
    return keyed_value(text, "oom_kill");
}

Result<OomWatch> OomWatch::make(const Group& group) {
    const Group::Member* memory = group.holding("memory");
    if (!memory)
        return Error::with_code(ENOENT,
                                "cgroup controller 'memory' is not available: out-of-memory events cannot be seen");
    OomWatch watch;
    watch.version_ = memory->version;
    watch.directory_ = TRY(sys::duplicate(memory->fd));
    watch.seen_ = TRY(oom_kills(group)).value_or(0);
    if (watch.version_ == Version::v2) {
        watch.events_ = TRY(open_file(memory->fd, "memory.events"));
        watch.populated_ = TRY(open_file(memory->fd, "cgroup.events"));
        return watch;
    }
    const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0) return Error::sys("eventfd");
    watch.events_ = Fd(event);
    const Fd control = TRY(open_file(memory->fd, "memory.oom_control"));
    TRY_IN("cgroup.event_control",
           sys::write_file(memory->fd, "cgroup.event_control", concat(event, " ", control.get())));
    return watch;
}

short OomWatch::poll_events() const { return version_ == Version::v2 ? POLLPRI : POLLIN; }

Result<OomWatch::News> OomWatch::wait(int timeout_ms) {
    const Deadline deadline(timeout_ms);
    while (true) {
        const char* file = version_ == Version::v2 ? "memory.events" : "memory.oom_control";
        const auto text = version_ == Version::v2 ? reread(events_) : sys::read_file(directory_, file, file_max);
        if (!text && is_gone(text.error())) return News::ended;
        if (!text) return Error(text.error()).within(file);
        const uint64_t kills = keyed_value(text.value(), "oom_kill").value_or(0);
        if (kills > seen_) {
            seen_ = kills;
            return News::oom;
        }
        if (version_ == Version::v2) {
            const auto events = reread(populated_);
            if (!events && is_gone(events.error())) return News::ended;
            if (!events) return Error(events.error()).within("cgroup.events");
            const bool populated = keyed_value(events.value(), "populated") == uint64_t{1};
            if (was_populated_ && !populated) return News::ended;
            was_populated_ = populated;
        }
        if (timeout_ms >= 0 && deadline.over()) return News::nothing;
        pollfd polled[2] = {{events_.get(), poll_events(), 0},
                            {populated_.get(), POLLPRI, 0}};
        TRY(poll_for(polled, version_ == Version::v2 ? 2 : 1, timeout_ms < 0 ? -1 : deadline.left_ms()));
        uint64_t signalled = 0;
        // The eventfd also tells of the group's removal: the next look at the file says which it was.
        if (version_ == Version::v1 && ::read(events_.get(), &signalled, sizeof signalled) < 0 && errno != EAGAIN)
            return Error::sys("read eventfd");
    }
}

}  // namespace casemate::cgroup

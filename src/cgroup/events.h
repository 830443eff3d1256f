// What the kernel announces about a group: empty or frozen (cgroup.events), out of memory. Waited for with poll(2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "cgroup/group.h"

namespace casemate::cgroup {

// The monotonic clock by which a whole operation is bounded, however many waits it has.
class Deadline {
public:
    explicit Deadline(int timeout_ms);
    int left_ms() const;  // never negative
    bool over() const { return left_ms() == 0; }

private:
    int64_t end_ms_;
};

// The number after `key` in lines of "key number"; nothing when it is not there.
std::optional<uint64_t> keyed_value(std::string_view text, std::string_view key);

// Waits until cgroup.events (v2) says `key value`; ETIMEDOUT. A group that is gone is empty and not frozen.
Result<void> wait_for_event(FdView directory, std::string_view key, uint64_t value, const Deadline& deadline);

// How often the OOM killer killed in this group or below; nothing without the memory controller.
Result<std::optional<uint64_t>> oom_kills(const Group& group);

// Tells of OOM kills: memory.events on v2, an eventfd of memory.oom_control on v1 [OOM counter: 4.13].
class OomWatch {
public:
    static Result<OomWatch> make(const Group& group);

    enum class News : uint8_t { oom, ended, nothing };
    // Until something is new: an OOM, or the group's end (v2: no processes left; v1: the group removed). `nothing`
    // after `timeout_ms` (negative: for ever).
    Result<News> wait(int timeout_ms);
    // For a poll(2) of one's own; whatever it announces, wait(0) says what is new.
    FdView fd() const { return events_; }
    short poll_events() const;

private:
    Version version_ = Version::v2;
    Fd directory_, events_, populated_;  // v1: events_ is the eventfd
    uint64_t seen_ = 0;
    bool was_populated_ = false;
};

}  // namespace casemate::cgroup

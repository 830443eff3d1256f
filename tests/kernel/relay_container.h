// A container's network for the relay's tests: a process in a network namespace of its own that serves a few ports on
// its loopback, each with a behaviour of its own. It stands in for init: its pidfd is what the relay watches.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "base/fd.h"

namespace relay_test {

enum Port : uint16_t {
    echo = 7,         // sends back what comes, then its own end
    sink = 9,         // accepts and never reads
    flood = 19,       // sends flood_size bytes as fast as it may, then ends
    peer = 79,        // says the address it was connected from, and ends
    answer = 80,      // reads to the end, then sends the same number of bytes of pattern()
    first_talk = 81,  // sends answer_first bytes and ends, then reads to the end
    reset = 82,       // resets the connection at the first byte
    only_ipv6 = 83,   // as `peer`, but listens on [::1] only
    silent = 84,      // nobody listens
    last_words = 85,  // sends 1 MiB and then the whole container dies
};
constexpr size_t flood_size = size_t{32} << 20;
constexpr size_t answer_first = size_t{3} << 20;
char pattern(size_t position);

// What the server counts, in memory that both processes see.
struct Counters {
    std::atomic<uint64_t> flooded{0}, resets_seen{0}, read_before_end{0}, open{0}, most_open{0};
};

enum class Kind { root, root_userns, rootless };
constexpr uint32_t userns_base = 1'000'000'000;  // of root_userns: a range that nobody here uses

class Container {
public:
    explicit Container(Kind kind = Kind::root);
    ~Container();
    Container(const Container&) = delete;
    Container& operator=(const Container&) = delete;
    bool ready() const { return ready_; }
    pid_t pid() const { return pid_; }
    casemate::FdView pidfd() const { return pidfd_; }
    Counters& counters() const { return *counters_; }
    void kill();

private:
    pid_t pid_ = -1;
    casemate::Fd pidfd_;
    Counters* counters_ = nullptr;
    bool ready_ = false;
};

}  // namespace relay_test

// The host's side of the relay's tests: a listener on a free loopback port, a running relay, and plain clients.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "kernel/relay_container.h"
#include "launch/relay.h"

namespace relay_test {

// A sanitizer calls the kernel on its own (sigaltstack at the end of a process) and takes memory of its own: what the
// filter and the memory bounds say of the relay holds for the other builds.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

constexpr casemate::launch::RelayIds host_ids{365'000, 365'000};

struct Listening {
    casemate::Fd fd;
    uint16_t port = 0;
};
// On 127.0.0.1 (or ::1), a port that the kernel chooses, non-blocking.
Listening listen_anywhere(bool ipv6 = false);

// A container, a listener for one of its ports, the lifeline, and a spec that is right in every field.
struct Published {
    explicit Published(uint16_t container_port, Kind kind = Kind::root);
    Container container;
    Listening listening;
    casemate::Fd lifeline_read, lifeline_write;
    casemate::launch::RelaySpec spec;
    // Starts the relay; false (with `error`) when it did not.
    bool start();
    casemate::launch::OwnedProcess relay;
    std::string error;
};

casemate::Fd connect_to(uint16_t port, bool ipv6 = false);
bool send_whole(const casemate::Fd& socket, std::string_view bytes);
// To the end, or at most `limit` bytes, or `timeout_ms` without a byte. `error`: errno of the last recv (EAGAIN:
// timeout).
std::string receive(const casemate::Fd& socket, size_t limit, int timeout_ms, int* error = nullptr);
std::string pattern_text(size_t size);
void close_with_reset(casemate::Fd socket);
// Waits until `holds` is true, at most `timeout_ms`.
template <typename F>
bool becomes_true(int timeout_ms, F holds);

// A line of /proc/PID/status, without its name: "0\t0\t0\t0".
std::string status_line(pid_t pid, const std::string& name);
size_t rss_kib(pid_t pid);
std::vector<int> descriptors(pid_t pid);

void sleep_ms(int ms);

template <typename F>
bool becomes_true(int timeout_ms, F holds) {
    for (int waited = 0; waited <= timeout_ms; waited += 5) {
        if (holds()) return true;
        sleep_ms(5);
    }
    return false;
}

}  // namespace relay_test

// The relay's event loop: edge-triggered epoll over the listeners, the connections, init's pidfd and the lifeline.
//
// Edge-triggered, because then a connection that waits for nothing costs nothing and a hang-up cannot spin; what is
// left over after a bounded turn stands on a list of the loop's own. Listeners are level-triggered and leave the set
// while the table is full: the kernel's backlog then holds new clients back.
//
// After make() the loop allocates nothing and needs only the calls of plan/relay_filter.cc.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "launch/relay_connection.h"

namespace casemate::launch {

class RelayLoop {
public:
    struct Listener {
        FdView fd;
        uint16_t container_port = 0;
    };
    // `lifeline` may be -1. `capacity`: connections at once.
    static Result<RelayLoop> make(std::vector<Listener> listeners, FdView init, FdView lifeline, size_t capacity,
                                  bool proxy_protocol);
    // Serves until init has ended or the lifeline is closed. An error: epoll itself failed.
    Result<void> run();

private:
    RelayLoop(Fd epoll, RelayBuffers buffers, std::vector<Listener> listeners, size_t capacity, bool proxy_protocol);
    Result<void> watch(FdView fd, uint32_t events, uint64_t tag);
    bool set_listening(bool on);
    void accept_some(const Listener& listener);
    void start(Fd outside, uint16_t container_port, const sockaddr_storage& client);
    bool connect_inside(uint32_t number);
    bool connected(uint32_t number);
    void happened(uint64_t tag, uint32_t events);
    void queue(uint32_t number);
    void work();
    void end(uint32_t number, bool reset);
    // True: init has ended or the lifeline is closed.
    Result<bool> take_events(int timeout_ms, bool accepting);
    Result<void> finish();
    bool say_client(uint32_t number, const sockaddr_storage& client);

    Fd epoll_;
    RelayBuffers buffers_;
    std::vector<Listener> listeners_;
    std::vector<RelayConnection> table_;
    uint32_t free_ = 0;              // list of unused places
    uint32_t first_ = 0, last_ = 0;  // list of connections with work
    size_t live_ = 0;
    bool listening_ = false;
    bool starved_ = false;  // the host has no descriptor or memory for a socket: try again soon
    bool proxy_protocol_;
};

}  // namespace casemate::launch

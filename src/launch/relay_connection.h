// One connection of the relay: two sockets, and in each direction at most 64 KiB that the other side did not take yet.
//
// Half-close is kept: the end of one direction is passed on as shutdown(SHUT_WR) and the other goes on. Memory is
// bounded by construction: the places are mapped before the confinement, nothing is allocated after it, and a place's
// pages go back to the kernel when it is empty.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::launch {

enum class Side : uint8_t { outside, inside };
constexpr Side other(Side side) { return side == Side::outside ? Side::inside : Side::outside; }

// The places for what is kept: one for each direction of each connection, untouched (and so without memory) until used.
class RelayBuffers {
public:
    static constexpr size_t place_size = 64 * 1024;
    static Result<RelayBuffers> map(size_t connections);
    RelayBuffers(RelayBuffers&& other) noexcept;
    RelayBuffers& operator=(RelayBuffers&&) = delete;
    ~RelayBuffers();
    std::span<char> place(size_t connection, Side from) const;
    void give_back(size_t connection, Side from) const;

private:
    RelayBuffers(char* memory, size_t size) : memory_(memory), size_(size) {}
    char* memory_;
    size_t size_;
};

class RelayConnection {
public:
    enum class State : uint8_t { unused, connecting, connected };
    enum class Progress : uint8_t { waiting, more, finished, failed };

    State state = State::unused;
    bool queued = false;     // on the loop's list of those with work
    bool over_ipv6 = false;  // the inside socket goes to [::1]
    uint16_t container_port = 0;
    uint32_t generation = 1;  // of this place in the table: tells a late event from one of now
    uint32_t next = 0;        // the loop's lists

    Fd& socket(Side side) { return sockets_[index(side)]; }
    void open(Fd outside, uint16_t port);
    // Puts bytes in front of what comes from `from` (the PROXY header). The place must be empty.
    void preload(Side from, std::span<char> place, std::string_view bytes);
    // Events only say who may have work; whether there is work, recv and send say.
    void note(Side side, uint32_t epoll_events);
    bool failed(Side side) const { return ends_[index(side)].error; }
    // Has the place of what comes from `from` been written to?
    bool touched(Side from) const { return flows_[index(from)].touched; }
    // The app's side has ended, and all of it was passed on.
    bool answered() const { return flows_[index(Side::inside)].shut; }
    // Moves what can be moved, a bounded number of times, so that one busy connection does not starve the others.
    Progress pump(const RelayBuffers& buffers, size_t connection);
    // Both sockets go: with a reset where the connection failed, in order when it ended.
    void close(bool reset);

private:
    struct End {
        bool readable = false, writable = false, error = false;
    };
    struct Flow {
        uint32_t begin = 0, end = 0;  // what is kept, in its place
        bool eof = false, shut = false, touched = false;
        bool empty() const { return begin == end; }
    };
    static size_t index(Side side) { return static_cast<size_t>(side); }
    Progress pump(Side from, std::span<char> place);
    Progress send_kept(Side from, std::span<char> place);
    Progress receive(Side from, std::span<char> place);
    std::array<Fd, 2> sockets_;
    std::array<End, 2> ends_;
    std::array<Flow, 2> flows_;  // by the side the bytes come from
};

}  // namespace casemate::launch

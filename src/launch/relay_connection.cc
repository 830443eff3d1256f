#include "launch/relay_connection.h"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>

namespace casemate::launch {
namespace {

constexpr int rounds_at_once = 16;  // 1 MiB a turn

// Bytes between recv and send. One for all: the loop is one thread, and most bytes are taken at once.
char passing[RelayBuffers::place_size];

}  // namespace

Result<RelayBuffers> RelayBuffers::map(size_t connections) {
    const size_t size = connections * 2 * place_size;
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return Error::sys("mmap");
    // Huge pages would make 2 MiB of one kept byte.
    if (::madvise(memory, size, MADV_NOHUGEPAGE) != 0 && errno != EINVAL) {
        const Error error = Error::sys("madvise MADV_NOHUGEPAGE");
        ::munmap(memory, size);
        return error;
    }
    return RelayBuffers(static_cast<char*>(memory), size);
}

RelayBuffers::RelayBuffers(RelayBuffers&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), size_(other.size_) {}

RelayBuffers::~RelayBuffers() {
    if (memory_) ::munmap(memory_, size_);
}

std::span<char> RelayBuffers::place(size_t connection, Side from) const {
    return {memory_ + (connection * 2 + static_cast<size_t>(from)) * place_size, place_size};
}

void RelayBuffers::give_back(size_t connection, Side from) const {
    // Cannot fail on a private mapping of ours; if it did, the memory would be used again by the place's next user.
    ::madvise(place(connection, from).data(), place_size, MADV_DONTNEED);
}

void RelayConnection::open(Fd outside, uint16_t port) {
    sockets_[index(Side::outside)] = std::move(outside);
    container_port = port;
    over_ipv6 = false;
    ends_ = {};
    flows_ = {};
    state = State::connecting;
}

void RelayConnection::preload(Side from, std::span<char> place, std::string_view bytes) {
    Flow& flow = flows_[index(from)];
    std::memcpy(place.data(), bytes.data(), bytes.size());
    flow.begin = 0;
    flow.end = static_cast<uint32_t>(bytes.size());
    flow.touched = true;
}

void RelayConnection::note(Side side, uint32_t events) {
    End& end = ends_[index(side)];
    // A hang-up or an error is seen by the next recv or send: what came before it is still delivered.
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) end.readable = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) end.writable = true;
    if (events & EPOLLERR) end.error = true;
}

RelayConnection::Progress RelayConnection::send_kept(Side from, std::span<char> place) {
    Flow& flow = flows_[index(from)];
    End& to = ends_[index(other(from))];
    if (!to.writable) return Progress::waiting;
    const ssize_t sent = ::send(sockets_[index(other(from))].get(), place.data() + flow.begin, flow.end - flow.begin,
                                MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) return Progress::failed;
        to.writable = false;
        return Progress::waiting;
    }
    flow.begin += static_cast<uint32_t>(sent);
    if (flow.empty()) flow.begin = flow.end = 0;
    return Progress::more;
}

// Reads, and sends on at once what the other side takes; only the rest is copied to the place.
RelayConnection::Progress RelayConnection::receive(Side from, std::span<char> place) {
    Flow& flow = flows_[index(from)];
    End& end = ends_[index(from)];
    if (!end.readable) return Progress::waiting;
    const ssize_t got = ::recv(sockets_[index(from)].get(), passing, sizeof passing, MSG_DONTWAIT);
    if (got < 0) {
        if (errno != EAGAIN) return Progress::failed;
        end.readable = false;
        return Progress::waiting;
    }
    if (got == 0) {
        flow.eof = true;
        return Progress::more;
    }
    const size_t size = static_cast<size_t>(got);
    ssize_t sent = ::send(sockets_[index(other(from))].get(), passing, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) return Progress::failed;
        ends_[index(other(from))].writable = false;
        sent = 0;
    }
    const size_t rest = size - static_cast<size_t>(sent);
    if (rest == 0) return Progress::more;
    preload(from, place, {passing + sent, rest});
    return Progress::more;
}

RelayConnection::Progress RelayConnection::pump(Side from, std::span<char> place) {
    Flow& flow = flows_[index(from)];
    for (int round = 0; round < rounds_at_once; ++round) {
        Progress progress;
        if (!flow.empty()) {
            progress = send_kept(from, place);
        } else if (flow.shut) {
            return Progress::finished;
        } else if (flow.eof) {
            if (::shutdown(sockets_[index(other(from))].get(), SHUT_WR) != 0) return Progress::failed;
            flow.shut = true;
            return Progress::finished;
        } else {
            progress = receive(from, place);
        }
        if (progress != Progress::more) return progress;
    }
    return Progress::more;
}

RelayConnection::Progress RelayConnection::pump(const RelayBuffers& buffers, size_t connection) {
    std::array<Progress, 2> said{};
    for (const Side from : {Side::inside, Side::outside}) {
        Progress& progress = said[index(from)] = pump(from, buffers.place(connection, from));
        Flow& flow = flows_[index(from)];
        if (flow.touched && flow.empty() && progress != Progress::more) {
            buffers.give_back(connection, from);
            flow.touched = false;
        }
    }
    const auto either = [&](Progress wanted) { return said[0] == wanted || said[1] == wanted; };
    if (either(Progress::failed)) return Progress::failed;
    if (either(Progress::more)) return Progress::more;
    if (said[0] == Progress::finished && said[1] == Progress::finished) return Progress::finished;
    // Nothing more can be moved now, and one side is broken: waiting for the other would be in vain.
    if (failed(Side::outside) || failed(Side::inside)) return Progress::failed;
    return Progress::waiting;
}

void RelayConnection::close(bool reset) {
    for (Fd& socket : sockets_) {
        if (!socket.valid()) continue;
        const linger at_once{1, 0};
        if (reset) ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        socket.reset();
    }
    state = State::unused;
    if (++generation == 0) generation = 1;  // 0 marks the tags that are no connection's
}

}  // namespace casemate::launch

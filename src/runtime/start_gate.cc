// The gate between `create` and `start`.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "base/text.h"
#include "launch/wire.h"
#include "runtime/create.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

constexpr char go_name[] = "go", said_name[] = "said";

// Opened for both directions: neither side ever waits for the other in open(2), and the end of the stub's descriptor is
// the end of the last writer.
Result<Fd> make_fifo(FdView directory, const char* name) {
    if (::mkfifoat(directory.get(), name, 0600) < 0) return Error::sys("mkfifoat").within(quoted(name));
    return TRY_IN(quoted(name), sys::openat2(directory, name, O_RDWR | O_NOFOLLOW, 0));
}

Result<void> await(const Fd& fifo, short events) {
    pollfd waiting{fifo.get(), events, 0};
    int ready;
    do ready = ::poll(&waiting, 1, -1);
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return Error::sys("poll");
    return {};
}

// What the stub said before its descriptor closed: nothing, when the app runs.
Result<void> await_exec(const Fd& said, const std::string& program) {
    TRY(await(said, POLLIN));
    launch::StubMessage message{};
    const ssize_t size = ::read(said.get(), &message, sizeof message);
    if (size < 0) return Error::sys("read").within("what the container says");
    if (size == 0) return {};
    if (size != sizeof message || message.letter != static_cast<char>(launch::Letter::cannot_execute))
        return Error::invalid("a message of unknown form from the container");
    return launch::cannot_execute(program, message.number);
}

}  // namespace

Result<steps::StartGate> make_start_gate(const RecordFile& file) {
    steps::StartGate gate;
    gate.go = TRY(make_fifo(file.directory(), go_name));
    gate.said = TRY(make_fifo(file.directory(), said_name));
    return gate;
}

bool waits_for_start(const RecordFile& file) {
    return sys::openat2(file.directory(), go_name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW, 0).operator bool();
}

Result<void> pass_start_gate(const RecordFile& file, const std::string& program) {
    // The reader first: once the stub has said something and ended, its words would be gone with the last reader.
    const Fd said = TRY(sys::openat2(file.directory(), said_name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0));
    const Fd go = TRY(sys::openat2(file.directory(), go_name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW, 0));
    struct stat status {};
    if (::fstat(go.get(), &status) < 0 || !S_ISFIFO(status.st_mode)) return Error::invalid("the start gate is no fifo");
    TRY(sys::write_all(go, std::string_view("g")));
    TRY(await_exec(said, program));
    // By the reader of "go" the others tell a created container from a running one, and execve(2) may close it last:
    // POLLERR, which is never asked for, says that it has gone.
    return await(go, 0);
}

}  // namespace casemate::runtime

// The launcher. Everything is in the rooms; see cli/dispatch.cc for the way of a command line, cli/launch.cc for the
// main job.
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/dispatch.h"

namespace {

// A caller may have closed 0, 1 or 2: what we open next must not become one of them. And what it left open beyond them
// is its own: nothing that we execute inherits it (CVE-2024-21626).
bool settle_descriptors() {
    pollfd streams[3] = {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}};
    if (::poll(streams, 3, 0) < 0) return false;
    for (const pollfd& stream : streams)
        if ((stream.revents & POLLNVAL) && ::open("/dev/null", O_RDWR) != stream.fd) return false;
    constexpr unsigned cloexec = 4;  // CLOSE_RANGE_CLOEXEC [5.11]
    return ::syscall(SYS_close_range, 3U, ~0U, cloexec) == 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (!settle_descriptors()) {
        ::dprintf(2, "casemate: descriptors of the caller: %s\n", ::strerror(errno));
        return 125;
    }
    return casemate::cli::run_command_line({argv, static_cast<size_t>(argc)});
}

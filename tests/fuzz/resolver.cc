// The path resolver against chroot(2): in a tree made of the input, a path leads sys::Root to the very file that it leads
// a chrooted process to. Needs root; where the two may differ (the errno), both must refuse.
// rooms: sys
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/fd.h"
#include "sys/call.h"
#include "sys/removal.h"
#include "sys/root.h"

using namespace casemate;

namespace {

struct Seen {
    bool found = false;
    uint64_t inode = 0;
    bool operator==(const Seen&) const = default;
};

std::string base;
int oracle = -1;

// Asks for a path, answers with what it leads to.
[[noreturn]] void answer(int socket) {
    if (::chroot(base.c_str()) != 0 || ::chdir("/") != 0) ::_exit(1);
    char path[4096];
    while (true) {
        const ssize_t size = ::read(socket, path, sizeof path - 1);
        if (size <= 0) ::_exit(0);
        path[size] = '\0';
        Seen seen;
        struct stat status {};
        const int fd = ::open(path, O_PATH | O_CLOEXEC);
        if (fd >= 0 && ::fstat(fd, &status) == 0) seen = {true, status.st_ino};
        if (fd >= 0) ::close(fd);
        if (::write(socket, &seen, sizeof seen) != static_cast<ssize_t>(sizeof seen)) ::_exit(1);
    }
}

void start() {
    char name[] = "/tmp/casemate-fuzz-XXXXXX";
    if (!::mkdtemp(name)) std::abort();
    base = std::string(name) + "/root";
    ::mkdir(base.c_str(), 0755);
    // Something outside that a wrong resolver would find.
    for (const char* one : {"/a", "/b", "/etc"}) ::mkdir((std::string(name) + one).c_str(), 0755);
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) std::abort();
    if (::fork() == 0) {
        ::close(pair[0]);  // else it would never see the end
        answer(pair[1]);
    }
    ::close(pair[1]);
    oracle = pair[0];
    std::atexit([] { ::close(oracle); });
}

const char* const names[] = {"a", "b", "c", "..", "."};
// A path of up to six of these names, absolute or not.
std::string path_of(const uint8_t*& data, const uint8_t* end) {
    std::string path = data < end && (*data & 0x80) != 0 ? "/" : "";
    const int parts = data < end ? 1 + (*data++ & 7) % 6 : 1;
    for (int i = 0; i < parts; ++i) {
        const uint8_t byte = data < end ? *data++ : 0;
        path += std::string(i > 0 ? "/" : "") + names[byte % 5] + ((byte & 0x40) != 0 ? "/" : "");
    }
    return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (oracle < 0) start();
    const uint8_t* const end = data + size;
    const auto directory = sys::open(base.c_str(), O_RDONLY | O_DIRECTORY);
    const auto status = directory ? sys::fstat(directory.value()) : sys::fstat(FdView(-1));
    if (!status || !sys::remove_children(directory.value(), status.value().st_dev, [](uint64_t, std::string_view) { return false; }))
        std::abort();
    for (int i = 0; i < 12 && data < end; ++i) {
        const uint8_t kind = *data++;
        std::string where = "/a";
        // Made inside the chroot's own view: no ".." here.
        for (int depth = 1 + kind % 3; depth-- > 1;) where += std::string("/") + names[(kind >> (2 * depth)) % 3];
        const std::string full = base + where;
        if ((kind & 0x80) != 0)
            (void)::symlink(path_of(data, end).c_str(), full.c_str());
        else if ((kind & 0x40) != 0)
            ::close(::open(full.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
        else
            (void)::mkdir(full.c_str(), 0755);
    }
    auto copy = sys::duplicate(directory.value());
    if (!copy) std::abort();
    const sys::Root root = sys::Root::adopt(std::move(copy).take());
    for (int i = 0; i < 8; ++i) {
        const std::string path = path_of(data, end);
        Seen expected, seen;
        // libFuzzer's alarm, for inputs that hang, may interrupt a wait.
        if (TEMP_FAILURE_RETRY(::write(oracle, path.data(), path.size())) != static_cast<ssize_t>(path.size())) std::abort();
        if (TEMP_FAILURE_RETRY(::read(oracle, &expected, sizeof expected)) != static_cast<ssize_t>(sizeof expected)) std::abort();
        if (const auto found = root.resolve(path, true)) {
            const auto target = sys::fstat(found.value());
            if (!target) std::abort();
            seen = {true, target.value().st_ino};
        }
        if (!(seen == expected)) {
            std::fprintf(stderr, "%s: root %d %llu, chroot %d %llu\n", path.c_str(), seen.found,
                         static_cast<unsigned long long>(seen.inode), expected.found,
                         static_cast<unsigned long long>(expected.inode));
            std::abort();
        }
    }
    return 0;
}

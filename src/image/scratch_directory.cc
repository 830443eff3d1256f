#include "image/scratch_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <memory>

#include "base/text.h"
#include "image/removal.h"
#include "sys/call.h"

namespace casemate::image {

void remove_stale(FdView parent) {
    Fd copy(::openat(parent.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::unique_ptr<DIR, int (*)(DIR*)> stream(copy ? ::fdopendir(copy.release()) : nullptr, ::closedir);
    if (!stream) return;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string name = entry->d_name;
        if (!name.starts_with(scratch_prefix)) continue;
        const Fd stale(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        struct stat status {};
        if (!stale || ::fstat(stale.get(), &status) != 0 || status.st_uid != ::geteuid()) continue;
        if (::flock(stale.get(), LOCK_EX | LOCK_NB) != 0) continue;
        // Left over either way; the unpacking at hand does not depend on it.
        static_cast<void>(remove_scratch(parent, name));
    }
}

namespace {

// The directory, opened and locked; no descriptor when somebody takes it for a stale one and removes it.
Result<Fd> claim(FdView parent, const char* name) {
    auto opened = sys::openat2(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (!opened && opened.error().code() == ENOENT) return Fd();
    Fd fd = TRY(std::move(opened));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return errno == EWOULDBLOCK ? Result<Fd>(Fd()) : Error::sys("flock");
    if (TRY(sys::fstat(fd)).st_nlink == 0) return Fd();
    return fd;
}

}  // namespace

Result<ScratchDirectory> make_scratch(FdView parent) {
    for (int attempt = 0; attempt < 16; ++attempt) {
        uint64_t number = 0;
        if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
            return Error::sys("getrandom");
        ScratchDirectory scratch{concat(scratch_prefix, number), {}};
        const char* name = scratch.name.c_str();
        if (::mkdirat(parent.get(), name, 0700) != 0)
            return Error::sys("mkdirat").hint("the destination must lie in a directory that this user may write to");
        auto claimed = claim(parent, name);
        if (claimed && claimed.value()) {
            scratch.fd = std::move(claimed).take();
            return scratch;
        }
        ::unlinkat(parent.get(), name, AT_REMOVEDIR);
        if (!claimed) return std::move(claimed).take_error();
    }
    return Error::with_code(EAGAIN, "no scratch directory in 16 attempts");
}

}  // namespace casemate::image

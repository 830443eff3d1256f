#include "launch/companion.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>

#include "sys/call.h"

namespace casemate::launch {
namespace {

Result<void> use_null_for_standard() {
    const Fd null = TRY(sys::open("/dev/null", O_RDWR));
    for (const int standard : {0, 1, 2})
        if (::dup2(null.get(), standard) < 0) return Error::sys("dup2");
    return {};
}

Result<void> close_all_but(std::vector<int> kept) {
    std::erase_if(kept, [](int fd) { return fd < 0; });
    std::sort(kept.begin(), kept.end());
    if (!kept.empty() && kept.front() <= 2) return Error::invalid("a descriptor to keep is a standard one");
    TRY_IN("'/dev/null'", use_null_for_standard());
    unsigned next = 3;
    for (const int fd : kept) {
        const unsigned number = static_cast<unsigned>(fd);
        if (number > next) TRY(sys::close_range(next, number - 1));
        next = number + 1;
    }
    return sys::close_range(next, ~0U);
}

}  // namespace

Result<void> become_companion(const char* name, std::vector<int> kept) {
    sigset_t every;
    ::sigfillset(&every);
    if (::sigprocmask(SIG_SETMASK, &every, nullptr) != 0) return Error::sys("sigprocmask");
    if (::setsid() < 0) return Error::sys("setsid");
    if (::chdir("/") != 0) return Error::sys("chdir");
    TRY(sys::prctl(PR_SET_NAME, reinterpret_cast<unsigned long>(name), "prctl PR_SET_NAME"));
    TRY_IN("descriptors", close_all_but(std::move(kept)));
    return {};
}

Result<void> empty_bounding_set() {
    for (unsigned long capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0UL, 0UL, 0UL) >= 0; ++capability)
        TRY(sys::prctl(PR_CAPBSET_DROP, capability, "prctl PR_CAPBSET_DROP"));
    return {};
}

}  // namespace casemate::launch

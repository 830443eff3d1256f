#include "support/in_child.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::test {
namespace {

constexpr int deadline_ms = 60000;

bool mdwe_known() { return ::prctl(66, 0UL, 0UL, 0UL, 0UL) >= 0; }  // PR_GET_MDWE [6.3]

bool user_namespaces_work() {
    return in_child<int>([](int& made) { made = ::unshare(CLONE_NEWUSER) == 0; }).value_or(0) != 0;
}

bool has_capability(int capability) {
    const auto sets = sys::capget();
    return sets && (sets.value().effective >> capability & 1);
}

}  // namespace

bool run_in_child(int namespaces, const std::function<void(void*)>& act, void* out, size_t size) {
    void* shared = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return false;
    const pid_t child = ::fork();
    if (child == 0) {
        if (namespaces != 0 && ::unshare(namespaces) != 0) ::_exit(2);
        act(shared);
        ::_exit(0);
    }
    bool came = false;
    if (child > 0) {
        const auto pidfd = sys::pidfd_open(child);
        if (!pidfd || !sys::wait_readable(pidfd.value(), deadline_ms)) ::kill(child, SIGKILL);
        int status = 0;
        while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        came = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    if (came) std::memcpy(out, shared, size);
    ::munmap(shared, size);
    return came;
}

bool needs(Need need) {
    const char* name = "";
    bool present = false;
    switch (need) {
        case Need::root: name = "root", present = ::geteuid() == 0; break;
        case Need::userns: name = "userns", present = user_namespaces_work(); break;
        case Need::landlock: name = "landlock", present = sys::landlock_abi() > 0; break;
        case Need::mdwe: name = "mdwe", present = mdwe_known(); break;
        case Need::sys_resource: name = "sys_resource", present = has_capability(CAP_SYS_RESOURCE); break;
    }
    if (!present) MESSAGE("SKIP: needs ", std::string(name));
    return present;
}

bool become_user(unsigned uid) {
    return ::setgroups(0, nullptr) == 0 && ::setresgid(uid, uid, uid) == 0 && ::setresuid(uid, uid, uid) == 0 &&
           ::prctl(PR_SET_DUMPABLE, 1) == 0;
}

}  // namespace casemate::test

// Runs a program on a kernel that lacks a system call: a seccomp filter answers it with ENOSYS, as an older one would.
//
//   security_without_call CALL[,CALL...] -- COMMAND ARG...   (CALL none: a filter that forbids nothing)
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {

struct Named {
    const char* name;
    unsigned number;
};

constexpr Named calls[] = {
#define CALL(name) {#name, SYS_##name}
    CALL(openat2), CALL(mount_setattr), CALL(close_range), CALL(clone3), CALL(landlock_create_ruleset), CALL(landlock_add_rule),
    CALL(landlock_restrict_self), CALL(statx), CALL(open_tree), CALL(move_mount), CALL(fsopen), CALL(fsconfig), CALL(fsmount), CALL(pidfd_open),
    CALL(pidfd_send_signal), CALL(memfd_create), CALL(execveat), CALL(faccessat2), CALL(renameat2), CALL(getrandom), CALL(keyctl), CALL(seccomp),
#undef CALL
};

const Named* find(const char* name) {
    for (const Named& call : calls)
        if (std::strcmp(call.name, name) == 0) return &call;
    return nullptr;
}

}  // namespace

int main(int count, char** words) {
    if (count < 4 || std::strcmp(words[2], "--") != 0) return std::fputs("usage: security_without_call CALL[,CALL...] -- COMMAND\n", stderr), 125;
    std::vector<sock_filter> filter{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const char* name = std::strtok(words[1], ","); name; name = std::strtok(nullptr, ",")) {
        if (std::strcmp(name, "none") == 0) continue;
        const Named* const call = find(name);
        if (!call) return std::fprintf(stderr, "security_without_call: '%s'?\n", name), 125;
        filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->number, 0, 1));
        filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
    }
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    // Root may without no_new_privs, which would change what the launcher can do.
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return std::perror("security_without_call: seccomp"), 125;
    ::execvp(words[3], words + 3);
    return std::perror("security_without_call: execvp"), 127;
}

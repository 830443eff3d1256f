#include "launch/stage.h"

#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/text.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

namespace casemate::launch {
namespace {

// The only thing a stage says: init's pid, with its pidfd, or why there is none.
struct StageMessage {
    pid_t pid = -1;
    int code = 0;  // errno
    char text[500] = {};
};

Result<void> join(const NamespaceFile& joined) {
    TRY_IN(concat("join ", joined.type, " namespace"), sys::setns(joined.file, joined.flag));
    return {};
}

bool is_left_to_init(const Birth& birth, int flag) { return flag == CLONE_NEWCGROUP && !(birth.new_namespaces & CLONE_NEWUSER); }

// In two rounds around the user namespace: what it does not own must be joined with the rights that are left behind, and
// what only it owns with those that it gives (runc's order).
Result<void> join_all(const Birth& birth) {
    const auto user = std::ranges::find_if(birth.joins, [](const NamespaceFile& file) { return file.flag == CLONE_NEWUSER; });
    std::vector<const NamespaceFile*> later;
    for (const NamespaceFile& file : birth.joins) {
        if (file.flag == CLONE_NEWUSER || is_left_to_init(birth, file.flag)) continue;
        auto joined = join(file);
        if (joined) continue;
        if (user == birth.joins.end() || joined.error().code() != EPERM) return joined;
        later.push_back(&file);
    }
    if (user != birth.joins.end()) TRY(join(*user));
    for (const NamespaceFile* file : later) TRY(join(*file));
    return {};
}

Result<void> set_affinity(std::span<const unsigned> cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const unsigned cpu : cpus) CPU_SET(cpu, &set);
    if (::sched_setaffinity(0, sizeof set, &set) < 0) return Error::sys("sched_setaffinity").within("process.execCPUAffinity.initial");
    return {};
}

Result<sys::Cloned> join_and_clone(const Birth& birth) {
    if (!birth.cpus.empty()) TRY(set_affinity(birth.cpus));
    if (birth.process_namespaces) TRY_IN("join the container's namespaces", sys::setns(FdView(birth.process), birth.process_namespaces));
    TRY(join_all(birth));
    return sys::clone3(birth.new_namespaces | CLONE_PARENT, birth.cgroup);
}

void say(FdView socket, const StageMessage& said, FdView pidfd) {
    iovec payload{const_cast<StageMessage*>(&said), sizeof said};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &payload;
    message.msg_iovlen = 1;
    if (pidfd.get() >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        const int number = pidfd.get();
        std::memcpy(CMSG_DATA(header), &number, sizeof number);
    }
    while (::sendmsg(socket.get(), &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

// The stage itself. Gives back pid 0, in init only.
sys::Cloned run_stage(const Birth& birth, FdView socket) {
    auto made = join_and_clone(birth);
    if (made && made.value().pid == 0) return std::move(made).take();
    StageMessage said;
    if (made) {
        said.pid = made.value().pid;
        say(socket, said, made.value().pidfd);
    } else {
        said.code = made.error().code();
        const std::string& text = made.error().text();
        std::memcpy(said.text, text.data(), std::min(text.size(), sizeof said.text - 1));
        say(socket, said, -1);
    }
    ::_exit(made ? 0 : 125);
}

// An init whose pidfd did not arrive: it waits for a word of ours still, and is our unreaped child, so the pid is its own.
void end_init(pid_t pid) {
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) {
    }
}

Result<sys::Cloned> hear(FdView socket) {
    StageMessage said;
    iovec payload{&said, sizeof said};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &payload;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t size;
    do size = ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size < 0) return Error::sys("recvmsg").within("stage");
    if (size != sizeof said) return Error::invalid("the stage ended without a word");
    if (said.code != 0) return Error::with_code(said.code, std::string(said.text, ::strnlen(said.text, sizeof said.text)));
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int))) {
        end_init(said.pid);
        return Error::from_errno(EMFILE, "receive init's pidfd");
    }
    sys::Cloned made;
    made.pid = said.pid;
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    made.pidfd = Fd(number);
    return made;
}

}  // namespace

int namespace_flag(std::string_view type) {
    constexpr std::pair<std::string_view, int> flags[] = {
        {"pid", CLONE_NEWPID},     {"mount", CLONE_NEWNS}, {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS},
        {"network", CLONE_NEWNET}, {"user", CLONE_NEWUSER}, {"time", CLONE_NEWTIME}, {"cgroup", CLONE_NEWCGROUP}};
    for (const auto& [name, flag] : flags)
        if (name == type) return flag;
    return 0;
}

Result<void> join_cgroup_namespace(const Birth& birth) {
    if (birth.cgroup_namespace >= 0) return sys::setns(FdView(birth.cgroup_namespace), CLONE_NEWCGROUP);
    for (const NamespaceFile& file : birth.joins)
        if (is_left_to_init(birth, file.flag)) return sys::setns(file.file, file.flag);
    return {};
}

Result<sys::Cloned> make_init(const Birth& birth) {
    if (!birth.needs_stage()) return sys::clone3(birth.new_namespaces, birth.cgroup);
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return Error::sys("socketpair");
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    const pid_t stage = ::fork();
    if (stage < 0) return Error::sys("fork");
    if (stage == 0) return run_stage(birth, theirs);
    theirs.reset();
    auto made = hear(ours);
    while (::waitpid(stage, nullptr, 0) < 0 && errno == EINTR) {
    }
    return made;
}

}  // namespace casemate::launch

#include "launch/stage.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "base/text.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

namespace casemate::launch {
namespace {

// The only thing a stage says, in a page that it shares with the host: init's pid, or why there is none.
struct StageMessage {
    pid_t pid = -1;
    int code = 0;  // errno
    char text[500] = {};
};

class SharedMessage {
public:
    static Result<SharedMessage> make() {
        void* const page = ::mmap(nullptr, sizeof(StageMessage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) return Error::sys("mmap");
        return SharedMessage(new (page) StageMessage);
    }
    StageMessage& operator*() const { return *message_; }
    StageMessage* operator->() const { return message_.get(); }

private:
    struct Unmap {
        void operator()(StageMessage* message) const { ::munmap(message, sizeof *message); }
    };
    explicit SharedMessage(StageMessage* message) : message_(message) {}
    std::unique_ptr<StageMessage, Unmap> message_;
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

// The stage itself. Gives back pid 0, in init only.
sys::Cloned run_stage(const Birth& birth, StageMessage& said) {
    auto made = join_and_clone(birth);
    if (made && made.value().pid == 0) return std::move(made).take();
    if (made) {
        said.pid = made.value().pid;
    } else {
        const std::string& text = made.error().text();
        std::memcpy(said.text, text.data(), std::min(text.size(), sizeof said.text - 1));
        said.code = made.error().code();
    }
    ::_exit(made ? 0 : 125);
}

// A user namespace changes whether the memory may be dumped (commit_creds), and a time namespace refuses one that is
// shared (EUSERS): such a stage gets a copy.
bool may_share_memory(const Birth& birth) {
    constexpr int of_memory = CLONE_NEWUSER | CLONE_NEWTIME;
    return !(birth.process_namespaces & of_memory) && std::ranges::none_of(birth.joins, [](const NamespaceFile& file) { return (file.flag & of_memory) != 0; });
}

// vfork(2): the caller stands still until the stage has ended, and no page tables are copied. Init returns from here, too,
// in its own copy of the memory; the stage never does. A function of its own, so that no variable of a caller lives across
// the vfork. No signal: a handler of the caller's would run in the stage.
[[gnu::noinline]] pid_t stage_in_shared_memory(const Birth& birth, StageMessage& said) {
    sigset_t all, before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    const pid_t stage = ::vfork();
    if (stage == 0) run_stage(birth, said);
    else ::sigprocmask(SIG_SETMASK, &before, nullptr);
    return stage;
}

pid_t stage_in_own_memory(const Birth& birth, StageMessage& said) {
    const pid_t stage = ::fork();
    if (stage == 0) run_stage(birth, said);
    return stage;
}

Result<sys::Cloned> hear(const StageMessage& said) {
    if (said.code != 0) return Error::with_code(said.code, std::string(said.text, ::strnlen(said.text, sizeof said.text)));
    if (said.pid <= 0) return Error::invalid("the stage ended without a word");
    // Our child, and not reaped: the pid is its own. It waits for a word of ours.
    auto pidfd = sys::pidfd_open(said.pid);
    if (pidfd) return sys::Cloned{said.pid, std::move(pidfd).take()};
    ::kill(said.pid, SIGKILL);
    while (::waitpid(said.pid, nullptr, __WALL) < 0 && errno == EINTR) {
    }
    return std::move(pidfd).take_error();
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
    const SharedMessage said = TRY(SharedMessage::make());
    const pid_t stage = may_share_memory(birth) ? stage_in_shared_memory(birth, *said) : stage_in_own_memory(birth, *said);
    if (stage < 0) return Error::sys("fork");
    if (stage == 0) return sys::Cloned{0, {}};
    while (::waitpid(stage, nullptr, 0) < 0 && errno == EINTR) {
    }
    return hear(*said);
}

}  // namespace casemate::launch

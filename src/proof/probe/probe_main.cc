// casemate-probe: runs inside the sandbox as the app. argv is a list of KIND OBJECT pairs; for each, in order, one line
// "NUMBER SEEN" goes to standard output. Static, because the image may hold no library; handed over by descriptor,
// because it need not hold the probe either.
//
// Each act runs in a child of its own: what kills it (a seccomp filter, say) is its result, not the probe's end.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/text.h"
#include "proof/probe/act.h"

namespace casemate::probe {

namespace {

constexpr size_t seen_size = 4096;
constexpr unsigned act_seconds = 10;

const Act* find_act(std::string_view kind) {
    for (const auto acts : {file_acts(), memory_acts(), process_acts(), network_acts(), state_acts(), call_acts()}) {
        for (const Act& act : acts) {
            if (act.kind == kind) return &act;
        }
    }
    return nullptr;
}

// Runs one act; `shared` is memory that the child writes its result to.
std::string run(const Act& act, const std::string& object, char* shared) {
    shared[0] = '\0';
    const pid_t child = fork();
    if (child < 0) return "no child: " + failed();
    if (child == 0) {
        alarm(act_seconds);
        const std::string seen = act.run(object);
        std::memcpy(shared, seen.c_str(), std::min(seen.size(), seen_size - 1) + 1);
        shared[seen_size - 1] = '\0';
        _exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    if (WIFSIGNALED(status)) return concat("SIG", sigabbrev_np(WTERMSIG(status)));
    return shared[0] == '\0' ? "nothing" : shared;
}

int main_of(int argc, char** argv) {
    void* memory = mmap(nullptr, seen_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 1; i + 1 < argc; i += 2) {
        const Act* act = find_act(argv[i]);
        const std::string seen = act ? run(*act, argv[i + 1], static_cast<char*>(memory)) : "unknown act";
        const std::string line = concat(i / 2, ' ', printable(seen), '\n');
        if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return 1;
    }
    return 0;
}

}  // namespace

std::string child_outcome(pid_t child) {
    if (child < 0) return failed();
    int status = 0;
    while (waitpid(child, &status, __WALL) < 0) {
        if (errno != EINTR) return failed();
    }
    if (WIFSIGNALED(status)) return concat("SIG", sigabbrev_np(WTERMSIG(status)));
    return WEXITSTATUS(status) == child_ok ? "ok" : errno_name(WEXITSTATUS(status));
}

}  // namespace casemate::probe

int main(int argc, char** argv) { return casemate::probe::main_of(argc, argv); }

#include "runtime/libexec.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/fd.h"
#include "base/text.h"

namespace casemate::runtime {
namespace {

constexpr size_t answer_limit = size_t{64} << 20;

struct Pipe {
    Fd reader, writer;
    static Result<Pipe> make() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) < 0) return Error::sys("pipe2");
        return Pipe{Fd(ends[0]), Fd(ends[1])};
    }
};

std::vector<char*> pointers(std::vector<std::string>& list) {
    std::vector<char*> out;
    for (std::string& item : list) out.push_back(item.data());
    out.push_back(nullptr);
    return out;
}

std::vector<std::string> environment_of(const std::vector<std::string>& pass) {
    std::vector<std::string> list;
    bool has_path = false;
    for (const std::string& name : pass)
        if (const char* const value = ::getenv(name.c_str())) {
            list.push_back(concat(name, '=', value));
            has_path = has_path || name == "PATH";
        }
    if (!has_path) list.emplace_back("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
    return list;
}

Result<pid_t> spawn(const LibexecCall& call, int output, int complaints) {
    std::vector<std::string> words = call.words, environment = environment_of(call.pass);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    if (call.input < 0)
        ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    else
        ::posix_spawn_file_actions_adddup2(&actions, call.input, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, 1);
    ::posix_spawn_file_actions_adddup2(&actions, complaints, 2);
    // It handles signals itself: ours are blocked by now.
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    pid_t child = -1;
    const int failed = ::posix_spawn(&child, call.program.c_str(), &actions, &attributes, pointers(words).data(),
                                     pointers(environment).data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (failed != 0) return Error::from_errno(failed, call.program);
    return child;
}

// Appends what is there; false at the end.
Result<bool> take(const pollfd& from, std::string& to) {
    if (from.revents == 0) return true;
    char buffer[16384];
    const ssize_t count = ::read(from.fd, buffer, sizeof buffer);
    if (count < 0) return errno == EINTR ? Result<bool>(true) : Result<bool>(Error::sys("read"));
    if (to.size() + static_cast<size_t>(count) > answer_limit) return Error::with_code(EFBIG, "it says too much");
    to.append(buffer, static_cast<size_t>(count));
    return count > 0;
}

Result<void> listen_to(int output, int complaints, LibexecAnswer& answer) {
    pollfd waiting[2] = {{output, POLLIN, 0}, {complaints, POLLIN, 0}};
    while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
        if (::poll(waiting, 2, -1) < 0) {
            if (errno == EINTR) continue;
            return Error::sys("poll");
        }
        if (!TRY(take(waiting[0], answer.output))) waiting[0].fd = -1;
        if (!TRY(take(waiting[1], answer.complaints))) waiting[1].fd = -1;
    }
    return {};
}

}  // namespace

Error LibexecAnswer::failure(std::string_view name) const {
    std::string message, hint;
    const std::string prefix = concat(name, ": ");
    for (const std::string_view line : split(complaints, '\n')) {
        if (line.starts_with(prefix)) message = line.substr(prefix.size());
        if (line.starts_with("hint: ")) hint = line.substr(6);
    }
    if (message.empty()) message = concat(name, code > 128 ? " was ended by a signal, code " : " ended with code ", code);
    Error error = Error::invalid(printable(message));
    return hint.empty() ? error : std::move(error).hint(printable(hint));
}

Result<LibexecAnswer> run_libexec(const LibexecCall& call) {
    Pipe output = TRY(Pipe::make()), complaints = TRY(Pipe::make());
    const pid_t child = TRY(spawn(call, output.writer.get(), complaints.writer.get()));
    output.writer.reset();
    complaints.writer.reset();
    LibexecAnswer answer;
    const auto listened = listen_to(output.reader.get(), complaints.reader.get(), answer);
    // One that says too much must not wait for us.
    output.reader.reset();
    complaints.reader.reset();
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return Error::sys("waitpid");
    if (!listened) return Error(listened.error());
    answer.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return answer;
}

}  // namespace casemate::runtime

#include "runtime/detach.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::runtime {

Result<void> Started::report(const std::string&) {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return Error::sys("open").within("'/dev/null'");
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    ::close(null);
    TRY(sys::write_all(pipe_, "started\n"));
    pipe_.reset();
    return {};
}

// "failed CODE EXIT\nTEXT\nHINT": fields of an Error; texts have no newline but those of lists of errors.
void Started::fail(const Error& error) {
    if (!pipe_) return;
    const std::string text = concat("failed ", error.code(), " ", error.exit_code(), "\n", error.hint_text(), "\n", error.text());
    (void)sys::write_all(pipe_, text).operator bool();
    pipe_.reset();
}

namespace {

Error read_failure(std::string_view text, int status) {
    const auto lines = split(text, '\n');
    const auto words = split(lines[0], ' ');
    if (words.size() != 3 || words[0] != "failed" || lines.size() < 3)
        return Error::invalid(concat("the supervisor ended before the app ran (status ", status, ")"));
    const std::string_view message = text.substr(lines[0].size() + lines[1].size() + 2);
    Error error = Error::with_code(static_cast<int>(parse_decimal(words[1]).value_or(0)), std::string(message))
                      .exit_with(static_cast<int>(parse_decimal(words[2]).value_or(125)));
    return lines[1].empty() ? error : std::move(error).hint(std::string(lines[1]));
}

}  // namespace

Result<int> launch_detached(const std::function<Result<int>(Started&)>& job) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return Error::sys("pipe2");
    Fd reader(ends[0]), writer(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) return Error::sys("fork");
    if (child == 0) {
        // What the caller had open is the caller's: a lock or a pipe of its must not live on in us.
        const int pipe = writer.release();
        if (::setsid() < 0 || ::dup2(pipe, 3) < 0 || ::fcntl(3, F_SETFD, FD_CLOEXEC) < 0 || !sys::close_range(4, ~0U)) ::_exit(125);
        (void)reader.release();
        Started started(Fd(3));
        const auto done = job(started);
        if (!done) started.fail(done.error());
        ::_exit(done ? 0 : 125);
    }
    writer.reset();
    const std::string said = TRY(sys::read_all(reader, size_t{64} << 10));
    if (said == "started\n") return 0;
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return read_failure(said, status);
}

}  // namespace casemate::runtime

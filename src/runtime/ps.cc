// The table of `casemate ps`: what the host's own ps says of the container's processes.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"
#include "runtime/runtime.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

// What the host's ps prints. Its options are the user's: "aux", "-o pid,comm".
Result<std::string> ps_output(std::vector<std::string> options) {
    if (options.empty()) options = {"-ef"};
    std::vector<char*> argv;
    std::string name = "ps";
    argv.push_back(name.data());
    for (std::string& option : options) argv.push_back(option.data());
    argv.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return Error::sys("pipe2");
    Fd reader(ends[0]), writer(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) return Error::sys("fork");
    if (child == 0) {
        ::dup2(writer.get(), 1);
        for (const char* path : {"/usr/bin/ps", "/bin/ps"}) ::execv(path, argv.data());
        ::_exit(127);
    }
    writer.reset();
    auto text = sys::read_all(reader, size_t{64} << 20);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return Error::with_code(ENOENT, "ps: not found").hint("install procps, or use --format json");
    if (status != 0) return Error::invalid("ps failed");
    return text;
}

// Only the lines whose PID column names one of `pids`, below the heading (runc: ps.go).
Result<std::string> filtered(const std::string& output, const std::vector<pid_t>& pids) {
    const auto lines = split(output, '\n');
    const auto words = [](std::string_view line) {
        auto parts = split(line, ' ');
        std::erase(parts, std::string_view());
        return parts;
    };
    const auto heading = words(lines.front());
    const auto column = static_cast<size_t>(std::find(heading.begin(), heading.end(), "PID") - heading.begin());
    if (column == heading.size()) return Error::invalid("ps: the output has no column PID");
    std::string text = concat(lines.front(), '\n');
    for (const std::string_view line : std::span(lines).subspan(1)) {
        const auto cells = words(line);
        const auto pid = column < cells.size() ? parse_decimal(cells[column], INT32_MAX) : std::nullopt;
        if (pid && std::find(pids.begin(), pids.end(), static_cast<pid_t>(*pid)) != pids.end()) text += concat(line, '\n');
    }
    return text;
}

}  // namespace

Result<std::string> ps_table(const std::vector<pid_t>& pids, std::vector<std::string> options) {
    const std::string output = TRY(ps_output(std::move(options)));
    return filtered(output, pids);
}

}  // namespace casemate::runtime

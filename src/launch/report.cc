#include "launch/report.h"

#include <fcntl.h>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::launch {
namespace {

constexpr int log_wait_ms = 200;

uint64_t milliseconds(const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1000 + static_cast<uint64_t>(time.tv_usec) / 1000;
}

// The part up to the next ": ", which is taken off `text`.
std::string take_part(std::string_view& text) {
    const size_t colon = text.find(": ");
    std::string part(text.substr(0, colon));
    text = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 2);
    return part;
}

void explain_signal(ExitReport& report, bool out_of_memory, KernelLog& log, const Suspects& suspects) {
    report.cause = Cause::signal;
    if (report.signal == SIGXCPU || report.signal == SIGXFSZ) report.cause = Cause::limit;
    if (out_of_memory) report.cause = Cause::oom;
    else if (report.signal == SIGKILL && log.find_out_of_memory_kill(suspects, log_wait_ms)) report.cause = Cause::oom;
    if (report.signal != SIGSYS) return;
    report.cause = Cause::seccomp;
    const Result<SeccompKill> kill = log.find_seccomp_kill(suspects, log_wait_ms);
    if (kill)
        report.seccomp = kill.value();
    else
        report.seccomp_unknown = kill.error().text();
}

}  // namespace

std::string_view cause_name(Cause cause) {
    constexpr std::string_view names[] = {"exited", "signal", "seccomp", "oom", "timeout", "limit", "launcher"};
    return names[static_cast<size_t>(cause)];
}

ExitReport report_of(const std::string& id, pid_t pid, const Ending& ending, KernelLog& log, const Suspects& suspects) {
    ExitReport report;
    report.id = id;
    report.pid = pid;
    report.exit_code = ending.code;
    report.signal = ending.signal;
    report.wall_ms = ending.wall_ms;
    report.cpu_user_ms = milliseconds(ending.usage.ru_utime);
    report.cpu_system_ms = milliseconds(ending.usage.ru_stime);
    report.max_rss_kib = static_cast<uint64_t>(ending.usage.ru_maxrss);
    if (!ending.helper_lost.empty()) {
        report.cause = Cause::launcher;
        report.error = concat(ending.helper_lost, " ended before the app: the app was stopped");
        report.exit_code = 125;
    } else if (ending.timed_out) {
        report.cause = Cause::timeout;
    } else if (ending.signal != 0) {
        explain_signal(report, ending.out_of_memory, log, suspects);
    }
    return report;
}

ExitReport report_of(const std::string& id, pid_t pid, const Error& error) {
    ExitReport report;
    report.id = id;
    report.pid = pid;
    report.exit_code = error.exit_code();
    report.cause = Cause::launcher;
    report.error = error.text();
    std::string_view text = report.error;
    constexpr std::string_view mark = "phase ";
    const size_t begin = text.starts_with(mark) ? 0 : text.find(concat(": ", mark));
    if (begin == std::string_view::npos) return report;
    text = text.substr(text.find(mark, begin) + mark.size());
    report.phase = take_part(text);
    report.step = take_part(text);
    return report;
}

std::vector<pid_t> processes_of(pid_t init) {
    std::vector<pid_t> pids{init};
    const Result<Fd> file = sys::open(concat("/proc/", init, "/task/", init, "/children").c_str(), O_RDONLY);
    if (!file) return pids;
    const Result<std::string> text = sys::read_all(file.value(), 65536);
    if (!text) return pids;
    for (const std::string_view word : split(text.value(), ' '))
        if (const auto pid = parse_decimal(trimmed(word), INT32_MAX)) pids.push_back(static_cast<pid_t>(*pid));
    return pids;
}

}  // namespace casemate::launch

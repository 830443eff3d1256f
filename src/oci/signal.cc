#include "oci/signal.h"

#include <array>
#include <csignal>

#include "base/text.h"

namespace casemate::oci {
namespace {

struct Name {
    std::string_view text;
    int number;
};

// signal(7). Of two names of one number the first is printed. The numbers differ between architectures.
constexpr Name names[] = {
    {"HUP", SIGHUP},       {"INT", SIGINT},       {"QUIT", SIGQUIT}, {"ILL", SIGILL},     {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT},     {"IOT", SIGIOT},       {"BUS", SIGBUS},   {"FPE", SIGFPE},     {"KILL", SIGKILL},
    {"USR1", SIGUSR1},     {"SEGV", SIGSEGV},     {"USR2", SIGUSR2}, {"PIPE", SIGPIPE},   {"ALRM", SIGALRM},
    {"TERM", SIGTERM},     {"CHLD", SIGCHLD},     {"CLD", SIGCHLD},  {"CONT", SIGCONT},   {"STOP", SIGSTOP},
    {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU}, {"URG", SIGURG},     {"XCPU", SIGXCPU},
    {"XFSZ", SIGXFSZ},     {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH}, {"IO", SIGIO},
    {"POLL", SIGIO},       {"PWR", SIGPWR},       {"SYS", SIGSYS},
#ifdef SIGSTKFLT
    {"STKFLT", SIGSTKFLT},
#endif
};

// As glibc's SIGRTMIN and SIGRTMAX, and docker's and podman's: 32 and 33 are glibc's own.
constexpr int rt_min = 34, rt_max = 64;

// "RTMIN", "RTMIN+3", "RTMAX-1".
std::optional<int> parse_realtime(std::string_view text) {
    const bool from_min = text.starts_with("RTMIN");
    if (!from_min && !text.starts_with("RTMAX")) return std::nullopt;
    text.remove_prefix(5);
    if (text.empty()) return from_min ? rt_min : rt_max;
    if (text.front() != (from_min ? '+' : '-')) return std::nullopt;
    const std::optional<uint64_t> distance = parse_decimal(text.substr(1), rt_max - rt_min);
    if (!distance) return std::nullopt;
    return from_min ? rt_min + static_cast<int>(*distance) : rt_max - static_cast<int>(*distance);
}

}  // namespace

std::optional<int> parse_signal(std::string_view text) {
    constexpr size_t longest = 16;
    if (text.empty() || text.size() > longest) return std::nullopt;
    if (const std::optional<uint64_t> number = parse_decimal(text)) {
        if (*number < 1 || *number > rt_max) return std::nullopt;
        return static_cast<int>(*number);
    }
    std::string upper;
    for (const char c : text) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    std::string_view name = upper;
    if (name.starts_with("SIG")) name.remove_prefix(3);
    for (const Name& known : names)
        if (known.text == name) return known.number;
    return parse_realtime(name);
}

std::string signal_name(int number) {
    for (const Name& known : names)
        if (known.number == number) return concat("SIG", known.text);
    if (number == rt_min) return "SIGRTMIN";
    if (number > rt_min && number <= rt_max) return concat("SIGRTMIN+", number - rt_min);
    return std::to_string(number);
}

}  // namespace casemate::oci

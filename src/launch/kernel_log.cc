#include "launch/kernel_log.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace casemate::launch {
namespace {

constexpr size_t longest_record = 8192;  // CONSOLE_EXT_LOG_MAX, devkmsg_read()
constexpr uint64_t facilities_from = 8;  // the priority holds level (3 bits) and facility; the kernel's is 0

// The text of a record that the kernel wrote itself.
std::optional<std::string_view> kernel_text(std::string_view record) {
    const size_t comma = record.find(','), semicolon = record.find(';');
    if (comma == std::string_view::npos || semicolon == std::string_view::npos || comma > semicolon) return {};
    const auto priority = parse_decimal(record.substr(0, comma));
    if (!priority || *priority >= facilities_from) return {};
    const std::string_view text = record.substr(semicolon + 1);
    return text.substr(0, text.find('\n'));
}

// The value of the first token "key=value".
std::optional<std::string_view> field(std::string_view text, std::string_view key) {
    for (const std::string_view token : split(text, ' '))
        if (token.size() > key.size() && token.starts_with(key) && token[key.size()] == '=')
            return token.substr(key.size() + 1);
    return {};
}

std::optional<uint64_t> number_field(std::string_view text, std::string_view key, uint64_t max) {
    const auto value = field(text, key);
    return value ? parse_decimal(*value, max) : std::nullopt;
}

std::optional<uint32_t> hex_field(std::string_view text, std::string_view key) {
    const auto value = field(text, key);
    if (!value || value->empty() || value->size() > 8) return {};
    uint32_t number = 0;
    for (const char digit : *value) {
        const size_t at = std::string_view("0123456789abcdef").find(digit);
        if (at == std::string_view::npos) return {};
        number = number * 16 + static_cast<uint32_t>(at);
    }
    return number;
}

int64_t now_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

}  // namespace

bool Suspects::match(pid_t pid, uint32_t of_uid) const {
    return std::find(pids.begin(), pids.end(), pid) != pids.end() || (uid && *uid == of_uid);
}

std::optional<SeccompKill> parse_seccomp_kill(std::string_view record) {
    const auto text = kernel_text(record);
    if (!text || !text->starts_with("audit: type=1326 ")) return {};
    // "sig=31 arch=... syscall=N" stand after comm="..." and exe="...", which hold no blank and no quote: the kernel
    // writes such names in hex (audit_log_untrustedstring). "uid" and "pid" stand before them.
    const auto pid = number_field(*text, "pid", INT32_MAX);
    const auto uid = number_field(*text, "uid", UINT32_MAX);
    const auto signal = number_field(*text, "sig", 64);
    const auto syscall = number_field(*text, "syscall", INT32_MAX);
    const auto arch = hex_field(*text, "arch");
    if (!pid || !uid || !syscall || !arch || !signal || *signal == 0) return {};
    return SeccompKill{static_cast<pid_t>(*pid), static_cast<uint32_t>(*uid), *arch, static_cast<int>(*syscall)};
}

std::optional<OutOfMemoryKill> parse_out_of_memory_kill(std::string_view record) {
    const auto text = kernel_text(record);
    if (!text) return {};
    // "Out of memory: Killed process N (comm) ..., UID:U ..." and "Memory cgroup out of memory: Killed process N ...".
    const bool ours = text->starts_with("Out of memory: Killed process ") ||
                      text->starts_with("Memory cgroup out of memory: Killed process ");
    if (!ours) return {};
    std::string_view rest = text->substr(text->find("process ") + 8);
    const auto pid = parse_decimal(rest.substr(0, rest.find(' ')), INT32_MAX);
    const size_t at = rest.rfind(" UID:");  // the last one: an earlier one may be the process's name
    if (!pid || at == std::string_view::npos) return {};
    rest = rest.substr(at + 5);
    const auto uid = parse_decimal(rest.substr(0, rest.find(' ')), UINT32_MAX);
    if (!uid) return {};
    return OutOfMemoryKill{static_cast<pid_t>(*pid), static_cast<uint32_t>(*uid)};
}

KernelLog KernelLog::open_at_end() {
    KernelLog log;
    log.log_ = Fd(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!log.log_ || ::lseek(log.log_.get(), 0, SEEK_END) < 0) {
        log.closed_because_ = Error::sys("the kernel's log cannot be read: '/dev/kmsg'").text();
        log.log_.reset();
    }
    return log;
}

template <typename Found, typename Parse>
Result<Found> KernelLog::find(const Suspects& suspects, int timeout_ms, Parse parse) {
    if (!log_) return Error::with_code(ENODATA, closed_because_);
    const int64_t deadline = now_ms() + timeout_ms;
    char record[longest_record];
    for (;;) {
        const ssize_t size = ::read(log_.get(), record, sizeof record);
        if (size > 0) {
            const auto found = parse(std::string_view(record, static_cast<size_t>(size)));
            if (found && suspects.match(found->pid, found->uid)) return *found;
            continue;
        }
        if (size < 0 && (errno == EPIPE || errno == EINTR))
            continue;  // EPIPE: old records were overwritten; go on with the next
        if (size < 0 && errno != EAGAIN) return Error::sys("read '/dev/kmsg'");
        const int64_t left = deadline - now_ms();
        pollfd watched{log_.get(), POLLIN, 0};
        if (left <= 0 || ::poll(&watched, 1, static_cast<int>(left)) == 0)
            return Error::with_code(ENODATA,
                                    "the kernel's log has no line of it (auditd takes them, or too many came at once)");
    }
}

Result<SeccompKill> KernelLog::find_seccomp_kill(const Suspects& suspects, int timeout_ms) {
    return find<SeccompKill>(suspects, timeout_ms, parse_seccomp_kill);
}

Result<OutOfMemoryKill> KernelLog::find_out_of_memory_kill(const Suspects& suspects, int timeout_ms) {
    return find<OutOfMemoryKill>(suspects, timeout_ms, parse_out_of_memory_kill);
}

}  // namespace casemate::launch

// Raw system calls with arguments that the planner chose so that they do no harm even where nothing forbids them: bad
// descriptors and pointers, which the kernel refuses with another errno than the filter does.
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "base/text.h"
#include "proof/probe/act.h"

namespace casemate::probe {

namespace {

// "NR" or "NR:A,B,..." in hex.
std::string one_call(std::string text) {
    std::array<unsigned long, 7> words{};
    std::string arguments = text;
    std::string field = take(arguments, ':');
    for (size_t i = 0; i < words.size() && !field.empty(); ++i) {
        if (std::from_chars(field.data(), field.data() + field.size(), words[i], 16).ec != std::errc{})
            return "wrong act";
        field = take(arguments, ',');
    }
    const long result =
        syscall(static_cast<long>(words[0]), words[1], words[2], words[3], words[4], words[5], words[6]);
    return outcome(result);
}

// "CALL;CALL...": what all came to, or the first that differs from the first.
std::string calls(const std::string& object) {
    std::string rest = object, common;
    for (int number = 0; !rest.empty(); ++number) {
        const std::string text = take(rest, ';');
        const std::string seen = one_call(text);
        if (number == 0) common = seen;
        if (seen != common) return concat("call ", text, ": ", seen, ", others: ", common);
    }
    return common;
}

// "FIRST-LAST=ERRNO,...": every number called with all arguments -1; "as planned", or the first few that differ.
std::string sweep(const std::string& object) {
    std::string rest = object, wrong;
    int differing = 0;
    setsid();  // vhangup(2) then has no terminal to hang up
    while (!rest.empty()) {
        std::string run = take(rest, ',');
        std::string range = take(run, '=');
        const auto first = parse_decimal(take(range, '-')), last = range.empty() ? first : parse_decimal(range);
        if (!first || !last) return "wrong act";
        for (uint64_t number = *first; number <= *last; ++number) {
            const std::string seen = outcome(syscall(static_cast<long>(number), -1L, -1L, -1L, -1L, -1L, -1L));
            if (seen != run && ++differing <= 8) wrong += concat(wrong.empty() ? "" : " ", number, ':', seen);
        }
    }
    return differing == 0 ? "as planned" : concat(differing, " differ: ", wrong);
}

// clone(2) with flags of the planner; the child ends at once.
std::string clone_with(const std::string& object) {
    unsigned long flags = 0;
    std::from_chars(object.data(), object.data() + object.size(), flags, 16);
    const long child = syscall(SYS_clone, flags | SIGCHLD, 0UL, 0UL, 0UL, 0UL);
    if (child == 0) _exit(child_ok);
    return child_outcome(static_cast<pid_t>(child));
}

// A call through a foreign entry: i386's int 0x80, or x32's numbers.
std::string foreign([[maybe_unused]] const std::string& object) {
#if defined(__x86_64__)
    const pid_t child = fork();
    if (child == 0) {
        if (object == "x32") {
            constexpr long x32_bit = 0x40000000;
            errno = 0;
            _exit(syscall(x32_bit | SYS_getpid) >= 0 ? child_ok : errno);
        }
        long result = 20;  // getpid of i386
        __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
        _exit(result > 0 ? child_ok : static_cast<int>(-result));
    }
    return child_outcome(child);
#else
    return "skip: no foreign entry on this architecture";
#endif
}

constexpr std::array<Act, 4> acts = {{{"calls", calls}, {"sweep", sweep}, {"clone", clone_with}, {"foreign", foreign}}};

}  // namespace

std::span<const Act> call_acts() { return acts; }

}  // namespace casemate::probe

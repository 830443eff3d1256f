// The acts of the probe: each tries one thing that a sandbox must (or must not) prevent, and says what came of it.
//
// The probe judges nothing. The planner on the host (proof/probe_plan.h) decides which acts are tried and what must
// come of them; so a deceived probe cannot turn a surprise green by itself being wrong about the plan.
#pragma once

#include <cerrno>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::probe {

struct Act {
    std::string_view kind;
    // Runs in a child of its own, so that it may restrict, break or end itself. Gives "ok", an errno name or a word.
    std::string (*run)(const std::string& object);
};

std::span<const Act> file_acts();
std::span<const Act> memory_acts();
std::span<const Act> process_acts();
std::span<const Act> network_acts();
std::span<const Act> state_acts();
std::span<const Act> call_acts();

inline std::string failed() { return errno_name(errno); }
inline std::string outcome(long result) { return result < 0 ? failed() : "ok"; }

// Up to `separator`, taken off the front of `rest`.
inline std::string take(std::string& rest, char separator) {
    const size_t end = rest.find(separator);
    std::string part = rest.substr(0, end);
    rest.erase(0, end == std::string::npos ? rest.size() : end + 1);
    return part;
}

// Waits for a child: "ok" for exit code 42, else the errno that it exited with, or the signal's name.
std::string child_outcome(pid_t child);
inline constexpr int child_ok = 42 + 128;  // beyond every errno that we report this way

// A smallest ELF program of this architecture; it exits with `child_ok`.
std::span<const unsigned char> smallest_program();

}  // namespace casemate::probe

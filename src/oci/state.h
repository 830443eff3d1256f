// The state of a container as `state` and `list` print it and hooks read it: runtime.md, State, and what runc adds.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::oci {

// Engines fail on any other word (CONTRACT 1.4).
enum class Status : uint8_t { creating, created, running, stopped, paused };
std::string_view name_of(Status status);

struct State {
    std::string oci_version = "1.3.0";
    std::string id;
    Status status = Status::creating;
    int32_t pid = 0;     // in the caller's pid namespace; printed as 0 when stopped
    std::string bundle;  // absolute
    std::map<std::string, std::string> annotations;
    // runc's additions; left out when empty. `created` is RFC 3339: engines parse it.
    std::string rootfs, created, owner;
    bool operator==(const State&) const = default;
};

std::string to_json(const State& state);
// An array, [] when empty (go-runc's List).
std::string to_json(const std::vector<State>& states);
// Strict: unknown keys are errors, it is our own text.
Result<State> parse_state(std::string_view text);

}  // namespace casemate::oci

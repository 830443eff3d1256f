// Sizes, times, CPUs and modes as a profile writes them: a unit is spelled one way only, and a number that could be
// read two ways ("64M", umask 27) is refused (PROFILE 1.7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "policy/at.h"

namespace casemate::policy {

// Bytes: an integer, or digits and KiB, MiB, GiB or TiB.
std::optional<uint64_t> parse_size(const At& at, const json::Value& value);
// Milliseconds: digits and ms, s, m, h or d.
std::optional<uint64_t> parse_time(const At& at, const json::Value& value);
// Thousandths of a CPU: an integer of CPUs, or "1500m".
std::optional<uint64_t> parse_cpu(const At& at, const json::Value& value);
// An octal string of four digits, at most `most`.
std::optional<uint32_t> parse_mode(const At& at, const json::Value& value, uint32_t most);
// An errno by name, or 1..4095 (the kernel's MAX_ERRNO).
std::optional<uint16_t> parse_errno(const At& at, const json::Value& value);
// The value of an errno's name ("EPERM"), or nothing.
std::optional<uint16_t> errno_by_name(std::string_view name);

// The shortest text that parses back to the same: "64MiB", "90s", "1500m", "0027". size_text gives digits alone for a
// size that no unit divides.
std::string size_text(uint64_t bytes);
std::string time_text(uint64_t milliseconds);
std::string cpu_text(uint64_t thousandths);
std::string mode_text(uint32_t mode);

}  // namespace casemate::policy

// A time as engines parse it: 2026-11-21T19:04:05Z. Not strftime: gmtime_r reads the time zone file first.
#pragma once

#include <cstdint>
#include <string>

namespace casemate::cli {

// `seconds` since 1970, not negative.
std::string rfc3339(int64_t seconds);

}  // namespace casemate::cli

// A time as engines parse it: 2026-11-21T19:04:05Z. Not strftime: gmtime_r reads the time zone file first.
#pragma once

#include <cstdint>
#include <string>

namespace casemate {

// `seconds` since 1970, not negative. With nanoseconds: 2026-11-21T19:04:05.000000042Z.
std::string rfc3339(int64_t seconds);
std::string rfc3339(int64_t seconds, int64_t nanoseconds);

}  // namespace casemate

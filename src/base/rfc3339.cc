#include "base/rfc3339.h"

#include <cstdio>

namespace casemate {

// Days to civil date after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that
// the leap day is the last one.
std::string rfc3339(int64_t seconds) {
    const int64_t shifted = seconds / 86400 + 719468;
    const int64_t era = shifted / 146097;
    const int64_t day_of_era = shifted % 146097;
    const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t shifted_month = (5 * day_of_year + 2) / 153;
    const int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    const int64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
    const int64_t rest = seconds % 86400;
    char text[64];
    std::snprintf(text, sizeof text, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lldZ", static_cast<long long>(year),
                  static_cast<long long>(month), static_cast<long long>(day), static_cast<long long>(rest / 3600),
                  static_cast<long long>(rest / 60 % 60), static_cast<long long>(rest % 60));
    return text;
}

std::string rfc3339(int64_t seconds, int64_t nanoseconds) {
    std::string text = rfc3339(seconds);
    text.back() = '.';
    return text + std::to_string(1000000000 + nanoseconds).substr(1) + "Z";
}

}  // namespace casemate

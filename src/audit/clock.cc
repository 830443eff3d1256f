// Civil dates after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that the
// leap day is the last one. Not strptime and gmtime: those depend on locale and time zone.
#include "audit/clock.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace casemate::audit {
namespace {

constexpr int64_t epoch_days = 719468;  // from 0000-03-01 to 1970-01-01
constexpr int64_t era_days = 146097;    // 400 years

int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
    if (month <= 2) --year;
    const int64_t era = year / 400;
    const int64_t year_of_era = year - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * era_days + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - epoch_days;
}

bool is_leap(uint64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

uint64_t days_in(uint64_t year, uint64_t month) {
    if (month == 2) return is_leap(year) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

// Exactly `digits` digits at the front, taken off.
std::optional<uint64_t> take_number(std::string_view& text, size_t digits, uint64_t max) {
    if (text.size() < digits) return std::nullopt;
    const auto number = parse_decimal(text.substr(0, digits), max);
    if (number) text.remove_prefix(digits);
    return number;
}

bool take(std::string_view& text, std::string_view word) {
    if (!text.starts_with(word)) return false;
    text.remove_prefix(word.size());
    return true;
}

std::optional<Time> take_date(std::string_view& text) {
    const auto year = take_number(text, 4, 9999);
    if (!year || !take(text, "-")) return std::nullopt;
    const auto month = take_number(text, 2, 12);
    if (!month || *month == 0 || !take(text, "-")) return std::nullopt;
    const auto day = take_number(text, 2, days_in(*year, *month));
    if (!day || *day == 0) return std::nullopt;
    return days_from_civil(static_cast<int64_t>(*year), static_cast<int64_t>(*month), static_cast<int64_t>(*day)) *
           day_seconds;
}

// hh:mm:ss[.fraction]
std::optional<int64_t> take_clock(std::string_view& text) {
    const auto hour = take_number(text, 2, 23);
    if (!hour || !take(text, ":")) return std::nullopt;
    const auto minute = take_number(text, 2, 59);
    if (!minute || !take(text, ":")) return std::nullopt;
    const auto second = take_number(text, 2, 60);  // 60: a leap second
    if (!second) return std::nullopt;
    if (take(text, ".")) {
        const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
        if (digits == 0) return std::nullopt;
        text.remove_prefix(digits);
    }
    return static_cast<int64_t>(*hour * 3600 + *minute * 60 + *second);
}

// What is to be added to local time for UTC.
std::optional<int64_t> take_zone(std::string_view& text) {
    if (take(text, "Z")) return 0;
    const int64_t sign = take(text, "+") ? -1 : take(text, "-") ? 1 : 0;
    if (sign == 0) return std::nullopt;
    const auto hours = take_number(text, 2, 23);
    if (!hours || !take(text, ":")) return std::nullopt;
    const auto minutes = take_number(text, 2, 59);
    if (!minutes) return std::nullopt;
    return sign * static_cast<int64_t>(*hours * 3600 + *minutes * 60);
}

}  // namespace

std::optional<Time> parse_time(std::string_view text) {
    const auto date = take_date(text);
    if (!date || !take(text, "T")) return std::nullopt;
    const auto clock = take_clock(text);
    if (!clock) return std::nullopt;
    const auto zone = take_zone(text);
    if (!zone || !text.empty()) return std::nullopt;
    return *date + *clock + *zone;
}

std::optional<Time> parse_date(std::string_view text) {
    const auto date = take_date(text);
    return text.empty() ? date : std::nullopt;
}

std::string time_text(Time time) {
    const int64_t days = time / day_seconds - (time % day_seconds < 0 ? 1 : 0);
    const int64_t shifted = days + epoch_days;
    const int64_t era = shifted / era_days, of_era = shifted % era_days;
    const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month_from_march = (5 * of_year + 2) / 153;
    const int64_t day = of_year - (153 * month_from_march + 2) / 5 + 1;
    const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    const int64_t rest = time - days * day_seconds;
    char text[80];
    std::snprintf(text, sizeof text, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lldZ",
                  static_cast<long long>(year_of_era + era * 400 + (month <= 2 ? 1 : 0)), static_cast<long long>(month),
                  static_cast<long long>(day), static_cast<long long>(rest / 3600),
                  static_cast<long long>(rest / 60 % 60), static_cast<long long>(rest % 60));
    return text;
}

std::optional<int64_t> parse_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    if (text.ends_with("ms")) {
        const auto number = parse_decimal(text.substr(0, text.size() - 2), 3650u * 86400u * uint64_t{1000});
        return number ? std::optional(static_cast<int64_t>(*number / 1000)) : std::nullopt;
    }
    const char unit = text.back();
    const int64_t factor = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? day_seconds : 0;
    const auto number = parse_decimal(text.substr(0, text.size() - 1), 3650u * 86400u);
    if (factor == 0 || !number) return std::nullopt;
    const int64_t seconds = static_cast<int64_t>(*number) * factor;
    return seconds <= 3650 * day_seconds ? std::optional(seconds) : std::nullopt;
}

}  // namespace casemate::audit

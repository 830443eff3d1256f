// Text as the rooms need it: joining, quoting, strict numbers, and "did you mean". No locale, no iostream.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace casemate {

// concat("a", 3, name): one string from strings and integers.
namespace detail {
inline void append(std::string& out, std::string_view part) { out += part; }
inline void append(std::string& out, const char* part) { out += part; }
inline void append(std::string& out, char part) { out += part; }
template <typename N>
    requires std::is_integral_v<N>
void append(std::string& out, N part) {
    out += std::to_string(part);
}
}  // namespace detail

template <typename... Parts>
std::string concat(const Parts&... parts) {
    std::string out;
    (detail::append(out, parts), ...);
    return out;
}

// 'text' in single quotes, control bytes as \xNN: for outside strings in messages (terminal escapes, CVE-2023-28101).
std::string quoted(std::string_view text);
// The same without the quotes.
std::string printable(std::string_view text);

// The whole text as a decimal number, or nothing: no sign, no blank, no hex, no overflow (CVE-2026-30892).
std::optional<uint64_t> parse_decimal(std::string_view text, uint64_t max = UINT64_MAX);
// The whole text as an octal number, or nothing.
std::optional<uint32_t> parse_octal(std::string_view text, uint32_t max = 07777);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string_view trimmed(std::string_view text);

// The known word nearest to `word`: equal but for case, or within edit distance 2. Empty when there is none.
std::string nearest(std::string_view word, std::span<const std::string_view> known);
// "; did you mean 'x'?" or an empty string.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

// Is `path` absolute and normalised: no empty, "." or ".." component, no trailing slash (but for "/" itself)?
bool is_normal_path(std::string_view path);
// Is `path` equal to `ancestor` or below it? Both normal.
bool is_at_or_below(std::string_view path, std::string_view ancestor);

}  // namespace casemate

#include "base/text.h"

#include <algorithm>

namespace casemate {

std::string printable(std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out += "\\x";
            out += digits[byte >> 4];
            out += digits[byte & 15];
        } else {
            out += c;
        }
    }
    return out;
}

std::string quoted(std::string_view text) { return "'" + printable(text) + "'"; }

std::optional<uint64_t> parse_decimal(std::string_view text, uint64_t max) {
    if (text.empty()) return std::nullopt;
    uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        if (__builtin_mul_overflow(value, uint64_t{10}, &value)) return std::nullopt;
        if (__builtin_add_overflow(value, static_cast<uint64_t>(c - '0'), &value)) return std::nullopt;
    }
    if (value > max) return std::nullopt;
    return value;
}

std::optional<uint32_t> parse_octal(std::string_view text, uint32_t max) {
    if (text.empty() || text.size() > 10) return std::nullopt;
    uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '7') return std::nullopt;
        value = value * 8 + static_cast<uint64_t>(c - '0');
    }
    if (value > max) return std::nullopt;
    return static_cast<uint32_t>(value);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const size_t at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
    std::string out;
    for (const std::string& part : parts) {
        if (!out.empty()) out += separator;
        out += part;
    }
    return out;
}

std::string_view trimmed(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Levenshtein distance, case ignored.
size_t distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (size_t i = 0; i < a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.size(); ++j) {
            const size_t above = row[j + 1];
            const size_t cost = lower(a[i]) == lower(b[j]) ? 0 : 1;
            row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + cost});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string_view> known) {
    std::string_view best;
    size_t best_distance = 3;
    if (word.size() > 64) return {};
    for (const std::string_view candidate : known) {
        const size_t d = distance(word, candidate);
        // Ties go to the alphabetically first, so that messages do not depend on table order.
        if (d < best_distance || (d == best_distance && d < 3 && candidate < best)) {
            best = candidate;
            best_distance = d;
        }
    }
    // A two-letter word is within two edits of everything.
    if (best_distance >= std::max<size_t>(word.size(), 1)) return {};
    return std::string(best);
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
    const std::string best = nearest(word, known);
    return best.empty() ? std::string() : "; did you mean " + quoted(best) + "?";
}

bool is_normal_path(std::string_view path) {
    if (path.empty() || path.front() != '/') return false;
    if (path == "/") return true;
    for (const std::string_view component : split(path.substr(1), '/'))
        if (component.empty() || component == "." || component == "..") return false;
    return true;
}

bool is_at_or_below(std::string_view path, std::string_view ancestor) {
    if (ancestor == "/") return true;
    return path.starts_with(ancestor) && (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

}  // namespace casemate

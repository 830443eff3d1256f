#include "audit/package_url.h"

#include <vector>

#include "base/text.h"

namespace casemate::audit {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> decoded(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

// Cuts what follows the last `mark` off `text`, and gives it.
std::string_view cut_after(std::string_view& text, char mark) {
    const size_t place = text.rfind(mark);
    if (place == std::string_view::npos) return {};
    const std::string_view rest = text.substr(place + 1);
    text = text.substr(0, place);
    return rest;
}

bool read_qualifiers(std::string_view text, PackageUrl& url) {
    if (text.empty()) return true;
    for (const std::string_view pair : split(text, '&')) {
        const size_t equals = pair.find('=');
        if (equals == std::string_view::npos || equals == 0) return false;
        const auto value = decoded(pair.substr(equals + 1));
        if (!value) return false;
        if (!url.qualifiers.emplace(pair.substr(0, equals), *value).second) return false;
    }
    return true;
}

// One character class "[...]" at the front of `pattern`, taken off. False when it is malformed or does not match.
bool matches_class(std::string_view& pattern, char c) {
    const size_t end = pattern.find(']', 2);
    if (end == std::string_view::npos) return false;
    std::string_view set = pattern.substr(1, end - 1);
    pattern.remove_prefix(end + 1);
    const bool negated = set[0] == '!' || set[0] == '^';
    if (negated) set.remove_prefix(1);
    bool found = false;
    for (size_t i = 0; i < set.size(); ++i) {
        if (i + 2 < set.size() && set[i + 1] == '-') {
            found = found || (c >= set[i] && c <= set[i + 2]);
            i += 2;
        } else {
            found = found || c == set[i];
        }
    }
    return found != negated;
}

// One component. Backtracks to the last star only, so the time is at most the product of the lengths.
bool matches_component(std::string_view pattern, std::string_view text) {
    std::optional<std::pair<std::string_view, std::string_view>> star;  // the rests after it
    while (true) {
        if (!pattern.empty() && pattern[0] == '*') {
            pattern.remove_prefix(1);
            star = {pattern, text};
            continue;
        }
        if (text.empty() && pattern.empty()) return true;
        bool matched = !text.empty() && !pattern.empty();
        if (matched && pattern[0] == '[') {
            matched = matches_class(pattern, text[0]);
        } else if (matched) {
            matched = pattern[0] == '?' || pattern[0] == text[0];
            pattern.remove_prefix(1);
        }
        if (matched) {
            text.remove_prefix(1);
            continue;
        }
        if (!star || star->second.empty()) return false;
        star->second.remove_prefix(1);
        pattern = star->first;
        text = star->second;
    }
}

}  // namespace

std::optional<PackageUrl> parse_package_url(std::string_view text) {
    if (!text.starts_with("pkg:")) return std::nullopt;
    text.remove_prefix(4);
    while (text.starts_with('/')) text.remove_prefix(1);
    PackageUrl url;
    const auto subpath = decoded(cut_after(text, '#'));
    if (!subpath || !read_qualifiers(cut_after(text, '?'), url)) return std::nullopt;
    // An '@' of a scoped namespace (pkg:npm/@scope/name) comes before the last slash.
    std::string_view version_text;
    if (const size_t mark = text.rfind('@');
        mark != std::string_view::npos && text.find('/', mark) == std::string_view::npos)
        version_text = cut_after(text, '@');
    const auto version = decoded(version_text);
    const auto name = decoded(cut_after(text, '/'));
    const size_t slash = text.find('/');
    const auto space = decoded(slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1));
    if (!version || !name || !space || name->empty()) return std::nullopt;
    for (const char c : text.substr(0, slash)) url.type += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (url.type.empty()) return std::nullopt;
    url.namespace_ = *space;
    url.name = *name;
    url.version = *version;
    url.subpath = *subpath;
    return url;
}

bool covers(const PackageUrl& pattern, const PackageUrl& package) {
    if (pattern.type != package.type || pattern.namespace_ != package.namespace_ || pattern.name != package.name)
        return false;
    if (!pattern.version.empty() && pattern.version != package.version) return false;
    if (!pattern.subpath.empty() && pattern.subpath != package.subpath) return false;
    for (const auto& [key, value] : pattern.qualifiers) {
        const auto found = package.qualifiers.find(key);
        if (found == package.qualifiers.end() || found->second != value) return false;
    }
    return true;
}

bool matches_glob(std::string_view pattern, std::string_view path) {
    const auto wanted = split(pattern, '/'), parts = split(path, '/');
    // reach[j]: do the pattern's components so far match the first j of the path?
    std::vector<bool> reach(parts.size() + 1, false);
    reach[0] = true;
    for (const std::string_view component : wanted) {
        std::vector<bool> next(parts.size() + 1, false);
        bool open = false;
        for (size_t j = 0; j <= parts.size(); ++j) {
            if (component == "**") {
                open = open || reach[j];
                next[j] = open;
            } else if (j > 0 && reach[j - 1]) {
                next[j] = matches_component(component, parts[j - 1]);
            }
        }
        reach = std::move(next);
    }
    return reach.back();
}

}  // namespace casemate::audit

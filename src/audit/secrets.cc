#include "audit/secrets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "base/text.h"

namespace casemate::audit {
namespace {

constexpr std::string_view words[] = {"PASSWORD", "PASSWD",         "PASSPHRASE", "SECRET",      "TOKEN",
                                      "API_KEY",  "APIKEY",         "ACCESS_KEY", "PRIVATE_KEY", "CREDENTIAL",
                                      "AUTH_KEY", "ENCRYPTION_KEY", "SIGNING_KEY"};
// Not the secret itself: a file's name, a limit, a switch.
constexpr std::string_view harmless_ends[] = {"_FILE", "_PATH", "_DIR",    "_TTL",    "_LENGTH",
                                              "_URL",  "_NAME", "_HEADER", "_ENABLED"};

struct Shape {
    std::string_view prefix;
    size_t rest;  // at least so many word characters after it
    std::string_view what;
};
constexpr Shape shapes[] = {{"AKIA", 16, "an AWS access key id"},   {"ASIA", 16, "an AWS access key id"},
                            {"ghp_", 36, "a GitHub token"},         {"gho_", 36, "a GitHub token"},
                            {"ghs_", 36, "a GitHub token"},         {"github_pat_", 22, "a GitHub token"},
                            {"glpat-", 20, "a GitLab token"},       {"xoxb-", 20, "a Slack token"},
                            {"xoxp-", 20, "a Slack token"},         {"sk_live_", 20, "a Stripe key"},
                            {"AIza", 35, "a Google API key"},       {"npm_", 36, "an npm token"},
                            {"pypi-AgEI", 20, "a PyPI token"},      {"hf_", 34, "a Hugging Face token"},
                            {"dop_v1_", 64, "a DigitalOcean token"}};

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool has_shape(std::string_view value, const Shape& shape) {
    for (size_t at = value.find(shape.prefix); at != std::string_view::npos; at = value.find(shape.prefix, at + 1)) {
        if (at > 0 && is_word(value[at - 1])) continue;
        const std::string_view rest = value.substr(at + shape.prefix.size());
        const auto end = std::ranges::find_if_not(rest, is_word);
        if (static_cast<size_t>(end - rest.begin()) >= shape.rest) return true;
    }
    return false;
}

// scheme://user:password@host
bool has_url_password(std::string_view value) {
    const size_t scheme = value.find("://");
    if (scheme == std::string_view::npos) return false;
    const std::string_view authority = value.substr(scheme + 3, value.find_first_of("/ ", scheme + 3) - scheme - 3);
    const size_t at = authority.rfind('@'), colon = authority.find(':');
    return at != std::string_view::npos && colon < at && at - colon > 1 && authority[colon + 1] != '$';
}

bool is_harmless(std::string_view value) {
    static constexpr std::string_view harmless[] = {"true", "false",    "yes", "no", "none",
                                                    "null", "changeme", "off", "on"};
    return value.empty() || value[0] == '$' || value[0] == '/' || value[0] == '<' ||
           std::ranges::find(harmless, value) != std::end(harmless) ||
           value.find_first_not_of("0123456789") == std::string_view::npos;
}

// Digests, fingerprints and versions are as random as keys, and public.
constexpr std::string_view public_words[] = {"SHA",    "DIGEST", "HASH",    "CHECKSUM", "SUM",         "COMMIT", "REVISION",
                                             "GPG",    "PGP",    "VERSION", "PUBLIC",   "FINGERPRINT", "ETAG",   "BUILD_ID",
                                             "LABEL_", "UUID",   "NONCE_ID"};

double bits_per_character(std::string_view text) {
    std::array<size_t, 256> counts{};
    for (const char c : text) ++counts[static_cast<unsigned char>(c)];
    double bits = 0;
    for (const size_t count : counts)
        if (count > 0) {
            const double share = static_cast<double>(count) / static_cast<double>(text.size());
            bits -= share * std::log2(share);
        }
    return bits;
}

// One word of a key's alphabet (base64, base64url) with all three kinds of characters and no repetition to speak of.
// Plain hexadecimal is left alone: digests look so, and tokens of providers have their own shapes above.
bool looks_random(std::string_view value) {
    constexpr size_t least = 24, most = 512;
    constexpr double least_bits = 4.2;
    if (value.size() < least || value.size() > most) return false;
    bool upper = false, lower = false;
    size_t digits = 0, others = 0;
    for (const char c : value) {
        upper = upper || (c >= 'A' && c <= 'Z');
        lower = lower || (c >= 'a' && c <= 'z');
        digits += c >= '0' && c <= '9';
        if (!is_word(c) && c != '+' && c != '/' && c != '=') return false;
        others += c == '/' || c == '-' || c == '_';
    }
    return upper && lower && digits > 1 && others <= value.size() / 12 && bits_per_character(value) >= least_bits;
}

}  // namespace

std::string_view secret_reason(std::string_view name, std::string_view value) {
    if (value.find("PRIVATE KEY-----") != std::string_view::npos) return "a private key";
    for (const Shape& shape : shapes)
        if (has_shape(value, shape)) return shape.what;
    if (has_url_password(value)) return "a password in a URL";
    if (is_harmless(value)) return {};
    std::string upper(name);
    for (char& c : upper) c = c == '-' || c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (std::ranges::any_of(harmless_ends, [&](std::string_view end) { return upper.ends_with(end); })) return {};
    for (const std::string_view word : words)
        if (upper.find(word) != std::string::npos) return "its name";
    const bool is_public =
        std::ranges::any_of(public_words, [&](std::string_view word) { return upper.find(word) != std::string::npos; });
    return !is_public && looks_random(value) ? "its randomness" : "";
}

}  // namespace casemate::audit

// Package URLs (github.com/package-url/purl-spec) and path patterns, as suppressions use them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace casemate::audit {

struct PackageUrl {
    std::string type, namespace_, name, version, subpath;
    std::map<std::string, std::string> qualifiers;
};

// pkg:type/namespace/name@version?qualifiers#subpath, percent-decoded. Nothing for any other text.
std::optional<PackageUrl> parse_package_url(std::string_view text);

// Does `pattern` mean `package`? Type, namespace and name are equal; version, subpath and qualifiers only where the
// pattern gives them.
bool covers(const PackageUrl& pattern, const PackageUrl& package);

// Shell patterns with '*' (not over '/'), '?', '[a-z]', '[!a-z]' and '**' as a whole component for any number of them.
bool matches_glob(std::string_view pattern, std::string_view path);

}  // namespace casemate::audit

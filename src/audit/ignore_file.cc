#include "audit/ignore_file.h"

#include <algorithm>

#include "audit/block_yaml.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

constexpr size_t max_bytes = size_t{1} << 20;

// One line: the id, then words of which only exp: means something. A wrong date drops the line.
void read_plain_line(std::string_view line, size_t number, IgnoreFile& file) {
    IgnoreEntry entry;
    entry.line = number;
    for (std::string_view word : split(line, ' ')) {
        word = trimmed(word);
        if (word.empty()) continue;
        if (entry.id.empty()) {
            entry.id = word;
        } else if (word.starts_with("exp:")) {
            entry.expires = parse_date(word.substr(4));
            if (entry.expires) continue;
            file.warnings.push_back(concat(file.name, " line ", number, ": ", quoted(word), " is no date; the line of ",
                                           quoted(entry.id), " is left out"));
            return;
        }
    }
    file.entries.push_back(std::move(entry));
}

IgnoreFile parse_plain(std::string_view text, std::string name) {
    IgnoreFile file{std::move(name), {}, {}};
    size_t number = 0;
    for (const std::string_view line : split(text, '\n')) {
        ++number;
        const std::string_view content = trimmed(line);
        if (content.empty() || content[0] == '#') continue;
        std::string blanks(content);
        std::ranges::replace(blanks, '\t', ' ');
        read_plain_line(blanks, number, file);
    }
    return file;
}

Error at(const YamlNode& node, std::string_view text) { return Error::invalid(concat("line ", node.line, ": ", text)); }

Result<std::vector<std::string>> strings(const YamlNode& node, std::string_view key) {
    if (node.kind != YamlNode::Kind::sequence) return at(node, concat(quoted(key), " must be a list"));
    std::vector<std::string> list;
    for (const YamlNode& item : node.items) {
        if (item.kind != YamlNode::Kind::scalar || item.scalar.empty()) return at(item, "expected a text");
        list.push_back(item.scalar);
    }
    return list;
}

Result<std::string> scalar(const YamlNode& node, std::string_view key) {
    if (node.kind != YamlNode::Kind::scalar || node.scalar.empty())
        return at(node, concat(quoted(key), " must be a text"));
    return node.scalar;
}

Result<void> read_member(const std::string& key, const YamlNode& value, IgnoreEntry& entry) {
    static constexpr std::string_view known[] = {"id", "paths", "purls", "expired_at", "statement"};
    if (key == "id") {
        entry.id = TRY(scalar(value, key));
    } else if (key == "statement") {
        entry.statement = TRY(scalar(value, key));
    } else if (key == "paths") {
        entry.paths = TRY(strings(value, key));
    } else if (key == "purls") {
        for (const std::string& text : TRY(strings(value, key))) {
            const auto url = parse_package_url(text);
            if (!url) return at(value, concat(quoted(text), " is no package URL"));
            entry.purls.push_back(*url);
        }
    } else if (key == "expired_at") {
        const std::string text = TRY(scalar(value, key));
        entry.expires = parse_date(text);
        if (!entry.expires) entry.expires = parse_time(text);
        if (!entry.expires) return at(value, concat(quoted(text), " is no date"));
    } else {
        return at(value, concat("unknown key ", quoted(key), did_you_mean(key, known)));
    }
    return {};
}

Result<void> read_section(ScanKind kind, const YamlNode& section, IgnoreFile& file) {
    if (section.kind == YamlNode::Kind::nothing) return {};
    if (section.kind != YamlNode::Kind::sequence) return at(section, "expected a list of entries");
    for (const YamlNode& item : section.items) {
        if (item.kind != YamlNode::Kind::mapping) return at(item, "expected 'id: ...'");
        IgnoreEntry entry;
        entry.kind = kind;
        entry.line = item.line;
        for (const auto& [key, value] : item.members) TRY(read_member(key, value, entry));
        if (entry.id.empty()) return at(item, "an entry without 'id'");
        file.entries.push_back(std::move(entry));
    }
    return {};
}

Result<IgnoreFile> parse_yaml(std::string_view text, std::string name) {
    static constexpr std::pair<std::string_view, ScanKind> sections[] = {
        {"vulnerabilities", ScanKind::vulnerability},
        {"misconfigurations", ScanKind::misconfiguration},
        {"secrets", ScanKind::secret},
        {"licenses", ScanKind::license}};
    IgnoreFile file{std::move(name), {}, {}};
    const YamlNode root = TRY(parse_block_yaml(text));
    if (root.kind == YamlNode::Kind::nothing) return file;
    if (root.kind != YamlNode::Kind::mapping) return at(root, "expected 'vulnerabilities:'");
    for (const auto& [key, section] : root.members) {
        const auto known = std::ranges::find(sections, key, &std::pair<std::string_view, ScanKind>::first);
        if (known == std::end(sections)) return at(section, concat("unknown section ", quoted(key)));
        TRY(read_section(known->second, section, file));
    }
    return file;
}

bool path_matches(const IgnoreEntry& entry, const ScanFinding& finding) {
    return std::ranges::any_of(entry.paths, [&](const std::string& pattern) {
        return matches_glob(pattern, finding.target) ||
               std::ranges::any_of(finding.paths, [&](const std::string& path) { return matches_glob(pattern, path); });
    });
}

}  // namespace

Result<IgnoreFile> parse_ignore_file(std::string_view text, std::string name) {
    if (text.size() > max_bytes) return Error::with_code(EFBIG, concat(quoted(name), ": more than 1 MiB"));
    const std::string where = quoted(name);
    if (name.ends_with(".yaml") || name.ends_with(".yml")) return TRY_IN(where, parse_yaml(text, std::move(name)));
    return parse_plain(text, std::move(name));
}

bool is_expired(const IgnoreEntry& entry, Time now) { return entry.expires && *entry.expires < now; }

bool suppresses(const IgnoreEntry& entry, const ScanFinding& finding) {
    if (entry.kind && *entry.kind != finding.kind) return false;
    if (entry.id != finding.id) return false;
    if (!entry.paths.empty() && !path_matches(entry, finding)) return false;
    if (entry.purls.empty()) return true;
    const auto package = parse_package_url(finding.purl);
    return package && std::ranges::any_of(entry.purls, [&](const PackageUrl& url) { return covers(url, *package); });
}

}  // namespace casemate::audit

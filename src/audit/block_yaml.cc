#include "audit/block_yaml.h"

#include <algorithm>

#include "base/text.h"

namespace casemate::audit {
namespace {

constexpr size_t max_bytes = size_t{1} << 20, max_lines = 65536;
constexpr int max_depth = 8;

struct Line {
    size_t number = 0, indent = 0;
    std::string_view text;  // without indentation, comment and trailing blanks
};

Error at(size_t line, std::string_view text) { return Error::invalid(concat("line ", line, ": ", text)); }

// The end of a quoted scalar that begins `text`, after the closing quote; npos when there is none.
size_t end_of_quoted(std::string_view text) {
    const char quote = text[0];
    for (size_t i = 1; i < text.size(); ++i) {
        if (quote == '"' && text[i] == '\\') {
            ++i;
        } else if (text[i] == quote) {
            if (quote == '\'' && i + 1 < text.size() && text[i + 1] == '\'') {
                ++i;
                continue;
            }
            return i + 1;
        }
    }
    return std::string_view::npos;
}

// Cuts a comment: '#' at the start or after a blank, outside quotes.
std::string_view without_comment(std::string_view text) {
    for (size_t i = 0; i < text.size(); ++i) {
        const bool starts_word = i == 0 || text[i - 1] == ' ';
        if (starts_word && text[i] == '#') return text.substr(0, i);
        if (starts_word && (text[i] == '"' || text[i] == '\'')) {
            const size_t length = end_of_quoted(text.substr(i));
            if (length == std::string_view::npos) return text;
            i += length - 1;
        }
    }
    return text;
}

Result<std::vector<Line>> lines_of(std::string_view text) {
    std::vector<Line> lines;
    size_t number = 0;
    for (std::string_view raw : split(text, '\n')) {
        if (++number > max_lines) return at(number, "too many lines");
        if (raw.ends_with('\r')) raw.remove_suffix(1);
        const bool controls = std::ranges::any_of(raw, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
        if (controls) return at(number, "a tab or another control character");
        const size_t indent = raw.find_first_not_of(' ');
        if (indent == std::string_view::npos) continue;
        std::string_view content = without_comment(raw.substr(indent));
        while (content.ends_with(' ')) content.remove_suffix(1);
        if (content.empty()) continue;
        if (content.starts_with("---") || content.starts_with("...") || content[0] == '%')
            return at(number, "directives and several documents are not read");
        lines.push_back({number, indent, content});
    }
    return lines;
}

Result<std::string> quoted_scalar(const Line& line, std::string_view text) {
    if (end_of_quoted(text) != text.size()) return at(line.number, "text after or no end of a quoted scalar");
    const std::string_view inner = text.substr(1, text.size() - 2);
    std::string value;
    for (size_t i = 0; i < inner.size(); ++i) {
        if (text[0] == '\'' && inner[i] == '\'') ++i;
        if (text[0] == '"' && inner[i] == '\\') {
            ++i;
            if (inner[i] != '"' && inner[i] != '\\') return at(line.number, "an escape other than \\\" and \\\\");
        }
        value += inner[i];
    }
    return value;
}

Result<std::string> scalar(const Line& line, std::string_view text) {
    if (text[0] == '"' || text[0] == '\'') return quoted_scalar(line, text);
    if (std::string_view("&*!|>[]{},%@`?").find(text[0]) != std::string_view::npos)
        return at(line.number, concat("'", text.substr(0, 1), "' begins what is not read here; quote the text"));
    if (text.find(": ") != std::string_view::npos || text.ends_with(':') || text == "-" || text.starts_with("- "))
        return at(line.number, "a scalar that looks like a key or an item; quote it");
    return std::string(text);
}

// Where "key:" ends in `text`, or npos: a colon at the end or before a blank.
size_t key_end(std::string_view text) {
    if (text[0] == '"' || text[0] == '\'') return std::string_view::npos;
    for (size_t i = 0; i < text.size(); ++i)
        if (text[i] == ':' && (i + 1 == text.size() || text[i + 1] == ' ')) return i;
    return std::string_view::npos;
}

bool is_item(std::string_view text) { return text == "-" || text.starts_with("- "); }

// TRY stands alone, not among an aggregate's initialisers: clang does not destroy what was made before it returns.
Result<YamlNode> scalar_node(const Line& line, std::string_view text) {
    std::string content = TRY(scalar(line, text));
    return YamlNode{YamlNode::Kind::scalar, line.number, std::move(content), {}, {}};
}

class Parser {
public:
    explicit Parser(std::vector<Line> lines) : lines_(std::move(lines)) {}

    Result<YamlNode> document() {
        if (lines_.empty()) return YamlNode{};
        YamlNode root = TRY(block(lines_[0].indent, 0));
        if (next_ < lines_.size()) return at(lines_[next_].number, "indentation that fits nothing above");
        return root;
    }

private:
    bool more(size_t indent) const { return next_ < lines_.size() && lines_[next_].indent == indent; }

    Result<YamlNode> block(size_t indent, int depth) {
        if (depth > max_depth) return at(lines_[next_].number, "nested too deep");
        if (is_item(lines_[next_].text)) return sequence(indent, depth);
        if (key_end(lines_[next_].text) != std::string_view::npos) return mapping(indent, depth);
        const Line& line = lines_[next_++];
        return scalar_node(line, line.text);
    }

    Result<YamlNode> sequence(size_t indent, int depth) {
        YamlNode node{YamlNode::Kind::sequence, lines_[next_].number, {}, {}, {}};
        while (more(indent) && is_item(lines_[next_].text)) {
            Line& line = lines_[next_];
            const size_t content = line.text.find_first_not_of(' ', 1);
            if (content == std::string_view::npos) return at(line.number, "an item without content");
            // "- key: value": the rest of the line is the first line of a block of its own.
            line.text.remove_prefix(content);
            line.indent += content;
            node.items.push_back(TRY(block(line.indent, depth + 1)));
        }
        return node;
    }

    Result<YamlNode> mapping(size_t indent, int depth) {
        YamlNode node{YamlNode::Kind::mapping, lines_[next_].number, {}, {}, {}};
        while (more(indent) && !is_item(lines_[next_].text)) {
            const Line line = lines_[next_];
            const size_t colon = key_end(line.text);
            if (colon == std::string_view::npos || colon == 0) return at(line.number, "expected 'key:'");
            const std::string key = TRY(scalar(line, line.text.substr(0, colon)));
            for (const auto& [known, value] : node.members)
                if (known == key) return at(line.number, concat("key ", quoted(key), " given twice"));
            ++next_;
            YamlNode value = TRY(value_of(line, trimmed(line.text.substr(colon + 1)), depth));
            node.members.push_back({key, std::move(value)});
        }
        return node;
    }

    // A value on the key's line, or the block below it; a sequence may stand as deep as its key.
    Result<YamlNode> value_of(const Line& key, std::string_view text, int depth) {
        if (!text.empty()) return scalar_node(key, text);
        if (next_ < lines_.size()) {
            const Line& below = lines_[next_];
            if (below.indent > key.indent || (below.indent == key.indent && is_item(below.text)))
                return block(below.indent, depth + 1);
        }
        return YamlNode{YamlNode::Kind::nothing, key.number, {}, {}, {}};
    }

    std::vector<Line> lines_;
    size_t next_ = 0;
};

}  // namespace

Result<YamlNode> parse_block_yaml(std::string_view text) {
    if (text.size() > max_bytes) return Error::with_code(EFBIG, "more than 1 MiB");
    if (text.find('\0') != std::string_view::npos) return Error::invalid("contains NUL");
    return Parser(TRY(lines_of(text))).document();
}

}  // namespace casemate::audit

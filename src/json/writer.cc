#include "json/writer.h"

namespace casemate::json {
namespace {

// Length of the UTF-8 sequence at `text[at]`, or 0 when it is not one (RFC 3629: no surrogates, no overlong forms).
size_t utf8_length(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const unsigned first = byte(at);
    const auto follows = [&](size_t n) {
        for (size_t i = 1; i <= n; ++i)
            if ((byte(at + i) & 0xc0) != 0x80) return false;
        return true;
    };
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first < 0xf0) {
        if (!follows(2) || (first == 0xe0 && byte(at + 1) < 0xa0) || (first == 0xed && byte(at + 1) >= 0xa0)) return 0;
        return 3;
    }
    if (first >= 0xf0 && first < 0xf5) {
        if (!follows(3) || (first == 0xf0 && byte(at + 1) < 0x90) || (first == 0xf4 && byte(at + 1) >= 0x90)) return 0;
        return 4;
    }
    return 0;
}

}  // namespace

std::string quote(std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out = "\"";
    for (size_t i = 0; i < text.size();) {
        const char c = text[i];
        const size_t length = utf8_length(text, i);
        if (length == 0) {
            out += "\\ufffd";
            ++i;
            continue;
        }
        if (length > 1) {
            out += text.substr(i, length);
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            out += "\\u00";
            out += digits[static_cast<unsigned char>(c) >> 4];
            out += digits[static_cast<unsigned char>(c) & 15];
        } else {
            out += c;
        }
        i += length;
    }
    return out + "\"";
}

void Writer::newline() {
    if (!pretty_) return;
    text_ += '\n';
    text_.append(has_items_.size() * 2, ' ');
}

void Writer::before_value() {
    if (after_key_) {
        after_key_ = false;
        return;
    }
    if (has_items_.empty()) return;
    if (has_items_.back()) text_ += ',';
    has_items_.back() = true;
    newline();
}

Writer& Writer::begin_object() {
    before_value();
    text_ += '{';
    has_items_.push_back(false);
    return *this;
}

Writer& Writer::end_object() {
    const bool had = has_items_.back();
    has_items_.pop_back();
    if (had) newline();
    text_ += '}';
    return *this;
}

Writer& Writer::begin_array() {
    before_value();
    text_ += '[';
    has_items_.push_back(false);
    return *this;
}

Writer& Writer::end_array() {
    const bool had = has_items_.back();
    has_items_.pop_back();
    if (had) newline();
    text_ += ']';
    return *this;
}

Writer& Writer::key(std::string_view name) {
    before_value();
    text_ += quote(name);
    text_ += pretty_ ? ": " : ":";
    after_key_ = true;
    return *this;
}

Writer& Writer::value(std::string_view text) {
    before_value();
    text_ += quote(text);
    return *this;
}

Writer& Writer::value(bool flag) {
    before_value();
    text_ += flag ? "true" : "false";
    return *this;
}

Writer& Writer::value(int64_t number) {
    before_value();
    text_ += std::to_string(number);
    return *this;
}

Writer& Writer::value(uint64_t number) {
    before_value();
    text_ += std::to_string(number);
    return *this;
}

Writer& Writer::null() {
    before_value();
    text_ += "null";
    return *this;
}

Writer& Writer::raw(std::string_view json) {
    before_value();
    text_ += json;
    return *this;
}

}  // namespace casemate::json

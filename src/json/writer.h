// Writes JSON text: the callers call begin/end in order, commas and indentation are the writer's business.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace casemate::json {

class Writer {
public:
    enum class Style { compact, pretty };
    explicit Writer(Style style = Style::compact) : pretty_(style == Style::pretty) {}

    Writer& begin_object();
    Writer& end_object();
    Writer& begin_array();
    Writer& end_array();
    Writer& key(std::string_view name);
    Writer& value(std::string_view text);
    Writer& value(const char* text) { return value(std::string_view(text)); }
    Writer& value(const std::string& text) { return value(std::string_view(text)); }
    Writer& value(bool flag);
    Writer& value(int64_t number);
    Writer& value(uint64_t number);
    Writer& value(int number) { return value(static_cast<int64_t>(number)); }
    Writer& value(unsigned number) { return value(static_cast<uint64_t>(number)); }
    Writer& null();
    // A value that is JSON already.
    Writer& raw(std::string_view json);
    // key + value
    template <typename T>
    Writer& field(std::string_view name, const T& content) {
        key(name);
        return value(content);
    }

    // The text so far; pretty documents end without a newline.
    const std::string& text() const { return text_; }
    std::string take() { return std::move(text_); }

private:
    void before_value();
    void newline();
    std::string text_;
    std::vector<bool> has_items_;
    bool pretty_;
    bool after_key_ = false;
};

// "text" as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
std::string quote(std::string_view text);

}  // namespace casemate::json

// The only file that includes nlohmann/json.hpp in the launcher: its SAX events fill our tree.
//
// Memory: decoded strings never take more room than the document's text, so one block of that size holds them all.
// Children collect on one stack and move into a block of nodes when their parent closes. A config.json of 17 KB costs a
// dozen allocations.
#define JSON_NO_IO 1  // no istream: the launcher links none
#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/text.h"
#include "json/value.h"

namespace casemate::json {

// nlohmann calls back for each event; false stops the parse.
class Builder {
public:
    Builder(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {
        document_.blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(text.size()));
        next_string_ = reinterpret_cast<char*>(document_.blocks_.back().get());
        children_.reserve(256);
    }

    bool null() { return attach(Value()); }
    bool boolean(bool flag) { return attach(scalar(Kind::boolean, flag ? 1 : 0)); }
    bool number_unsigned(uint64_t number) { return attach(scalar(Kind::integer, number)); }
    bool number_integer(int64_t number) {
        Value value = scalar(Kind::integer, static_cast<uint64_t>(number));
        value.negative_ = number < 0;
        return attach(value);
    }
    bool number_float(double number, const std::string& text) {
        // nlohmann falls back to a double where 64 bits do not suffice.
        if (text.find_first_of(".eE") == std::string::npos)
            return fail(concat(value_path(), ": ", text, " is beyond 64 bits"));
        Value value;
        value.kind_ = Kind::real;
        value.real_ = number;
        return attach(value);
    }
    bool string(const std::string& text) {
        if (const char* why = fault_of(text)) return fail(concat(value_path(), ": ", why));
        Value value;
        value.kind_ = Kind::string;
        value.count_ = static_cast<uint32_t>(text.size());
        value.text_ = keep(text).data();
        return attach(value);
    }
    bool binary(const std::vector<uint8_t>&) { return fail("binary values are not JSON"); }

    bool start_object(size_t) { return open(Kind::object); }
    bool start_array(size_t) { return open(Kind::array); }
    bool key(const std::string& name) {
        if (const char* why = fault_of(name)) return fail(concat(container_path(), ": in a key: ", why));
        open_.back().key = keep(name);
        return true;
    }
    bool end_object() {
        const std::span<const Member> members = top_children();
        if (const Member* twice = duplicate(members))
            return fail(concat(child_path(container_path(), twice->key), ": key given twice"));
        Value value;
        value.kind_ = Kind::object;
        value.count_ = static_cast<uint32_t>(members.size());
        value.members_ = std::ranges::copy(members, allocate<Member>(members.size())).out - members.size();
        return close(value);
    }
    bool end_array() {
        const std::span<const Member> items = top_children();
        Value value;
        value.kind_ = Kind::array;
        value.count_ = static_cast<uint32_t>(items.size());
        value.items_ = std::ranges::transform(items, allocate<Value>(items.size()), &Member::value).out - items.size();
        return close(value);
    }

    // nlohmann describes the error in an exception that it does not throw; its text names nlohmann's own classes.
    template <typename Exception>
    bool parse_error(size_t position, const std::string& token, const Exception&) {
        return fail(syntax_error(position, token));
    }

    Result<Document> finish(bool complete) {
        if (!complete) return Error::invalid(std::move(error_));
        return std::move(document_);
    }

private:
    // A container that is not closed yet: where its children start in children_, and the key that waits for its value.
    struct Open {
        Kind kind;
        size_t first;
        std::string_view key;
    };

    static Value scalar(Kind kind, uint64_t number) {
        Value value;
        value.kind_ = kind;
        value.number_ = number;
        return value;
    }
    bool fail(std::string why) {
        error_ = std::move(why);
        return false;
    }
    const char* fault_of(const std::string& text) const {
        if (text.size() > limits_.string_bytes) return "a string that is too long";
        for (const char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte == 0) return "a NUL character in a string";
            if (!limits_.control_characters && (byte < 0x20 || byte == 0x7f)) return "a control character in a string";
        }
        return nullptr;
    }
    std::string_view keep(const std::string& text) {
        char* const start = next_string_;
        next_string_ = std::ranges::copy(text, start).out;
        return {start, text.size()};
    }
    template <typename T>
    T* allocate(size_t count) {
        const size_t bytes = count * sizeof(T);
        if (bytes > free_bytes_) {
            free_bytes_ = std::max(bytes, next_block_bytes_);
            next_block_bytes_ = std::min(next_block_bytes_ * 2, size_t{1} << 20);
            document_.blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(free_bytes_));
            next_node_ = document_.blocks_.back().get();
        }
        T* const start = reinterpret_cast<T*>(next_node_);
        std::uninitialized_default_construct_n(start, count);
        next_node_ += bytes;
        free_bytes_ -= bytes;
        return start;
    }

    std::span<const Member> top_children() const { return std::span(children_).subspan(open_.back().first); }
    bool attach(const Value& value) {
        if (open_.empty()) {
            document_.root_ = value;
            return true;
        }
        if (++values_ > limits_.values)
            return fail(concat(container_path(), ": more than ", limits_.values, " values in the document"));
        if (children_.size() - open_.back().first >= limits_.items)
            return fail(concat(container_path(), ": more than ", limits_.items, " items"));
        children_.push_back({open_.back().key, value});
        return true;
    }
    bool open(Kind kind) {
        if (open_.size() >= limits_.depth) return fail(concat(value_path(), ": nested deeper than ", limits_.depth));
        open_.push_back({kind, children_.size(), {}});
        return true;
    }
    bool close(const Value& value) {
        children_.resize(open_.back().first);
        open_.pop_back();
        return attach(value);
    }
    // The member whose key an earlier one has too, or nullptr.
    static const Member* duplicate(std::span<const Member> members) {
        constexpr size_t few = 16;  // above: sorted, so that a hostile object costs n log n
        if (members.size() <= few) {
            for (size_t i = 1; i < members.size(); ++i)
                for (size_t j = 0; j < i; ++j)
                    if (members[i].key == members[j].key) return &members[i];
            return nullptr;
        }
        std::vector<const Member*> sorted;
        sorted.reserve(members.size());
        for (const Member& member : members) sorted.push_back(&member);
        std::ranges::sort(sorted, {}, [](const Member* member) { return member->key; });
        const auto same = std::ranges::adjacent_find(sorted, {}, [](const Member* member) { return member->key; });
        return same == sorted.end() ? nullptr : *same;
    }

    // The innermost container, and the place in it where the next value goes.
    std::string container_path() const { return path(open_.empty() ? 0 : open_.size() - 1); }
    std::string value_path() const { return path(open_.size()); }
    std::string path(size_t levels) const {
        std::string out = "$";
        for (size_t i = 0; i < levels; ++i) {
            const size_t end = i + 1 < open_.size() ? open_[i + 1].first : children_.size();
            out = open_[i].kind == Kind::array ? child_path(out, end - open_[i].first) : child_path(out, open_[i].key);
        }
        return out;
    }
    std::string syntax_error(size_t position, const std::string& token) const {
        const size_t at = std::min(position ? position - 1 : 0, text_.size());
        size_t line = 1, column = 1;
        for (const char c : text_.substr(0, at)) c == '\n' ? (++line, column = 1) : ++column;
        const std::string where = concat("line ", line, ", column ", column);
        if (at == text_.size()) return where + ": the document ends too early";
        constexpr size_t shown = 40;
        return concat(where, ": not JSON here, near ",
                      casemate::quoted(token.size() > shown ? token.substr(token.size() - shown) : token));
    }

    std::string_view text_;
    const Limits& limits_;
    Document document_;
    char* next_string_ = nullptr;
    std::byte* next_node_ = nullptr;
    size_t free_bytes_ = 0, next_block_bytes_ = 8192, values_ = 0;
    std::vector<Member> children_;
    std::vector<Open> open_;
    std::string error_;
};

Result<Document> Document::parse(std::string_view text, const Limits& limits) {
    if (text.size() > limits.bytes) return Error::with_code(EFBIG, concat("larger than ", limits.bytes, " bytes"));
    // nlohmann takes a NUL for the end of the document, whatever follows, and skips a byte order mark.
    if (text.find('\0') != std::string_view::npos) return Error::invalid("a NUL byte in the document");
    if (text.starts_with("\xef\xbb\xbf")) return Error::invalid("a byte order mark before the document");
    Builder builder(text, limits);
    const bool complete = nlohmann::json::sax_parse(text.data(), text.data() + text.size(), &builder);
    return builder.finish(complete);
}

}  // namespace casemate::json

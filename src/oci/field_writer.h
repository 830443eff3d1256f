// Writes a struct as a JSON object by its `fields` function (field.h). What is at its default and not required is left
// out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json/writer.h"
#include "oci/field.h"

namespace casemate::oci {

class FieldWriter {
public:
    // Opens the object at once, or with a key only when there is something to put in it.
    explicit FieldWriter(json::Writer& out) : out_(out), open_(true) { out_.begin_object(); }
    FieldWriter(json::Writer& out, std::string_view key) : out_(out), key_(key) {}
    ~FieldWriter() {
        if (open_) out_.end_object();
    }
    FieldWriter(const FieldWriter&) = delete;
    FieldWriter& operator=(const FieldWriter&) = delete;

    template <typename T>
    void operator()(std::string_view key, const T& member, const Rule& rule = {}) {
        if (!rule.required && member == T()) return;
        if (!open_) out_.key(key_).begin_object();
        open_ = true;
        out_.key(key);
        write(member);
    }
    template <typename Visit>
    void group(std::string_view key, Visit visit, const Rule& = {}) {
        FieldWriter inner(out_, key);
        visit(inner);
    }

private:
    void write(const bool& flag) { out_.value(flag); }
    void write(const std::string& text) { out_.value(text); }
    template <std::integral T>
    void write(const T& number) {
        if constexpr (std::is_signed_v<T>)
            out_.value(static_cast<int64_t>(number));
        else
            out_.value(static_cast<uint64_t>(number));
    }
    template <typename T>
    void write(const std::optional<T>& some) {
        write(*some);
    }
    template <typename T>
    void write(const std::vector<T>& items) {
        out_.begin_array();
        for (const T& item : items) write(item);
        out_.end_array();
    }
    template <typename T>
    void write(const std::map<std::string, T>& entries) {
        out_.begin_object();
        for (const auto& [name, entry] : entries) {
            out_.key(name);
            write(entry);
        }
        out_.end_object();
    }
    template <typename T>
    void write(const T& object) {
        FieldWriter inner(out_);
        fields(inner, object);
    }

    json::Writer& out_;
    std::string_view key_;
    bool open_ = false;
};

}  // namespace casemate::oci

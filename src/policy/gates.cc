#include "policy/gates.h"

#include <algorithm>

#include "base/text.h"
#include "policy/grants.h"
#include "policy/units.h"

namespace casemate::policy {
namespace {

using Words = std::span<const std::string_view>;

// One key of a gate: what it may hold, written as it is read.
struct Key {
    std::string_view name;
    enum class Type { text, flag, count, time, word, words, texts, suppressions } type;
    Words words = {};
};

constexpr std::string_view severities[] = {"CRITICAL", "HIGH", "MEDIUM", "LOW", "NEGLIGIBLE", "UNKNOWN"};
constexpr std::string_view findings[] = {"fatal", "warn", "info"};
constexpr std::string_view formats[] = {"auto", "trivy", "grype"};
constexpr std::string_view match_image[] = {"required", "ignore"};
constexpr std::string_view allow_deny[] = {"allow", "deny"};
constexpr std::string_view scanners[] = {"trivy", "grype"};

using enum Key::Type;
constexpr Key audit_keys[] = {{"failOn", word, findings}, {"suppress", suppressions}};
constexpr Key vulnerability_keys[] = {{"report", text},
                                      {"format", word, formats},
                                      {"failOn", word, severities},
                                      {"severities", words, severities},
                                      {"unknownAs", word, severities},
                                      {"ignoreUnfixed", flag},
                                      {"ignoreFile", text},
                                      {"maxIgnoreDays", count},
                                      {"vex", texts},
                                      {"maxReportAge", time},
                                      {"matchImage", word, match_image},
                                      {"denyEol", flag},
                                      {"secrets", word, allow_deny},
                                      {"onMissingReport", word, allow_deny},
                                      {"scanner", word, scanners},
                                      {"scannerTimeout", time}};
constexpr Key suppression_keys[] = {{"id", text}, {"because", text}, {"until", text}};

bool write_gate(json::Writer& writer, const At& at, const json::Value& value, std::span<const Key> keys,
                Words required);

bool write_text(json::Writer& writer, const At& at, const json::Value& value) {
    const auto content = at.string(value);
    if (content && content->empty()) at.fail("is empty");
    if (content) writer.value(*content);
    return content && !content->empty();
}

bool write_word(json::Writer& writer, const At& at, const json::Value& value, Words known) {
    const auto content = at.string(value);
    if (!content) return false;
    if (std::ranges::find(known, *content) == known.end()) return at.unknown("value", *content, known), false;
    writer.value(*content);
    return true;
}

template <typename WriteItem>
bool write_list(json::Writer& writer, const At& at, const json::Value& value, WriteItem write_item) {
    const auto items = at.array(value);
    if (!items) return false;
    bool sound = true;
    writer.begin_array();
    for (size_t i = 0; i < items->size(); ++i) sound = write_item(at.item(i), (*items)[i]) && sound;
    writer.end_array();
    return sound;
}

bool write_member(json::Writer& writer, const At& at, const json::Value& value, const Key& key) {
    switch (key.type) {
        case text: return write_text(writer, at, value);
        case flag:
            if (!value.is_bool()) return at.expected("true or false", value), false;
            return writer.value(value.boolean()), true;
        case count: {
            const auto number = at.integer(value, 0, 36500);
            if (number) writer.value(*number);
            return number.has_value();
        }
        case time: {
            const auto duration = parse_time(at, value);
            if (duration) writer.value(time_text(*duration));
            return duration.has_value();
        }
        case word: return write_word(writer, at, value, key.words);
        case words:
            return write_list(writer, at, value, [&](const At& item, const json::Value& one) {
                return write_word(writer, item, one, key.words);
            });
        case texts:
            return write_list(writer, at, value,
                              [&](const At& item, const json::Value& one) { return write_text(writer, item, one); });
        case suppressions:
            return write_list(writer, at, value, [&](const At& item, const json::Value& one) {
                static constexpr std::string_view required[] = {"id", "because"};
                return write_gate(writer, item, one, suppression_keys, required);
            });
    }
    return false;
}

bool write_gate(json::Writer& writer, const At& at, const json::Value& value, std::span<const Key> keys,
                Words required) {
    std::vector<std::string_view> names;
    for (const Key& key : keys) names.push_back(key.name);
    if (!at.check_keys(value, names, required)) return false;
    bool sound = std::ranges::all_of(required, [&](std::string_view name) { return value.find(name) != nullptr; });
    sound = sound && std::ranges::all_of(value.members(), [&](const json::Member& member) {
                return std::ranges::find(names, member.key) != names.end();
            });
    writer.begin_object();
    for (const Key& key : keys) {
        const json::Value* const member = value.find(key.name);
        if (!member) continue;
        writer.key(key.name);
        sound = write_member(writer, at.member(key.name), *member, key) && sound;
    }
    writer.end_object();
    return sound;
}

}  // namespace

std::optional<std::string> parse_audit_gate(const At& at, const json::Value& value) {
    static constexpr std::string_view required[] = {"failOn"};
    json::Writer writer;
    return write_gate(writer, at, value, audit_keys, required) ? std::optional(writer.take()) : std::nullopt;
}

std::optional<std::string> parse_vulnerability_gate(const At& at, const json::Value& value) {
    json::Writer writer;
    if (!write_gate(writer, at, value, vulnerability_keys, {})) return std::nullopt;
    if (value.find("failOn") && value.find("severities")) return at.fail("give 'failOn' or 'severities', not both");
    if (!value.find("failOn") && !value.find("severities")) return at.fail("needs 'failOn' or 'severities'");
    return writer.take();
}

namespace {

// The keys of a gate that name files.
constexpr std::string_view path_keys[] = {"report", "ignoreFile", "vex"};

// With a `directory`, strings are paths that become absolute.
void copy_value(json::Writer& writer, const json::Value& value, std::string_view directory = {}) {
    switch (value.kind()) {
        case json::Kind::null:
        case json::Kind::real: writer.null(); break;  // no gate holds one
        case json::Kind::boolean: writer.value(value.boolean()); break;
        case json::Kind::integer: writer.value(value.unsigned_integer()); break;
        case json::Kind::string:
            if (directory.empty() || value.string().starts_with('/'))
                writer.value(value.string());
            else
                writer.value(absolute_path(directory, value.string()));
            break;
        case json::Kind::array:
            writer.begin_array();
            for (const json::Value& item : value.items()) copy_value(writer, item, directory);
            writer.end_array();
            break;
        case json::Kind::object:
            writer.begin_object();
            for (const json::Member& member : value.members()) {
                const bool path = std::ranges::find(path_keys, member.key) != std::end(path_keys);
                copy_value(writer.key(member.key), member.value, path ? directory : std::string_view());
            }
            writer.end_object();
            break;
    }
}

bool names_relative_path(const json::Value& value) {
    if (value.is_string()) return !value.string().starts_with('/');
    return std::ranges::any_of(value.items(), names_relative_path);
}

bool has_relative_path(const json::Value& gate) {
    return std::ranges::any_of(path_keys, [&](std::string_view key) {
        const json::Value* const value = gate.find(key);
        return value && names_relative_path(*value);
    });
}

}  // namespace

bool make_paths_absolute(Admission& admission, std::string_view directory) {
    const bool usable = directory.starts_with('/');
    for (std::string& gate : admission.vulnerability_gates) {
        const auto document = json::Document::parse(gate);  // text of our own writer
        if (!document || !has_relative_path(document.value().root())) continue;
        if (!usable) return false;
        json::Writer writer;
        copy_value(writer, document.value().root(), directory);
        gate = writer.take();
    }
    if (admission.public_keys)
        for (std::string& key : *admission.public_keys) {
            if (key.starts_with('/')) continue;
            if (!usable) return false;
            key = absolute_path(directory, key);
        }
    return true;
}

void write_gates(json::Writer& writer, std::span<const std::string> gates) {
    if (gates.size() != 1) writer.begin_array();
    for (const std::string& gate : gates) {
        const auto document = json::Document::parse(gate);  // text of our own writer
        if (document) copy_value(writer, document.value().root());
    }
    if (gates.size() != 1) writer.end_array();
}

}  // namespace casemate::policy

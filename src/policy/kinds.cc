#include "policy/kinds.h"

namespace casemate::policy {

void Size::write(json::Writer& writer, Value value) {
    const std::string text = size_text(value);
    if (text.back() == 'B') {
        writer.value(text);
    } else {
        writer.value(value);
    }
}

void Cpu::write(json::Writer& writer, Value value) {
    if (value % 1000 == 0) {
        writer.value(value / 1000);
    } else {
        writer.value(cpu_text(value));
    }
}

std::optional<RlimitPair> Rlimit::parse(const At& at, const json::Value& value) {
    if (!value.is_object()) {
        const auto both = parse_size(at, value);
        return both ? std::optional(RlimitPair{*both, *both}) : std::nullopt;
    }
    static constexpr std::string_view keys[] = {"soft", "hard"};
    at.check_keys(value, keys, keys);
    const json::Value *soft_value = value.find("soft"), *hard_value = value.find("hard");
    if (!soft_value || !hard_value) return std::nullopt;
    const auto soft = parse_size(at.member("soft"), *soft_value);
    const auto hard = parse_size(at.member("hard"), *hard_value);
    if (!soft || !hard) return std::nullopt;
    if (*soft > *hard) return at.fail("soft is above hard");
    return RlimitPair{*soft, *hard};
}

// Plain numbers: most rlimits are no sizes.
void Rlimit::write(json::Writer& writer, const Value& value) {
    if (value.soft == value.hard)
        writer.value(value.soft);
    else
        writer.begin_object().field("soft", value.soft).field("hard", value.hard).end_object();
}

std::optional<seccomp::Action> DefaultAction::parse(const At& at, const json::Value& value) {
    static constexpr std::string_view words[] = {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG",         "SCMP_ACT_ERRNO",
                                                 "SCMP_ACT_TRAP",  "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS"};
    const auto word = at.string(value);
    if (!word) return std::nullopt;
    if (std::ranges::find(words, *word) == std::end(words)) return at.unknown("value", *word, words);
    return seccomp::action_by_name(*word);
}

bool Path::item(const At& at, std::string_view text) {
    if (is_normal_path(text)) return true;
    at.fail(concat(quoted(text), " is not an absolute, normalised path"));
    return false;
}

bool PathIntersection::foreign(const Strings& parent, std::string_view item) {
    return std::ranges::none_of(parent, [&](const std::string& root) { return is_at_or_below(item, root); });
}

void PathIntersection::sort(Strings& list) {
    std::ranges::sort(list);
    Strings roots;
    for (std::string& path : list)
        if (foreign(roots, path)) roots.push_back(std::move(path));
    list = std::move(roots);
}

// Of each comparable pair the longer one: the meet of two sets that are closed downwards.
bool PathIntersection::join(const Strings& a, const Strings& b, Strings& out) {
    Strings both;
    for (const std::string& path : a)
        if (!foreign(b, path)) both.push_back(path);
    for (const std::string& path : b)
        if (!foreign(a, path)) both.push_back(path);
    sort(both);
    return out = std::move(both), true;
}

std::optional<std::vector<uint16_t>> PortIntersection::parse(const At& at, const json::Value& value) {
    const auto items = at.array(value);
    if (!items) return std::nullopt;
    Value ports;
    bool sound = true;
    for (size_t i = 0; i < items->size(); ++i) {
        const auto port = at.item(i).integer((*items)[i], 1, 65535);
        sound = sound && port;
        if (!port) continue;
        if (std::ranges::find(ports, *port) != ports.end()) {
            at.item(i).fail(concat(*port, " is listed twice"));
            sound = false;
        }
        ports.push_back(static_cast<uint16_t>(*port));
    }
    return sound ? std::optional(std::move(ports)) : std::nullopt;
}

void PortIntersection::write(json::Writer& writer, const Value& list) {
    writer.begin_array();
    for (const uint16_t port : list) writer.value(unsigned{port});
    writer.end_array();
}

bool MaskedPath::item(const At& at, std::string_view text) {
    for (const std::string_view component : split(text, '/')) {
        if (std::ranges::count(component, '*') <= 1) continue;
        at.fail(concat(quoted(text), ": at most one * in a component"));
        return false;
    }
    return Path::item(at, text);
}

bool DevicePath::item(const At& at, std::string_view text) {
    if (!Path::item(at, text)) return false;
    if (text.starts_with("/dev/")) return true;
    at.fail(concat(quoted(text), " is not below /dev"));
    return false;
}

bool VariableName::item(const At& at, std::string_view text) {
    if (!text.empty() && text.size() <= 256 && text.find_first_of("=*") == std::string_view::npos) return true;
    at.fail(concat(quoted(text), " is not a variable's name"));
    return false;
}

bool VariablePattern::item(const At& at, std::string_view text) {
    std::string_view core = text;
    if (core.starts_with('*')) core.remove_prefix(1);
    if (core.ends_with('*')) core.remove_suffix(1);
    if (text.size() <= 256 && !core.empty() && core.find_first_of("=*") == std::string_view::npos) return true;
    at.fail(concat(quoted(text), " is not a name pattern; * may stand at either end"));
    return false;
}

bool AnyText::item(const At& at, std::string_view text) {
    if (!text.empty() && text.size() <= 256) return true;
    at.fail("expected 1 to 256 bytes");
    return false;
}

bool matches_pattern(std::string_view pattern, std::string_view name) {
    const bool open_start = pattern.starts_with('*'), open_end = pattern.ends_with('*');
    if (open_start) pattern.remove_prefix(1);
    if (open_end) pattern.remove_suffix(1);
    if (open_start && open_end) return name.find(pattern) != std::string_view::npos;
    if (open_start) return name.ends_with(pattern);
    return open_end ? name.starts_with(pattern) : name == pattern;
}

}  // namespace casemate::policy

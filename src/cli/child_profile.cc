// Fields are gathered by path and printed at the end, so that options may come in any order.
#include "cli/child_profile.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/text.h"
#include "json/value.h"
#include "json/writer.h"

namespace casemate::cli {
namespace {

using Path = std::vector<std::string>;

// Fields by path, as JSON texts; printed as nested objects.
class Fields {
public:
    void set(Path path, std::string json) { values_[std::move(path)] = std::move(json); }
    void append(const Path& path, const std::string& json) { lists_[path].push_back(json); }
    bool empty() const { return values_.empty() && lists_.empty(); }

    // Error: a list of options and --set speak of the same field, and one would be lost.
    Result<std::string> text() {
        for (const auto& [path, items] : lists_)
            if (!values_.emplace(path, concat('[', join(items, ","), ']')).second)
                return Error::invalid(
                    concat("option '--set': ", quoted(join(path, ".")), " is also given by another option"));
        Position next = values_.cbegin();
        return object(next, 0);
    }

private:
    using Position = std::map<Path, std::string>::const_iterator;
    // All fields below the first `depth` names of `next`; the map's order keeps them together.
    std::string object(Position& next, size_t depth) const {
        const Path first = next->first;
        const auto same_parent = [&](const Path& path) {
            return path.size() > depth &&
                   std::equal(first.begin(), first.begin() + static_cast<long>(depth), path.begin());
        };
        std::string out = "{";
        while (next != values_.cend() && same_parent(next->first)) {
            if (out.size() > 1) out += ',';
            out += concat(json::quote(next->first[depth]), ':');
            if (next->first.size() == depth + 1)
                out += (next++)->second;
            else
                out += object(next, depth + 1);
        }
        return out + '}';
    }

    std::map<Path, std::string> values_;
    std::map<Path, std::vector<std::string>> lists_;
};

// A number as a number; anything else as a string, for the loader to judge with its own "did you mean".
std::string number_or_text(std::string_view text) {
    if (const auto number = parse_decimal(text, INT64_MAX)) return std::to_string(*number);
    return json::quote(text);
}

Error wrong(Opt id, std::string_view value, std::string_view why) {
    return Error::invalid(concat("option '--", option(id).name, "': ", quoted(value), ' ', why));
}

// "1.5" -> "1500m", as the profile writes it; a whole number stays one.
std::string cpus(std::string_view text) {
    const size_t point = text.find('.');
    if (point == std::string_view::npos) return number_or_text(text);
    std::string fraction(text.substr(point + 1));
    const auto whole = parse_decimal(text.substr(0, point), 1000000);
    if (!whole || fraction.empty() || fraction.size() > 3) return json::quote(text);
    fraction.resize(3, '0');
    const auto milli = parse_decimal(fraction);
    return milli ? json::quote(concat(*whole * 1000 + *milli, 'm')) : json::quote(text);
}

Result<void> add_ulimit(Fields& out, const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return wrong(Opt::ulimit, text, "is not TYPE=SOFT[:HARD]");
    std::string type = text.substr(0, equals);
    for (char& c : type)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!type.starts_with("RLIMIT_")) type = concat("RLIMIT_", type);
    const std::vector<std::string_view> parts = split(std::string_view(text).substr(equals + 1), ':');
    if (parts.size() > 2) return wrong(Opt::ulimit, text, "is not TYPE=SOFT[:HARD]");
    const std::string soft = number_or_text(parts[0]);
    out.set({"limits", "rlimits", type},
            parts.size() == 1 ? soft : concat("{\"soft\":", soft, ",\"hard\":", number_or_text(parts[1]), '}'));
    return {};
}

// SRC:DST[:ro|rw]. A colon in SRC cannot be spelt; a profile can.
Result<void> add_volume(Fields& out, const std::string& text) {
    const std::vector<std::string_view> parts = split(text, ':');
    if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() || parts[1].empty())
        return wrong(Opt::volume, text, "is not SRC:DST[:ro]");
    if (parts.size() == 3 && parts[2] != "ro" && parts[2] != "rw")
        return wrong(Opt::volume, text, "ends neither in ':ro' nor in ':rw'");
    const bool readonly = parts.size() == 3 && parts[2] == "ro";
    // A bare name would be a volume of docker's; here it is a path, and says so.
    const std::string source =
        parts[0].front() == '/' || parts[0].front() == '.' ? std::string(parts[0]) : concat("./", parts[0]);
    out.append({"filesystem", "mounts"}, json::Writer()
                                             .begin_object()
                                             .field("destination", parts[1])
                                             .field("type", "bind")
                                             .field("source", source)
                                             .field("readonly", readonly)
                                             .end_object()
                                             .take());
    return {};
}

// DST[:size=SIZE,inodes=N,mode=OCTAL,exec|noexec]
Result<void> add_tmpfs(Fields& out, const std::string& text) {
    const size_t colon = text.find(':');
    std::string size = json::quote("64MiB"), rest;
    if (colon != std::string::npos) {
        for (const std::string_view part : split(std::string_view(text).substr(colon + 1), ',')) {
            const size_t equals = part.find('=');
            const std::string_view key = part.substr(0, equals);
            const std::string_view value = equals == std::string_view::npos ? "" : part.substr(equals + 1);
            if (key == "size" && !value.empty())
                size = number_or_text(value);
            else if (key == "inodes" && !value.empty())
                rest += concat(",\"inodes\":", number_or_text(value));
            else if (key == "mode" && !value.empty())
                rest += concat(",\"mode\":", json::quote(value.size() == 3 ? concat('0', value) : std::string(value)));
            else if (part == "exec" || part == "noexec")
                rest += concat(",\"noexec\":", part == "noexec" ? "true" : "false");
            else
                return wrong(Opt::tmpfs, text, "is not DST[:size=SIZE,inodes=N,mode=OCTAL,exec]");
        }
    }
    out.append({"filesystem", "mounts"}, concat("{\"destination\":", json::quote(text.substr(0, colon)),
                                                ",\"type\":\"tmpfs\",\"size\":", size, rest, '}'));
    return {};
}

Result<void> add_publish(Fields& out, std::string text) {
    if (text.ends_with("/udp"))
        return Error::with_code(EPROTONOSUPPORT, concat("option '--publish': ", quoted(text), ": UDP is not relayed"))
            .hint("--network host, with a waiver of network.mode, is the only way for UDP");
    if (text.ends_with("/tcp")) text.resize(text.size() - 4);
    out.append({"network", "publish"}, json::quote(text));
    return {};
}

// In numbers it is a setting like any other. A name is the image's to resolve, which the runtime does.
void add_user(Fields& out, std::string_view text) {
    const size_t colon = text.find(':');
    const auto uid = parse_decimal(text.substr(0, colon), UINT32_MAX - 1);
    const auto gid = colon == std::string_view::npos ? uid : parse_decimal(text.substr(colon + 1), UINT32_MAX - 1);
    if (!uid || !gid) return;
    out.set({"identity", "user"}, concat("{\"uid\":", *uid, ",\"gid\":", *gid, '}'));
    out.set({"identity", "imageUser"}, json::quote("ignore"));
}

void add_env(Fields& out, const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos)
        out.append({"environment", "pass"}, json::quote(text));
    else
        out.set({"environment", "set", text.substr(0, equals)}, json::quote(text.substr(equals + 1)));
}

// FIELD=JSON; what is no JSON is a string, so that --set process.hostname=web needs no quotes in quotes.
Result<void> add_field(Fields& out, const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return wrong(Opt::set, text, "is not FIELD=JSON");
    Path path;
    for (const std::string_view name : split(std::string_view(text).substr(0, equals), '.')) path.emplace_back(name);
    const std::string value = text.substr(equals + 1);
    out.set(std::move(path), json::Document::parse(value) ? value : json::quote(value));
    return {};
}

Result<void> add_waiver(Fields& out, const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
        return wrong(Opt::waive, text, "is not FIELD=REASON")
            .hint("--waive 'limits.memory=the model is kept in memory'");
    out.append({"waive"}, json::Writer()
                              .begin_object()
                              .field("what", text.substr(0, equals))
                              .field("because", text.substr(equals + 1))
                              .end_object()
                              .take());
    return {};
}

// Options that are one field and nothing else.
struct Plain {
    Opt id;
    enum class Form : uint8_t { text, number, yes, no, cpu } form;
    char section[12];
    char field[20];
};
constexpr Plain plain_options[] = {
    {Opt::read_only, Plain::Form::yes, "filesystem", "readonlyRoot"},
    {Opt::umask, Plain::Form::text, "process", "umask"},
    {Opt::network, Plain::Form::text, "network", "mode"},
    {Opt::egress, Plain::Form::text, "network", "egress"},
    {Opt::hostname, Plain::Form::text, "process", "hostname"},
    {Opt::memory, Plain::Form::number, "limits", "memory"},
    {Opt::swap, Plain::Form::number, "limits", "swap"},
    {Opt::cpus, Plain::Form::cpu, "limits", "cpu"},
    {Opt::pids, Plain::Form::number, "limits", "pids"},
    {Opt::runtime_max, Plain::Form::text, "limits", "runtimeMax"},
    {Opt::init, Plain::Form::yes, "process", "init"},
    {Opt::no_init, Plain::Form::no, "process", "init"},
    {Opt::stop_timeout, Plain::Form::text, "process", "stopTimeout"},
};

void add_plain(Fields& out, const Plain& plain, std::string_view value) {
    std::string json;
    switch (plain.form) {
        case Plain::Form::text: json = json::quote(value); break;
        case Plain::Form::number: json = number_or_text(value); break;
        case Plain::Form::yes: json = "true"; break;
        case Plain::Form::no: json = "false"; break;
        case Plain::Form::cpu: json = cpus(value); break;
    }
    out.set({plain.section, plain.field}, std::move(json));
}

// A negative number is the one that parse_decimal does not know.
std::string oom_score(std::string_view text) {
    if (text.starts_with('-') && parse_decimal(text.substr(1), 1000)) return std::string(text);
    return number_or_text(text);
}

Result<void> add(Fields& out, const Given& given) {
    const std::string value(given.value);
    switch (given.id) {
        case Opt::ulimit: return add_ulimit(out, value);
        case Opt::volume: return add_volume(out, value);
        case Opt::tmpfs: return add_tmpfs(out, value);
        case Opt::publish: return add_publish(out, value);
        case Opt::user:
            if (value.empty()) return Error::invalid("--user: the user is empty");
            add_user(out, value);
            return {};
        case Opt::set: return add_field(out, value);
        case Opt::waive: return add_waiver(out, value);
        case Opt::env: add_env(out, value); return {};
        case Opt::cap: out.append({"capabilities"}, json::quote(value)); return {};
        case Opt::listen: out.append({"network", "listen"}, json::quote(value)); return {};
        case Opt::oom_score_adj: out.set({"process", "oomScoreAdj"}, oom_score(value)); return {};
        default: break;
    }
    for (const Plain& plain : plain_options)
        if (plain.id == given.id) add_plain(out, plain, value);
    return {};
}

}  // namespace

Result<std::string> child_profile(const Arguments& arguments) {
    Fields fields;
    for (const Given& given : arguments.given) TRY(add(fields, given));
    if (fields.empty()) return std::string();
    fields.set({"schemaVersion"}, "1");
    return fields.text();
}

}  // namespace casemate::cli

// filesystem.mounts: the shape of each mount, and where its source is.
#include "policy/grants.h"

namespace casemate::policy {
namespace {

using Type = MountGrant::Type;
constexpr std::string_view types[] = {"tmpfs", "bind", "none"};

// Why a mount may not go there, or nothing. The launcher's own mounts are not for the profile to cover.
const char* refused_destination(std::string_view path) {
    if (path == "/") return "is the root itself";
    if (is_at_or_below(path, "/proc")) return "is at or below /proc";
    if (path == "/sys" || path == "/dev") return "is mounted by the launcher";
    return nullptr;
}

// Keys that the type has no use for are errors: a line without effect must not be believed.
bool keys_fit(const At& at, const json::Value& value, Type type) {
    constexpr std::string_view of_tmpfs[] = {"size", "inodes", "mode"};
    bool fit = true;
    const auto refuse = [&](std::string_view key) {
        if (!value.find(key)) return;
        at.member(key).fail(concat("a mount of type '", types[static_cast<size_t>(type)], "' has none"));
        fit = false;
    };
    if (type != Type::bind) refuse("source");
    if (type != Type::tmpfs)
        for (const std::string_view key : of_tmpfs) refuse(key);
    if (type == Type::none)
        for (const std::string_view key : {"readonly", "noexec"}) refuse(key);
    return fit;
}

template <typename Kind, typename Slot>
bool read_into(const At& at, const json::Value& object, std::string_view key, Slot& slot) {
    const json::Value* const value = object.find(key);
    if (!value) return true;
    const auto parsed = Kind::parse(at.member(key), *value);
    if (parsed) slot = *parsed;
    return parsed.has_value();
}

struct Mode {
    static std::optional<uint32_t> parse(const At& at, const json::Value& value) {
        return parse_mode(at, value, 01777);
    }
};
struct SourcePath {
    static std::optional<std::string> parse(const At& at, const json::Value& value) {
        const auto text = at.string(value);
        if (!text) return std::nullopt;
        if (text->empty()) return at.fail("is empty");
        if (text->starts_with('/') && !Path::item(at, *text)) return std::nullopt;
        return std::string(*text);
    }
};

std::optional<MountGrant> parse_mount(const At& at, const json::Value& value) {
    static constexpr std::string_view keys[] = {"destination", "type", "source", "readonly",
                                                "noexec",      "size", "inodes", "mode"};
    static constexpr std::string_view required[] = {"destination", "type"};
    if (!at.check_keys(value, keys, required)) return std::nullopt;
    const json::Value *destination = value.find("destination"), *type = value.find("type");
    if (!destination || !type) return std::nullopt;
    const auto path = at.member("destination").string(*destination);
    const auto word = at.member("type").string(*type);
    if (!path || !word || !Path::item(at.member("destination"), *path)) return std::nullopt;
    const auto known = std::ranges::find(types, *word);
    if (known == std::end(types)) return at.member("type").unknown("value", *word, types);
    if (const char* why = refused_destination(*path))
        return at.member("destination").fail(concat(quoted(*path), " ", why));

    MountGrant mount;
    mount.destination = *path;
    mount.type = static_cast<Type>(known - types);
    mount.readonly = mount.type == Type::bind;
    if (!keys_fit(at, value, mount.type)) return std::nullopt;
    using Inodes = Integer<uint64_t, 1, INT64_MAX>;
    bool sound = read_into<SourcePath>(at, value, "source", mount.source);
    sound = read_into<Truth>(at, value, "readonly", mount.readonly) && sound;
    sound = read_into<Truth>(at, value, "noexec", mount.noexec) && sound;
    sound = read_into<Size>(at, value, "size", mount.size) && sound;
    sound = read_into<Inodes>(at, value, "inodes", mount.inodes) && sound;
    sound = read_into<Mode>(at, value, "mode", mount.mode) && sound;
    if (!sound) return std::nullopt;
    if (mount.type == Type::tmpfs && !mount.size) return at.fail("a tmpfs needs 'size'");
    if (mount.type == Type::bind && mount.source.empty()) return at.fail("a bind needs 'source'");
    return mount;
}

}  // namespace

std::optional<std::vector<MountGrant>> Mounts::parse(const At& at, const json::Value& value) {
    const auto items = at.array(value);
    if (!items) return std::nullopt;
    Value mounts;
    bool sound = true;
    for (size_t i = 0; i < items->size(); ++i) {
        const At here = at.item(i);
        auto mount = parse_mount(here, (*items)[i]);
        const bool twice =
            mount && std::ranges::find(mounts, mount->destination, &MountGrant::destination) != mounts.end();
        if (twice) here.member("destination").fail(concat(quoted(mount->destination), " is given twice"));
        sound = sound && mount && !twice;
        if (mount) mounts.push_back(std::move(*mount));
    }
    return sound ? std::optional(std::move(mounts)) : std::nullopt;
}

void Mounts::write(json::Writer& writer, const Value& mounts) {
    writer.begin_array();
    for (const MountGrant& mount : mounts) {
        writer.begin_object()
            .field("destination", mount.destination)
            .field("type", types[static_cast<size_t>(mount.type)]);
        if (mount.type == Type::bind) writer.field("source", mount.source);
        if (mount.type == Type::bind || mount.readonly) writer.field("readonly", mount.readonly);
        if (mount.noexec) writer.field("noexec", *mount.noexec);
        if (mount.size) Size::write(writer.key("size"), *mount.size);
        if (mount.inodes) writer.field("inodes", *mount.inodes);
        if (mount.mode) writer.field("mode", mode_text(*mount.mode));
        writer.end_object();
    }
    writer.end_array();
}

std::string absolute_path(std::string_view directory, std::string_view path) {
    std::vector<std::string_view> parts;
    for (const std::string_view text : {directory, path})
        for (const std::string_view part : split(text, '/')) {
            if (part.empty() || part == ".") continue;
            if (part != "..")
                parts.push_back(part);
            else if (!parts.empty())
                parts.pop_back();
        }
    std::string out;
    for (const std::string_view part : parts) out += concat("/", part);
    return out.empty() ? "/" : out;
}

bool make_sources_absolute(std::vector<MountGrant>& mounts, std::string_view directory) {
    for (MountGrant& mount : mounts) {
        if (mount.type != Type::bind || mount.source.starts_with('/')) continue;
        if (!directory.starts_with('/')) return false;
        mount.source = absolute_path(directory, mount.source);
    }
    return true;
}

}  // namespace casemate::policy

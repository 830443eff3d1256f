// Expected as JSON, for the state directory: `verify ID` compares with what was planned then, not with a plan made now.
#include <array>

#include "base/text.h"
#include "plan/expected.h"

namespace casemate::plan {

namespace {

void write_strings(json::Writer& out, std::string_view key, const std::vector<std::string>& list) {
    if (list.empty()) return;
    out.key(key).begin_array();
    for (const std::string& item : list) out.value(item);
    out.end_array();
}

template <typename N>
void write_numbers(json::Writer& out, std::string_view key, const std::optional<std::vector<N>>& list) {
    if (!list) return;
    out.key(key).begin_array();
    for (const N item : *list) out.value(item);
    out.end_array();
}

template <typename T>
void write_optional(json::Writer& out, std::string_view key, const std::optional<T>& value) {
    if (value) out.field(key, *value);
}

void write_map(json::Writer& out, std::string_view key, const std::optional<std::vector<IdMapping>>& map) {
    if (!map) return;
    out.key(key).begin_array();
    for (const IdMapping& entry : *map)
        out.begin_array().value(entry.inside).value(entry.outside).value(entry.count).end_array();
    out.end_array();
}

void write_mounts(json::Writer& out, const std::vector<MountLine>& mounts) {
    out.key("mounts").begin_array();
    for (const MountLine& line : mounts) {
        out.begin_object();
        if (!line.type.empty()) out.field("type", line.type);
        if (!line.root.empty()) out.field("root", line.root);
        out.field("mountPoint", line.mount_point);
        write_strings(out, "flags", line.flags);
        write_strings(out, "propagation", line.propagation);
        write_strings(out, "superOptions", line.super_options);
        if (line.recursive) out.field("recursive", true);
        write_strings(out, "treeFlags", line.tree_flags);
        out.end_object();
    }
    out.end_array();
}

// Reads members of one object; the first wrong one is kept as the error. Unknown members are errors: a restriction that
// is not understood must not be skipped.
class Reader {
public:
    explicit Reader(const json::Value& object) : object_(object) {
        if (!object.is_object()) failed_ = "not an object";
    }
    template <typename N>
    void number(std::string_view key, std::optional<N>& into) {
        const json::Value* value = take(key, json::Kind::integer);
        if (value)
            into = static_cast<N>(value->negative() ? static_cast<uint64_t>(value->signed_integer())
                                                    : value->unsigned_integer());
    }
    void flag(std::string_view key, std::optional<bool>& into) {
        if (const json::Value* value = take(key, json::Kind::boolean)) into = value->boolean();
    }
    void flag(std::string_view key, bool& into) {
        if (const json::Value* value = take(key, json::Kind::boolean)) into = value->boolean();
    }
    void text(std::string_view key, std::string& into) {
        if (const json::Value* value = take(key, json::Kind::string)) into = value->string();
    }
    void text(std::string_view key, std::optional<std::string>& into) {
        if (const json::Value* value = take(key, json::Kind::string)) into = std::string(value->string());
    }
    void strings(std::string_view key, std::vector<std::string>& into) {
        for_each(key, json::Kind::string, [&](const json::Value& item) { into.emplace_back(item.string()); });
    }
    template <typename N>
    void numbers(std::string_view key, std::optional<std::vector<N>>& into) {
        if (object_.find(key)) into.emplace();
        for_each(key, json::Kind::integer,
                 [&](const json::Value& item) { into->push_back(static_cast<N>(item.unsigned_integer())); });
    }
    void id_map(std::string_view key, std::optional<std::vector<IdMapping>>& into) {
        if (object_.find(key)) into.emplace();
        for_each(key, json::Kind::array, [&](const json::Value& row) {
            std::array<uint32_t, 3> column{};
            if (row.items().size() != column.size()) return fail(key);
            for (size_t i = 0; i < column.size(); ++i) {
                if (!row.items()[i].is_integer() || row.items()[i].unsigned_integer() > UINT32_MAX) return fail(key);
                column[i] = static_cast<uint32_t>(row.items()[i].unsigned_integer());
            }
            into->push_back({column[0], column[1], column[2]});
        });
    }
    const json::Value* take(std::string_view key, json::Kind kind) {
        const json::Value* value = object_.is_object() ? object_.find(key) : nullptr;
        if (!value) return nullptr;
        ++known_;
        if (value->kind() == kind) return value;
        fail(key);
        return nullptr;
    }
    template <typename Body>
    void for_each(std::string_view key, json::Kind kind, Body body) {
        const json::Value* list = take(key, json::Kind::array);
        if (!list) return;
        for (const json::Value& item : list->items()) {
            if (item.kind() != kind) return fail(key);
            body(item);
        }
    }
    void fail(std::string_view key) {
        if (failed_.empty()) failed_ = concat("wrong value of ", quoted(key));
    }
    Result<void> finish() {
        if (failed_.empty() && known_ != object_.members().size()) failed_ = "a member is unknown";
        if (!failed_.empty()) return Error::invalid(concat("expected: ", failed_));
        return {};
    }

private:
    const json::Value& object_;
    size_t known_ = 0;
    std::string failed_;
};

Result<MountLine> mount_from_json(const json::Value& value) {
    MountLine line;
    Reader reader(value);
    reader.text("type", line.type);
    reader.text("root", line.root);
    reader.text("mountPoint", line.mount_point);
    reader.strings("flags", line.flags);
    reader.strings("propagation", line.propagation);
    reader.strings("superOptions", line.super_options);
    reader.flag("recursive", line.recursive);
    reader.strings("treeFlags", line.tree_flags);
    TRY(reader.finish());
    return line;
}

// One list of the members with a plain type, for both directions.
template <typename Archive, typename E>
void plain_members(Archive& each, E& expected) {
    each.number("capInheritable", expected.cap_inheritable);
    each.number("capPermitted", expected.cap_permitted);
    each.number("capEffective", expected.cap_effective);
    each.number("capBounding", expected.cap_bounding);
    each.number("capAmbient", expected.cap_ambient);
    each.flag("noNewPrivileges", expected.no_new_privs);
    each.number("seccompMode", expected.seccomp_mode);
    each.number("seccompFilters", expected.seccomp_filters);
    each.flag("setgroupsAllowed", expected.setgroups_allowed);
    each.number("umask", expected.umask);
    each.number("oomScoreAdj", expected.oom_score_adj);
    each.number("securebits", expected.securebits);
    each.flag("mdwe", expected.mdwe);
    each.text("hostname", expected.hostname);
    each.text("domainname", expected.domainname);
    each.text("scheduler", expected.scheduler);
    each.number("ioPriority", expected.io_priority);
    each.number("personality", expected.personality);
    each.text("apparmorProfile", expected.apparmor_profile);
    each.text("selinuxLabel", expected.selinux_label);
    each.flag("dumpable", expected.dumpable);
    each.number("parentDeathSignal", expected.parent_death_signal);
    each.flag("ownSession", expected.own_session);
    each.flag("ownSessionKeyring", expected.own_session_keyring);
    each.flag("atMost", expected.at_most);
    each.flag("exactMounts", expected.exact_mounts);
    each.flag("noWritableExecutable", expected.no_writable_executable);
    each.flag("hostUidNotRoot", expected.host_uid_not_root);
    each.text("cgroup", expected.cgroup);
    each.strings("cgroupControllers", expected.cgroup_controllers);
    each.strings("namespaces", expected.own_namespaces);
    each.strings("maskedPaths", expected.masked_paths);
    each.strings("readonlyPaths", expected.readonly_paths);
    each.strings("forbiddenMounts", expected.forbidden_mounts);
    each.strings("insideOnly", expected.inside_only);
    each.numbers("uids", expected.uids);
    each.numbers("gids", expected.gids);
    each.numbers("groups", expected.groups);
    each.numbers("fds", expected.fds);
    each.numbers("foreignFds", expected.foreign_fds);
    each.id_map("uidMap", expected.uid_map);
    each.id_map("gidMap", expected.gid_map);
}

struct Saver {
    json::Writer& out;
    template <typename N>
    void number(std::string_view key, const std::optional<N>& value) {
        write_optional(out, key, value);
    }
    void flag(std::string_view key, const std::optional<bool>& value) { write_optional(out, key, value); }
    void flag(std::string_view key, bool value) { out.field(key, value); }
    void text(std::string_view key, const std::optional<std::string>& value) { write_optional(out, key, value); }
    void strings(std::string_view key, const std::vector<std::string>& list) { write_strings(out, key, list); }
    template <typename N>
    void numbers(std::string_view key, const std::optional<std::vector<N>>& list) {
        write_numbers(out, key, list);
    }
    void id_map(std::string_view key, const std::optional<std::vector<IdMapping>>& map) { write_map(out, key, map); }
};

using Texts = std::map<std::string, std::string>;

void write_texts(json::Writer& out, std::string_view key, const Texts& texts) {
    out.key(key).begin_object();
    for (const auto& [name, value] : texts) out.field(name, value);
    out.end_object();
}

Result<void> read_texts(Reader& reader, std::string_view key, Texts& into) {
    const json::Value* texts = reader.take(key, json::Kind::object);
    if (!texts) return {};
    for (const json::Member& text : texts->members()) {
        if (!text.value.is_string()) return Error::invalid(concat("expected: wrong value of '", key, "'"));
        into[std::string(text.key)] = std::string(text.value.string());
    }
    return {};
}

}  // namespace

void write_json(json::Writer& out, const Expected& expected) {
    out.begin_object();
    Saver saver{out};
    plain_members(saver, expected);
    if (expected.seccomp_program) out.field("seccompInstructions", uint64_t{expected.seccomp_program->size()});
    write_mounts(out, expected.mounts);
    out.key("limits").begin_object();
    for (const auto& [name, pair] : expected.limits)
        out.key(name).begin_array().value(pair.first).value(pair.second).end_array();
    out.end_object();
    if (!expected.joined_namespaces.empty()) {
        out.key("joinedNamespaces").begin_object();
        for (const auto& [kind, inode] : expected.joined_namespaces) out.field(kind, inode);
        out.end_object();
    }
    write_texts(out, "sysctls", expected.sysctls);
    write_texts(out, "cgroupLimits", expected.cgroup_limits);
    out.end_object();
}

Result<Expected> expected_from_json(const json::Value& value) {
    Expected expected;
    Reader reader(value);
    plain_members(reader, expected);
    std::optional<size_t> instructions;
    reader.number("seccompInstructions", instructions);
    if (instructions && (*instructions == 0 || *instructions > BPF_MAXINSNS)) return Error::invalid("expected: wrong value of 'seccompInstructions'");
    if (instructions) expected.seccomp_program.emplace(*instructions);
    if (const json::Value* mounts = reader.take("mounts", json::Kind::array)) {
        for (const json::Value& line : mounts->items()) expected.mounts.push_back(TRY(mount_from_json(line)));
    }
    if (const json::Value* limits = reader.take("limits", json::Kind::object)) {
        for (const json::Member& limit : limits->members()) {
            const auto pair = limit.value.items();
            if (!limit.value.is_array() || pair.size() != 2 || !pair[0].is_integer() || !pair[1].is_integer()) {
                return Error::invalid("expected: wrong value of 'limits'");
            }
            expected.limits[std::string(limit.key)] = {pair[0].unsigned_integer(), pair[1].unsigned_integer()};
        }
    }
    if (const json::Value* joined = reader.take("joinedNamespaces", json::Kind::object)) {
        for (const json::Member& kind : joined->members()) {
            if (!kind.value.is_integer()) return Error::invalid("expected: wrong value of 'joinedNamespaces'");
            expected.joined_namespaces[std::string(kind.key)] = kind.value.unsigned_integer();
        }
    }
    TRY(read_texts(reader, "sysctls", expected.sysctls));
    TRY(read_texts(reader, "cgroupLimits", expected.cgroup_limits));
    TRY(reader.finish());
    return expected;
}

}  // namespace casemate::plan

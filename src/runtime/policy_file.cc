#include "runtime/policy_file.h"

#include <fcntl.h>

#include "base/text.h"
#include "json/value.h"
#include "json/writer.h"
#include "policy/stored.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

constexpr size_t file_limit = size_t{4} << 20;
constexpr const char *config_name = "config.json", *policy_name = "policy.json";
constexpr const char* namespace_files[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};

Result<void> write_once(FdView directory, const char* name, std::string_view text) {
    const Fd file = TRY_IN(quoted(name), sys::openat2(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0, 0600));
    TRY_IN(quoted(name), sys::write_all(file, text));
    return {};
}

void write_map(json::Writer& out, std::string_view key, const std::vector<plan::IdMapping>& map) {
    out.key(key).begin_array();
    for (const plan::IdMapping& line : map) out.begin_array().value(line.inside).value(line.outside).value(line.count).end_array();
    out.end_array();
}

Error broken() { return Error::invalid(concat(policy_name, " is broken")); }

Result<std::vector<plan::IdMapping>> read_map(const json::Value* value) {
    if (!value || !value->is_array()) return broken();
    std::vector<plan::IdMapping> map;
    for (const json::Value& line : value->items()) {
        const auto column = line.items();
        if (column.size() != 3) return broken();
        for (const json::Value& number : column)
            if (!number.is_integer() || number.unsigned_integer() > UINT32_MAX) return broken();
        map.push_back({static_cast<uint32_t>(column[0].unsigned_integer()), static_cast<uint32_t>(column[1].unsigned_integer()),
                       static_cast<uint32_t>(column[2].unsigned_integer())});
    }
    return map;
}

Result<bool> read_flag(const json::Value& root, std::string_view key) {
    const json::Value* value = root.find(key);
    if (!value || !value->is_bool()) return broken();
    return value->boolean();
}

Result<std::string> read_text(const json::Value& root, std::string_view key) {
    const json::Value* value = root.find(key);
    if (!value || !value->is_string()) return broken();
    return std::string(value->string());
}

Result<uint32_t> read_number(const json::Value& root, std::string_view key) {
    const json::Value* value = root.find(key);
    if (!value || !value->is_integer() || value->unsigned_integer() > UINT32_MAX) return broken();
    return static_cast<uint32_t>(value->unsigned_integer());
}

// The program is what the container was seen to run under: no other one may come of the same rules later.
Result<plan::SeccompPlan> read_filter(const RecordFile& file, const json::Value* value) {
    if (!value) return broken();
    plan::SeccompPlan filter;
    filter.flags = TRY(read_number(*value, "flags"));
    filter.listener_path = TRY(read_text(*value, "listenerPath"));
    filter.listener_metadata = TRY(read_text(*value, "listenerMetadata"));
    const uint32_t instructions = TRY(read_number(*value, "instructions"));
    if (instructions > BPF_MAXINSNS) return broken();
    filter.program = TRY(file.read_program(instructions));
    return filter;
}

Result<PolicyFile> parse_policy(const RecordFile& file, std::string_view text) {
    const json::Document document = TRY(json::Document::parse(text));
    const json::Value& root = document.root();
    PolicyFile policy;
    const std::string name = TRY(read_text(root, "profileName"));
    const json::Value* documents = root.find("profile");
    const json::Value* namespaces = root.find("namespaces");
    if (!documents || !documents->is_array() || !namespaces || !namespaces->is_object()) return broken();
    std::vector<std::string> texts;
    for (const json::Value& one : documents->items()) texts.emplace_back(one.string());
    policy.profile = TRY(policy::from_documents(name, texts));
    for (const json::Member& kind : namespaces->members()) policy.namespaces[std::string(kind.key)] = kind.value.unsigned_integer();
    policy.uid_map = TRY(read_map(root.find("uidMap")));
    policy.gid_map = TRY(read_map(root.find("gidMap")));
    policy.setgroups_denied = TRY(read_flag(root, "setgroupsDenied"));
    policy.request.bundle = TRY(read_text(root, "bundle"));
    policy.request.launch = TRY(read_flag(root, "launch"));
    policy.request.root_shifted = TRY(read_flag(root, "rootShifted"));
    policy.request.root_can_idmap = TRY(read_flag(root, "rootCanIdmap"));
    policy.request.keep_session_keyring = TRY(read_flag(root, "keepSessionKeyring"));
    policy.ceiling = policy.request.sources_resolved = TRY(read_flag(root, "ceiling"));
    policy.request.filter = TRY(read_filter(file, root.find("filter")));
    return policy;
}

}  // namespace

Result<void> write_policy(const RecordFile& file, const plan::Plan& plan, const oci::Config& config, const policy::Profile& profile,
                          const plan::Request& request, const launch::Waiting& waiting) {
    json::Writer out;
    out.begin_object().field("schemaVersion", 1).field("profileName", profile.name).key("profile").begin_array();
    for (const std::string& document : policy::to_documents(profile)) out.value(document);
    out.end_array().field("bundle", request.bundle).field("launch", request.launch);
    out.field("rootShifted", request.root_shifted).field("rootCanIdmap", request.root_can_idmap);
    out.field("ceiling", request.sources_resolved);
    out.field("keepSessionKeyring", request.keep_session_keyring);
    out.key("filter").begin_object().field("instructions", uint64_t{plan.seccomp().program.size()}).field("flags", plan.seccomp().flags);
    out.field("listenerPath", plan.seccomp().listener_path).field("listenerMetadata", plan.seccomp().listener_metadata).end_object();
    out.key("namespaces").begin_object();
    for (const char* kind : namespace_files)
        out.field(kind, TRY_IN(kind, waiting.proc.namespace_inode(std::to_string(waiting.pid), kind)));
    out.end_object();
    write_map(out, "uidMap", plan.ids().uid_map);
    write_map(out, "gidMap", plan.ids().gid_map);
    out.field("setgroupsDenied", plan.ids().deny_setgroups).end_object();
    oci::Config stored = config;
    stored.linux_.seccomp.reset();
    TRY(file.write_expected(waiting.expected));
    TRY(write_once(file.directory(), config_name, oci::to_json(stored)));
    return write_once(file.directory(), policy_name, out.text());
}

Result<PolicyFile> read_policy(const RecordFile& file) {
    const std::string text = TRY_IN(policy_name, sys::read_file(file.directory(), policy_name, file_limit));
    PolicyFile policy = TRY(parse_policy(file, text));
    const std::string config = TRY_IN(config_name, sys::read_file(file.directory(), config_name, file_limit));
    policy.config = TRY(oci::parse_config(config));
    return policy;
}

}  // namespace casemate::runtime

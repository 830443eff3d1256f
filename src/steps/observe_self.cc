#include "steps/observe_self.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#include <algorithm>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::steps {
namespace {

Result<void> read_status(const sys::Procfs& proc, plan::Observed& out) {
    const std::string text = TRY_IN("status", proc.read("self/status"));
    const sys::Status status = TRY(sys::parse_status(text));
    out.uids = status.uids;
    out.gids = status.gids;
    out.groups = status.groups;
    std::sort(out.groups.begin(), out.groups.end());
    out.cap_inheritable = status.cap_inheritable;
    out.cap_permitted = status.cap_permitted;
    out.cap_effective = status.cap_effective;
    out.cap_bounding = status.cap_bounding;
    out.cap_ambient = status.cap_ambient;
    out.no_new_privs = status.no_new_privs;
    out.seccomp_mode = status.seccomp_mode;
    out.seccomp_filters = status.seccomp_filters;
    out.umask = status.umask;
    return {};
}

std::vector<std::string> propagation_of(const sys::MountInfo& line) {
    std::vector<std::string> tags;
    for (const std::string& field : line.optional_fields) tags.push_back(field.substr(0, field.find(':')));
    return tags;
}

Result<void> read_mounts(const sys::Procfs& proc, plan::Observed& out) {
    const std::string text = TRY_IN("mountinfo", proc.read("self/mountinfo"));
    for (sys::MountInfo& line : TRY(sys::parse_mountinfo(text)))
        out.mounts.push_back({std::move(line.type), std::move(line.root), std::move(line.mount_point), std::move(line.flags),
                              propagation_of(line), std::move(line.super_options), false});
    return {};
}

// A masked path that no mount point names must be one that this kernel or image does not have.
Result<void> look_for_absent(const plan::Expected& expected, plan::Observed& out) {
    const std::vector<std::string> paths = plan::uncovered_paths(expected, out.mounts);
    if (paths.empty()) return {};
    const Fd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    for (const std::string& path : paths) {
        const auto found = sys::openat2(root, path.c_str() + 1, O_PATH | O_NOFOLLOW, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
        if (!found && (found.error().code() == ENOENT || found.error().code() == ENOTDIR)) out.absent_paths.push_back(path);
    }
    return {};
}

Result<std::vector<plan::IdMapping>> read_map(const sys::Procfs& proc, const char* file) {
    std::vector<plan::IdMapping> map;
    const std::string text = TRY_IN(file, proc.read(concat("self/", file)));
    for (const sys::IdMapLine& line : TRY(sys::parse_id_map(text)))
        map.push_back({line.inside, line.outside, line.count});
    return map;
}

}  // namespace

Result<plan::Observed> observe_self(InitContext& context) {
    const sys::Procfs& proc = *context.proc;
    const plan::Expected& expected = context.prepared.expected;
    plan::Observed out;
    TRY(read_status(proc, out));
    TRY(read_mounts(proc, out));
    TRY(look_for_absent(expected, out));
    if (!expected.limits.empty()) {
        const std::string text = TRY_IN("limits", proc.read("self/limits"));
        out.limits = TRY(sys::parse_limits(text));
    }
    if (expected.oom_score_adj) {
        const std::string text = TRY_IN("oom_score_adj", proc.read("self/oom_score_adj"));
        const bool negative = text.starts_with('-');
        const auto value = parse_decimal(trimmed(text).substr(negative ? 1 : 0), 1000);
        if (!value) return Error::invalid(concat("oom_score_adj: ", quoted(text)));
        out.oom_score_adj = negative ? -static_cast<int>(*value) : static_cast<int>(*value);
    }
    if (expected.uid_map) {
        out.uid_map = TRY(read_map(proc, "uid_map"));
        out.gid_map = TRY(read_map(proc, "gid_map"));
    }
    if (expected.setgroups_allowed) out.setgroups_allowed = trimmed(TRY_IN("setgroups", proc.read("self/setgroups"))) == "allow";
    for (const std::string& kind : expected.own_namespaces)
        out.namespaces[kind] = TRY_IN(kind, proc.namespace_inode("self", kind));
    out.host_namespaces = context.prepared.host_namespaces;
    if (expected.securebits) out.securebits = static_cast<uint32_t>(TRY(sys::prctl_get(PR_GET_SECUREBITS, 0, "prctl PR_GET_SECUREBITS")));
    if (expected.hostname) {
        utsname names{};
        if (::uname(&names) < 0) return Error::sys("uname");
        out.hostname = names.nodename;
    }
    for (const auto& [path, value] : expected.sysctls)
        out.sysctls[path] = std::string(trimmed(TRY_IN(quoted(path), proc.read("sys/" + path))));
    return out;
}

}  // namespace casemate::steps

#include "steps/observe_self.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "plan/mount_places.h"
#include "sys/call.h"
#include "sys/mount_places.h"
#include "sys/scheduling.h"

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

// The root is in no mount namespace: every expectation is looked at where it should be.
Result<void> look_at_places(FdView root, const plan::Expected& expected, plan::Observed& out) {
    for (const std::string& path : plan::mount_places(expected)) {
        auto mount = TRY_IN(quoted(path), sys::mount_at(root, path));
        if (mount) out.mounts.push_back({std::move(mount->type), {}, path, std::move(mount->flags), {}, {}, false});
    }
    return {};
}

Result<void> read_mounts(const sys::Procfs& proc, const plan::Expected& expected, plan::Observed& out) {
    const std::string text = TRY_IN("mountinfo", proc.read("self/mountinfo"));
    std::map<uint64_t, std::string> points;
    for (sys::MountInfo& line : TRY(sys::parse_mountinfo(text))) {
        points[line.id] = line.mount_point;
        out.mounts.push_back({std::move(line.type), std::move(line.root), std::move(line.mount_point), std::move(line.flags),
                              propagation_of(line), std::move(line.super_options), false});
    }
    const Fd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    if (out.mounts.empty() && plan::is_seen_by_place(expected)) TRY(look_at_places(root, expected, out));
    // A covered path that no mount point names: the image or the kernel does not have it, or a directory on the way is a
    // symlink, and the mount has another name.
    for (const std::string& path : plan::uncovered_paths(expected, out.mounts)) {
        const auto found = sys::openat2(root, path.c_str() + 1, O_PATH | O_NOFOLLOW, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
        if (!found && (found.error().code() == ENOENT || found.error().code() == ENOTDIR)) out.absent_paths.push_back(path);
        if (!found) continue;
        struct statx at {};
        if (::statx(found.value().get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &at) != 0 || !(at.stx_attributes & STATX_ATTR_MOUNT_ROOT)) continue;
        if (const auto point = points.find(at.stx_mnt_id); point != points.end()) out.path_aliases[path] = point->second;
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

Result<void> read_by_calls(const InitContext& context, plan::Observed& out) {
    const plan::Expected& expected = context.prepared.expected;
    if (expected.dumpable) out.dumpable = TRY(sys::prctl_get(PR_GET_DUMPABLE, 0, "prctl PR_GET_DUMPABLE")) == 1;
    if (expected.parent_death_signal) {
        int signal = 0;
        if (::prctl(PR_GET_PDEATHSIG, &signal) < 0) return Error::sys("prctl PR_GET_PDEATHSIG");
        out.parent_death_signal = signal;
    }
    if (expected.own_session) out.own_session = ::getsid(0) == ::getpid();
    if (expected.own_session_keyring) {
        if (const auto keyring = sys::session_keyring()) out.session_keyring = keyring.value();
        out.host_session_keyring = context.prepared.host_session_keyring;
    }
    if (expected.securebits) out.securebits = static_cast<uint32_t>(TRY(sys::prctl_get(PR_GET_SECUREBITS, 0, "prctl PR_GET_SECUREBITS")));
    if (expected.scheduler) {
        const sys::Scheduling now = TRY(sys::scheduling_of(0));
        out.scheduler = plan::scheduler_text(now.policy, now.nice, now.priority);
    }
    if (expected.io_priority) out.io_priority = TRY(sys::io_priority_of(0));
    if (expected.personality) out.personality = TRY(sys::personality());
    return {};
}

}  // namespace

Result<plan::Observed> observe_self_by_calls(InitContext& context) {
    plan::Observed out;
    TRY(read_by_calls(context, out));
    return out;
}

Result<plan::Observed> observe_self(InitContext& context) {
    const sys::Procfs& proc = *context.proc;
    const plan::Expected& expected = context.prepared.expected;
    plan::Observed out;
    TRY(read_status(proc, out));
    TRY(read_mounts(proc, expected, out));
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
    for (const auto& [kind, inode] : expected.joined_namespaces) out.namespaces[kind] = TRY_IN(kind, proc.namespace_inode("self", kind));
    out.host_namespaces = context.prepared.host_namespaces;
    TRY(read_by_calls(context, out));
    if (expected.hostname) {
        utsname names{};
        if (::uname(&names) < 0) return Error::sys("uname");
        out.hostname = names.nodename;
    }
    if (expected.domainname) {
        utsname names{};
        if (::uname(&names) < 0) return Error::sys("uname");
        out.domainname = names.domainname;
    }
    for (const auto& [path, value] : expected.sysctls)
        out.sysctls[path] = std::string(trimmed(TRY_IN(quoted(path), proc.read("sys/" + path))));
    return out;
}

}  // namespace casemate::steps

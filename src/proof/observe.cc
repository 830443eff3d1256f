// The readers behind observe(): one a procfs file. What is required and cannot be read is an error; what may be hidden
// from an unprivileged observer stays absent, and compare() calls it unseen.
#include "proof/observe.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "plan/mount_places.h"
#include "proof/descriptors.h"
#include "proof/seccomp_program.h"
#include "sys/call.h"
#include "sys/mount_places.h"
#include "sys/scheduling.h"

namespace casemate::proof {

namespace {

template <typename Parsed>
Result<Parsed> read_as(Result<Parsed> (*parse)(std::string_view), const sys::Procfs& procfs, const std::string& path) {
    constexpr size_t limit = size_t{8} << 20;
    const std::string text = TRY(procfs.read(path, limit));
    return TRY_IN(concat("procfs '", path, "'"), parse(text));
}

std::vector<plan::IdMapping> mapping(const std::vector<sys::IdMapLine>& lines) {
    std::vector<plan::IdMapping> map;
    map.reserve(lines.size());
    for (const sys::IdMapLine& line : lines) map.push_back({line.inside, line.outside, line.count});
    return map;
}

plan::MountLine mount_line(sys::MountInfo&& mount) {
    plan::MountLine line{std::move(mount.type),
                         std::move(mount.root),
                         std::move(mount.mount_point),
                         std::move(mount.flags),
                         {},
                         std::move(mount.super_options),
                         false};
    for (const std::string& tag : mount.optional_fields) line.propagation.push_back(tag.substr(0, tag.find(':')));
    return line;
}

// The directory `root` of a process; through its magic link, from a directory that was checked.
Result<Fd> root_of(const sys::Procfs& procfs, const std::string& process) {
    const Fd directory = TRY(procfs.open(process, O_PATH | O_DIRECTORY));
    return sys::openat2(directory, "root", O_PATH | O_DIRECTORY, 0);
}

// What lies at the covered paths that are no mount point by name.
void look_at_paths(const sys::Procfs& procfs, const std::string& process, const plan::Expected& expected, const std::vector<uint64_t>& mount_ids,
                   plan::Observed& seen) {
    const std::vector<std::string> paths = plan::uncovered_paths(expected, seen.mounts);
    if (paths.empty()) return;
    const auto root = root_of(procfs, process);
    if (!root) return;
    for (const std::string& path : paths) {
        const auto found = sys::openat2(root.value(), path.c_str(), O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
        if (!found) {
            const int code = found.error().code();
            if (code == ENOENT || code == ENOTDIR) seen.absent_paths.push_back(path);
            continue;
        }
        struct statx info {};
        if (statx(found.value().get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &info) != 0) continue;
        if (!(info.stx_attributes & STATX_ATTR_MOUNT_ROOT)) continue;
        const auto at = std::find(mount_ids.begin(), mount_ids.end(), info.stx_mnt_id);
        if (at != mount_ids.end())
            seen.path_aliases[path] = seen.mounts[static_cast<size_t>(at - mount_ids.begin())].mount_point;
    }
}

// The root is in no mount namespace: every expectation is looked at where it should be.
Result<std::vector<uint64_t>> look_at_places(const sys::Procfs& procfs, const std::string& process, const plan::Expected& expected,
                                             plan::Observed& seen) {
    const Fd root = TRY(root_of(procfs, process));
    std::vector<uint64_t> ids;
    for (const std::string& path : plan::mount_places(expected)) {
        auto mount = TRY_IN(quoted(path), sys::mount_at(root, path));
        if (!mount) continue;
        ids.push_back(mount->id);
        seen.mounts.push_back(mount_line(std::move(*mount)));
    }
    return ids;
}

Result<std::vector<uint64_t>> read_mounts(const sys::Procfs& procfs, const std::string& process, plan::Observed& seen) {
    std::vector<sys::MountInfo> mounts = TRY(read_as(sys::parse_mountinfo, procfs, process + "/mountinfo"));
    std::vector<uint64_t> ids;
    for (sys::MountInfo& mount : mounts) {
        ids.push_back(mount.id);
        seen.mounts.push_back(mount_line(std::move(mount)));
    }
    return ids;
}

Result<void> read_common(const sys::Procfs& procfs, const std::string& process, const plan::Expected& expected, plan::Observed& seen) {
    sys::Status status = TRY(read_as(sys::parse_status, procfs, process + "/status"));
    seen.uids = std::move(status.uids);
    seen.gids = std::move(status.gids);
    seen.groups = std::move(status.groups);
    seen.cap_inheritable = status.cap_inheritable;
    seen.cap_permitted = status.cap_permitted;
    seen.cap_effective = status.cap_effective;
    seen.cap_bounding = status.cap_bounding;
    seen.cap_ambient = status.cap_ambient;
    seen.no_new_privs = status.no_new_privs;
    seen.seccomp_mode = status.seccomp_mode;
    seen.seccomp_filters = status.seccomp_filters;
    seen.umask = status.umask;
    seen.limits = TRY(read_as(sys::parse_limits, procfs, process + "/limits"));
    seen.uid_map = mapping(TRY(read_as(sys::parse_id_map, procfs, process + "/uid_map")));
    seen.gid_map = mapping(TRY(read_as(sys::parse_id_map, procfs, process + "/gid_map")));
    if (!expected.setgroups_allowed) return {};
    if (const auto setgroups = procfs.read(process + "/setgroups"))
        seen.setgroups_allowed = trimmed(setgroups.value()) == "allow";
    return {};
}

// A file of one number. nullopt: hidden, or something else stands there.
template <typename N>
std::optional<N> read_number(const sys::Procfs& procfs, const std::string& path, int base) {
    const auto text = procfs.read(path);
    if (!text) return std::nullopt;
    const std::string_view digits = trimmed(text.value());
    N value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value, base).ec != std::errc{}) return std::nullopt;
    return value;
}

void read_scheduling(const sys::Procfs& procfs, pid_t pid, const plan::Expected& expected, plan::Observed& seen) {
    if (expected.scheduler)
        if (const auto cpu = sys::scheduling_of(pid)) seen.scheduler = plan::scheduler_text(cpu.value().policy, cpu.value().nice, cpu.value().priority);
    if (expected.io_priority)
        if (const auto io = sys::io_priority_of(pid)) seen.io_priority = io.value();
    if (expected.oom_score_adj) seen.oom_score_adj = read_number<int>(procfs, concat(pid, "/oom_score_adj"), 10);
    if (expected.personality) seen.personality = read_number<uint32_t>(procfs, concat(pid, "/personality"), 16);
}

// Descriptors that are open on files of mounts which the process does not have.
std::vector<int> foreign(const std::vector<OpenFile>& files, const std::vector<uint64_t>& mount_ids) {
    std::vector<int> numbers;
    for (const OpenFile& file : files)
        if (std::ranges::find(mount_ids, static_cast<uint64_t>(file.mount_id)) == mount_ids.end()) numbers.push_back(file.number);
    return numbers;
}

// "docker-default (enforce)", "system_u:system_r:container_t:s0\0"
std::optional<std::string> read_label(const sys::Procfs& procfs, const std::string& path) {
    const auto text = procfs.read(path);
    if (!text) return std::nullopt;
    std::string label(trimmed(text.value()));
    label.resize(std::min(label.find('\0'), label.size()));
    label.resize(std::min(label.rfind(" ("), label.size()));
    return label;
}

// "4:memory:/a/b", "0::/a/b": where the process is, and what the files of its limits say now.
void read_cgroup(const sys::Procfs& procfs, const std::string& process, const plan::Expected& expected, plan::Observed& seen) {
    constexpr size_t file_max = 4096;
    if (const auto text = procfs.read(process + "/cgroup")) {
        for (const std::string_view line : split(text.value(), '\n')) {
            const size_t first = line.find(':'), second = first == std::string_view::npos ? first : line.find(':', first + 1);
            if (second != std::string_view::npos) seen.cgroups.emplace(line.substr(first + 1, second - first - 1), line.substr(second + 1));
        }
    }
    for (const auto& [path, value] : expected.cgroup_limits) {
        const auto file = sys::open(path.c_str(), O_RDONLY | O_NOFOLLOW);
        const auto text = file ? sys::read_all(file.value(), file_max) : Result<std::string>(file.error());
        if (text) seen.cgroup_limits.emplace(path, trimmed(text.value()));
    }
}

}  // namespace

NamespaceInodes namespaces_of(const sys::Procfs& procfs, const std::string& process, const std::set<std::string>& kinds) {
    NamespaceInodes inodes;
    for (const std::string& kind : kinds)
        if (const auto inode = procfs.namespace_inode(process, kind)) inodes[kind] = inode.value();
    return inodes;
}

std::set<std::string> kinds_to_compare(const plan::Expected& expected) {
    std::set<std::string> kinds(expected.own_namespaces.begin(), expected.own_namespaces.end());
    kinds.insert("user");  // tells whether ids are seen as the reader sees them
    return kinds;
}

Result<plan::Observed> observe(const sys::Procfs& procfs, const std::string& process, const plan::Expected& expected,
                               const NamespaceInodes& host) {
    plan::Observed seen;
    TRY(read_common(procfs, process, expected, seen));
    auto descriptors = read_descriptors(procfs, process);
    std::vector<uint64_t> mount_ids;
    if (plan::concerns_mounts(expected) || (descriptors && !descriptors.value().files.empty())) {
        mount_ids = TRY(read_mounts(procfs, process, seen));
        if (mount_ids.empty() && plan::is_seen_by_place(expected)) mount_ids = TRY(look_at_places(procfs, process, expected, seen));
    }
    if (descriptors) {
        seen.foreign_fds = foreign(descriptors.value().files, mount_ids);
        seen.fds = std::move(descriptors.value().numbers);
    }
    std::set<std::string> kinds = kinds_to_compare(expected);
    for (const auto& [kind, inode] : expected.joined_namespaces) kinds.insert(kind);
    seen.namespaces = namespaces_of(procfs, process, kinds);
    seen.host_namespaces = host;
    if (expected.cgroup) read_cgroup(procfs, process, expected, seen);
    look_at_paths(procfs, process, expected, mount_ids, seen);
    const auto pid = parse_decimal(process, INT32_MAX);
    if (pid) read_scheduling(procfs, static_cast<pid_t>(*pid), expected, seen);
    if (expected.apparmor_profile) seen.apparmor_profile = read_label(procfs, process + "/attr/apparmor/current");
    if (expected.selinux_label) seen.selinux_label = read_label(procfs, process + "/attr/current");
    if (pid && seen.seccomp_mode == SECCOMP_MODE_FILTER && expected.seccomp_program && geteuid() == 0) {
        // An app may have put filters of its own on top of ours.
        const int newer = std::max(0, seen.seccomp_filters - expected.seccomp_filters.value_or(seen.seccomp_filters));
        seen.seccomp_program = TRY(read_seccomp_program(static_cast<pid_t>(*pid), static_cast<unsigned>(newer)));
    }
    return seen;
}

}  // namespace casemate::proof

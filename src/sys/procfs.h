// Verified procfs and readers of what it says (invariant I4): a private mount of ours where we may make one, else the
// host's /proc checked by magic and inode, with RESOLVE_NO_XDEV|NO_SYMLINKS on every open. A bind mounted over a proc
// file can then redirect neither a read nor a write (CVE-2025-52881).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::sys {

class Procfs {
public:
    // A private, never attached procfs of our own pid namespace (needs CAP_SYS_ADMIN over the mount namespace).
    static Result<Procfs> make();
    // The host's /proc, verified.
    static Result<Procfs> host();

    Result<Fd> open(const std::string& path, int flags) const;  // "123/status", "self/uid_map", "sys/net/..."
    Result<std::string> read(const std::string& path, size_t limit = size_t{1} << 20) const;
    Result<void> write(const std::string& path, std::string_view text) const;
    // The inode of a namespace: "self", "123" and "net", "mnt", "pid", "user" ... (what the magic link says).
    Result<uint64_t> namespace_inode(const std::string& process, const std::string& kind) const;
    Result<Fd> namespace_fd(const std::string& process, const std::string& kind) const;
    // Numbers of the open descriptors of a process, sorted; the reader's own directory handle left out.
    Result<std::vector<int>> descriptors(const std::string& process) const;
    // What /proc/self/fd/N says of a descriptor of ours: its path in our mount namespace.
    Result<std::string> descriptor_path(FdView fd) const;
    FdView fd() const { return mount_; }
    Fd release() { return std::move(mount_); }

private:
    explicit Procfs(Fd mount, bool ours = false) : mount_(std::move(mount)), ours_(ours) {}
    Fd mount_;
    bool ours_;  // made here and never attached: nothing can lie over a file of it
};

struct Status {  // /proc/PID/status
    std::vector<uint32_t> uids, gids, groups;
    uint64_t cap_inheritable = 0, cap_permitted = 0, cap_effective = 0, cap_bounding = 0, cap_ambient = 0;
    bool no_new_privs = false;
    int seccomp_mode = 0, seccomp_filters = 0;
    uint32_t umask = 0;
    int tracer_pid = 0;
    std::vector<int> pids_by_namespace;  // NSpid
};
Result<Status> parse_status(std::string_view text);

struct MountInfo {
    uint64_t id = 0, parent = 0;
    std::string root, mount_point, type, source;
    std::vector<std::string> flags, optional_fields, super_options;
};
Result<std::vector<MountInfo>> parse_mountinfo(std::string_view text);

struct IdMapLine {
    uint32_t inside = 0, outside = 0, count = 0;
};
Result<std::vector<IdMapLine>> parse_id_map(std::string_view text);
// /proc/PID/limits: RLIMIT_* -> soft, hard; UINT64_MAX is unlimited.
Result<std::map<std::string, std::pair<uint64_t, uint64_t>>> parse_limits(std::string_view text);
// Field 22 of /proc/PID/stat: start time in clock ticks since boot.
Result<uint64_t> parse_start_time(std::string_view stat);

}  // namespace casemate::sys

#include "sys/mount_places.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "sys/call.h"

namespace casemate::sys {
namespace {

constexpr unsigned long cgroup1_magic = 0x27e0eb, mqueue_magic = 0x19800202, overlay_magic = 0x794c7630;

const char* type_name(unsigned long magic) {
    switch (magic) {
        case PROC_SUPER_MAGIC: return "proc";
        case SYSFS_MAGIC: return "sysfs";
        case TMPFS_MAGIC: return "tmpfs";
        case DEVPTS_SUPER_MAGIC: return "devpts";
        case CGROUP2_SUPER_MAGIC: return "cgroup2";
        case cgroup1_magic: return "cgroup";
        case mqueue_magic: return "mqueue";
        case overlay_magic: return "overlay";
        default: return "other";
    }
}

// f_flags of statfs(2): ST_*, of the mount and of its super-block together.
std::vector<std::string> flag_words(unsigned long flags) {
    constexpr unsigned long read_only = 1;
    constexpr std::pair<unsigned long, const char*> words[] = {{2, "nosuid"},      {4, "nodev"},         {8, "noexec"},        {0x400, "noatime"},
                                                              {0x800, "nodiratime"}, {0x1000, "relatime"}, {0x2000, "nosymfollow"}};
    std::vector<std::string> out{flags & read_only ? "ro" : "rw"};
    for (const auto& [flag, word] : words)
        if (flags & flag) out.emplace_back(word);
    return out;
}

}  // namespace

Result<std::optional<MountInfo>> mount_at(FdView root, const std::string& path) {
    auto found = openat2(root, path.c_str(), O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (!found && (found.error().code() == ENOENT || found.error().code() == ENOTDIR)) return std::optional<MountInfo>();
    const Fd place = TRY(std::move(found));
    struct statx at {};
    if (::statx(place.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &at) < 0) return Error::sys("statx");
    if (!(at.stx_attributes & STATX_ATTR_MOUNT_ROOT)) return std::optional<MountInfo>();
    struct statfs system {};
    if (::fstatfs(place.get(), &system) < 0) return Error::sys("fstatfs");
    MountInfo mount;
    mount.id = at.stx_mnt_id;
    mount.mount_point = path;
    mount.type = type_name(static_cast<unsigned long>(system.f_type));
    mount.flags = flag_words(static_cast<unsigned long>(system.f_flags));
    return std::optional(std::move(mount));
}

}  // namespace casemate::sys

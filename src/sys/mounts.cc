// The mount API of Linux 5.2 to 5.12. mount(2) is called nowhere: mounts are descriptor to descriptor (SECURITY I3).
#include <fcntl.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "sys/call.h"

extern "C" int umount2(const char*, int) noexcept;

namespace casemate::sys {
namespace {
constexpr int detach = 2;                 // MNT_DETACH; <sys/mount.h> clashes with <linux/mount.h> in glibc 2.36
constexpr unsigned set_string = 1, set_flag = 0, set_descriptor = 5, cmd_create = 6;  // FSCONFIG_*
}  // namespace

Result<MountBuilder> MountBuilder::open(const char* type) {
    const long fd = ::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (fd < 0) return Error::sys("fsopen").within(type);
    return MountBuilder(Fd(static_cast<int>(fd)), type);
}

Error MountBuilder::failed(std::string_view call) const {
    Error error = Error::sys(call).within(type_);
    // The context carries the kernel's own words: "e tmpfs: Bad value for 'size'".
    char message[256];
    const ssize_t count = ::read(context_.get(), message, sizeof message);
    if (count > 2) return std::move(error).within(printable(trimmed(std::string_view(message + 2, static_cast<size_t>(count) - 2))));
    return error;
}

Result<void> MountBuilder::set(const char* key, const char* value) {
    if (::syscall(SYS_fsconfig, context_.get(), set_string, key, value, 0) < 0)
        return failed(concat("fsconfig ", key, "=", value));
    return {};
}

Result<void> MountBuilder::flag(const char* key) {
    if (::syscall(SYS_fsconfig, context_.get(), set_flag, key, nullptr, 0) < 0) return failed(concat("fsconfig ", key));
    return {};
}

Result<void> MountBuilder::set_fd(const char* key, FdView fd) {
    if (::syscall(SYS_fsconfig, context_.get(), set_descriptor, key, nullptr, fd.get()) < 0) return failed(concat("fsconfig ", key));
    return {};
}

Result<Fd> MountBuilder::mount(uint64_t attributes) {
    if (::syscall(SYS_fsconfig, context_.get(), cmd_create, nullptr, nullptr, 0) < 0) return failed("fsconfig create");
    const long fd = ::syscall(SYS_fsmount, context_.get(), FSMOUNT_CLOEXEC, attributes);
    if (fd < 0) return failed("fsmount");
    return Fd(static_cast<int>(fd));
}

Result<Fd> open_tree(FdView directory, const char* path, unsigned flags) {
    const long fd = ::syscall(SYS_open_tree, directory.get(), path, flags | OPEN_TREE_CLOEXEC);
    if (fd < 0) return Error::sys("open_tree");
    return Fd(static_cast<int>(fd));
}

Result<void> move_mount(FdView mount, FdView target) {
    if (::syscall(SYS_move_mount, mount.get(), "", target.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return Error::sys("move_mount");
    return {};
}

Result<void> move_mount_at(FdView mount, FdView directory, const char* name) {
    // Without MOVE_MOUNT_T_SYMLINKS the last component is not followed.
    if (::syscall(SYS_move_mount, mount.get(), "", directory.get(), name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return Error::sys("move_mount");
    return {};
}

Result<void> mount_setattr(FdView mount, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation, int userns) {
    mount_attr attributes{};
    attributes.attr_set = set;
    attributes.attr_clr = clear;
    attributes.propagation = propagation;
    attributes.userns_fd = userns >= 0 ? static_cast<uint64_t>(userns) : 0;
    if (::syscall(SYS_mount_setattr, mount.get(), "", flags | AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
        return Error::sys("mount_setattr");
    return {};
}

Result<void> pivot_root(const char* new_root, const char* put_old) {
    if (::syscall(SYS_pivot_root, new_root, put_old) < 0) return Error::sys("pivot_root");
    return {};
}

Result<void> unmount_detached(const char* path) {
    if (::umount2(path, detach) < 0) return Error::sys("umount2");
    return {};
}

}  // namespace casemate::sys

// One thin function a system call: takes descriptors and strings, gives Result, sets O_CLOEXEC itself, retries EINTR
// where that is right. No policy, no logging. Newer calls go by number; what a kernel lacks is an error of its own.
#pragma once

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::sys {

// --- files -----------------------------------------------------------------------------------------------------------
// openat2(2) [5.6]. `flags` without O_CLOEXEC (added). EAGAIN (a rename raced with the walk) is retried, bounded.
Result<Fd> openat2(FdView directory, const char* path, uint64_t flags, uint64_t resolve, mode_t mode = 0);
Result<Fd> open(const char* path, int flags, mode_t mode = 0);
Result<struct stat> fstat(FdView fd);
Result<struct stat> fstatat(FdView directory, const char* path, int flags);
Result<uint64_t> filesystem_magic(FdView fd);
Result<std::string> read_all(FdView fd, size_t limit);           // EFBIG beyond the limit
Result<std::string> read_file(FdView directory, const char* path, size_t limit);  // regular open, no symlink followed
Result<void> write_all(FdView fd, std::string_view text);
// One write(2) of the whole text, as procfs and cgroupfs want it; a short write is an error.
Result<void> write_file(FdView directory, const char* path, std::string_view text);
Result<std::string> readlinkat(FdView directory, const char* path);
Result<void> mkdirat(FdView directory, const char* path, mode_t mode);
Result<void> close_range(unsigned first, unsigned last);
Result<Fd> duplicate(FdView fd);  // the lowest free from 3 on, close-on-exec
// Waits until it is readable (a pidfd: ended); ETIMEDOUT after `timeout_ms`.
Result<void> wait_readable(FdView fd, int timeout_ms);
Result<Fd> memfd(const char* name, unsigned flags);

// --- mounts: only the new API (RECIPES, rule 4 of ARCHITECTURE) ------------------------------------------------------
class MountBuilder {  // fsopen(2) [5.2]; the kernel's own message becomes part of the error
public:
    static Result<MountBuilder> open(const char* type);
    Result<void> set(const char* key, const char* value);
    Result<void> flag(const char* key);
    Result<void> set_fd(const char* key, FdView fd);
    Result<Fd> mount(uint64_t attributes);  // create, fsmount: a detached mount

private:
    MountBuilder(Fd context, const char* type) : context_(std::move(context)), type_(type) {}
    Error failed(std::string_view call) const;
    Fd context_;
    const char* type_;
};
Result<Fd> open_tree(FdView directory, const char* path, unsigned flags);  // OPEN_TREE_CLOEXEC is added
// onto the directory or file that `target` is: F_EMPTY_PATH and T_EMPTY_PATH
Result<void> move_mount(FdView mount, FdView target);
// onto the entry `name` of `directory`; a symlink there is not followed
Result<void> move_mount_at(FdView mount, FdView directory, const char* name);
Result<void> mount_setattr(FdView mount, unsigned flags, uint64_t set, uint64_t clear = 0, uint64_t propagation = 0, int userns = -1);
Result<void> pivot_root(const char* new_root, const char* put_old);
Result<void> unmount_detached(const char* path);

// --- processes -------------------------------------------------------------------------------------------------------
struct Cloned {
    pid_t pid = -1;  // 0 in the child
    Fd pidfd;
};
// clone3(2) without CLONE_VM: `flags` are CLONE_NEW* and the like; the exit signal is 0 (wait with __WALL).
Result<Cloned> clone3(uint64_t flags, int cgroup = -1);
Result<Fd> pidfd_open(pid_t pid);
Result<void> pidfd_send_signal(FdView pidfd, int signal);
// By the fixed inode of the first user namespace (linux/proc_ns.h: PROC_USER_INIT_INO).
bool in_initial_user_namespace();
// A copy of another process's descriptor [5.6]; needs the right to ptrace it.
Result<Fd> pidfd_getfd(FdView pidfd, int fd);
Result<void> setns(FdView fd, int types);
Result<void> unshare(int flags);
Result<void> prctl(int option, unsigned long argument, const char* name);
Result<int> prctl_get(int option, unsigned long argument, const char* name);
Result<void> set_no_new_privs();
Result<void> set_groups(std::span<const uint32_t> groups);
Result<void> set_ids(uint32_t uid, uint32_t gid);  // setresgid, then setresuid
struct CapabilitySets {
    uint64_t effective = 0, permitted = 0, inheritable = 0;
};
Result<CapabilitySets> capget();
Result<void> capset(const CapabilitySets& sets);
Result<void> set_limit(pid_t pid, int resource, uint64_t soft, uint64_t hard);  // pid 0: self; UINT64_MAX: infinity
Result<std::pair<uint64_t, uint64_t>> get_limit(int resource);
Result<void> load_seccomp(std::span<const sock_filter> program, unsigned flags);
// With SECCOMP_FILTER_FLAG_NEW_LISTENER among the flags: the descriptor that answers SCMP_ACT_NOTIFY, close-on-exec.
Result<Fd> load_seccomp_listener(std::span<const sock_filter> program, unsigned flags);
Result<void> join_session_keyring();
Result<int> session_keyring();  // its serial number; none is made
Result<void> loopback_up();

// --- Landlock [5.13], structures of our own: Debian's header stops at ABI 2 ------------------------------------------
int landlock_abi();  // 0: none
struct LandlockAttributes {
    uint64_t handled_fs = 0, handled_net = 0, scoped = 0;
};
Result<Fd> landlock_create(const LandlockAttributes& attributes, int abi);
Result<void> landlock_allow_path(FdView ruleset, FdView path, uint64_t access);
Result<void> landlock_allow_port(FdView ruleset, uint16_t port, uint64_t access);
Result<void> landlock_restrict(FdView ruleset);

}  // namespace casemate::sys

#include "image/confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/text.h"
#include "sys/call.h"
#include "sys/user_namespace.h"

namespace casemate::image {
namespace {

constexpr uint64_t bit(int capability) { return uint64_t{1} << capability; }

// The scratch directory becomes the whole file system: its mount is cloned, attached over itself in a private mount
// namespace, pivoted to, and everything else is detached. A descriptor from before belongs to the old namespace's
// mount; the working directory is the one thing that unshare(2) carries over to the new one.
Result<void> enter_scratch(FdView scratch, FdView mounted, bool read_only) {
    if (::fchdir(scratch.get()) != 0) return Error::sys("fchdir");
    TRY(sys::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS));
    const Fd old_root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    TRY(sys::mount_setattr(old_root, AT_RECURSIVE, 0, 0, MS_PRIVATE));
    const Fd here = TRY(sys::open(".", O_PATH | O_DIRECTORY));
    const Fd tree = TRY(sys::open_tree(here, "", OPEN_TREE_CLONE | AT_EMPTY_PATH));
    TRY(sys::mount_setattr(tree, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
                                        (read_only ? MOUNT_ATTR_RDONLY : 0u)));
    TRY(sys::move_mount(tree, here));
    if (::fchdir(tree.get()) != 0) return Error::sys("fchdir");
    TRY(sys::pivot_root(".", "."));
    TRY(sys::unmount_detached("."));
    if (::chdir("/") != 0) return Error::sys("chdir");
    if (mounted.get() < 0) return {};
    const Fd target = TRY(sys::open("/root", O_PATH | O_DIRECTORY | O_NOFOLLOW));
    return sys::move_mount(mounted, target);
}

Result<void> drop_capabilities(const Confinement& wanted) {
    uint64_t keep = bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_FSETID);
    if (wanted.own) keep |= bit(CAP_CHOWN);
    if (wanted.own && wanted.keep_file_caps) keep |= bit(CAP_SETFCAP);
    if (wanted.read_only) keep = bit(CAP_DAC_READ_SEARCH);
    for (int capability = 0; capability < 64; ++capability)
        if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1 && (keep & bit(capability)) == 0)
            TRY(sys::prctl(PR_CAPBSET_DROP, static_cast<unsigned long>(capability), "prctl PR_CAPBSET_DROP"));
    return sys::capset({keep, keep, 0});
}

Result<void> set_limits(const Confinement& wanted) {
    const auto lower = [](int resource, uint64_t value) -> Result<void> {
        const auto now = TRY(sys::get_limit(resource));
        const uint64_t limit = std::min(value, now.second);
        return sys::set_limit(0, resource, limit, limit);
    };
    TRY(lower(RLIMIT_CORE, 0));
    TRY(lower(RLIMIT_NOFILE, 2048));
    TRY(lower(RLIMIT_FSIZE, wanted.file_bytes));
    ::signal(SIGXFSZ, SIG_IGN);  // a write beyond the limit is an error then, with a path
#ifndef __SANITIZE_ADDRESS__
    TRY(lower(RLIMIT_AS, uint64_t{1} << 30));  // address space, most of it never touched (thread arenas)
#endif
    return {};
}

// Landlock's rights, by bit (linux/landlock.h; Debian 12's header stops at ABI 2).
constexpr uint64_t landlock_all_v2 = (uint64_t{1} << 14) - 1;
constexpr uint64_t landlock_truncate = uint64_t{1} << 14, landlock_ioctl_dev = uint64_t{1} << 15;
constexpr uint64_t landlock_read = 1u << 2 | 1u << 3;  // read files, list directories
constexpr uint64_t landlock_needed = 1u << 1 |              // write files
                                     1u << 2 | 1u << 3 |    // read files, list directories
                                     1u << 4 | 1u << 5 |    // remove directories, files
                                     1u << 7 | 1u << 8 |    // make directories, files
                                     1u << 10 | 1u << 12 |  // make FIFOs, symlinks
                                     1u << 13;              // link from one directory to another

// The second wall around the scratch directory: no execution, no device nodes, no sockets, no TCP, no signals out. ABI
// 1 (before 5.19) cannot allow links between directories, and older kernels have none: then the pivoted root is the
// wall.
Result<void> restrict_by_landlock(bool read_only) {
    const int abi = sys::landlock_abi();
    if (abi < 2) return {};
    sys::LandlockAttributes handled;
    handled.handled_fs = landlock_all_v2;
    if (abi >= 3) handled.handled_fs |= landlock_truncate;
    if (abi >= 5) handled.handled_fs |= landlock_ioctl_dev;
    if (abi >= 4) handled.handled_net = 3;  // bind, connect
    if (abi >= 6) handled.scoped = 3;       // abstract sockets, signals
    const Fd rules = TRY(sys::landlock_create(handled, abi));
    const Fd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    TRY(sys::landlock_allow_path(rules, root, read_only ? landlock_read : landlock_needed));
    return sys::landlock_restrict(rules);
}

}  // namespace

Result<void> confine(const Confinement& wanted) {
    const std::vector<sock_filter> filter = TRY_IN("seccomp", worker_filter(wanted.read_only));
    if (!wanted.own && !wanted.entered) TRY_IN("user namespace", sys::enter_user_namespace());
    TRY_IN("namespaces", enter_scratch(wanted.scratch, wanted.tree, wanted.read_only));
    TRY_IN("limits", set_limits(wanted));
    TRY_IN("capabilities", drop_capabilities(wanted));
    TRY(sys::set_no_new_privs());
    TRY_IN("Landlock", restrict_by_landlock(wanted.read_only));
    // After the last change of credentials, which would clear it.
    TRY(sys::prctl(PR_SET_PDEATHSIG, SIGKILL, "prctl PR_SET_PDEATHSIG"));
    TRY(sys::prctl(PR_SET_DUMPABLE, 0, "prctl PR_SET_DUMPABLE"));
    ::umask(0);  // modes are the image's; the directory above is 0700
    TRY_IN("seccomp", sys::load_seccomp(filter, 0));
    return {};
}

}  // namespace casemate::image

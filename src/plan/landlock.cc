// Landlock rules from the mount list (RECIPES section 4): read and execute on "/", write only in writable mounts,
// devices by name. Rights add up along the path, so nothing can be narrowed below a rule; noexec stays the mount
// flag's job.
#include <linux/mount.h>

#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {
namespace {

// linux/landlock.h by number: Debian 12's stops at ABI 2.
constexpr uint64_t execute = 1, write_file = 2, read_file = 4, read_dir = 8, remove_dir = 16, remove_file = 32, make_dir = 128,
                   make_reg = 256, make_sock = 512, make_fifo = 1024, make_sym = 4096, refer = 8192, truncate = 16384, ioctl_dev = 32768;
constexpr uint64_t all_abi1 = (1u << 13) - 1;
constexpr uint64_t bind_tcp = 1, connect_tcp = 2;
constexpr uint64_t scope_abstract_socket = 1;

constexpr uint64_t readable = read_file | read_dir;
constexpr uint64_t writable = write_file | remove_dir | remove_file | make_dir | make_reg | make_sock | make_fifo | make_sym | refer | truncate;

uint64_t handled(int abi) {
    return all_abi1 | (abi >= 2 ? refer : 0) | (abi >= 3 ? truncate : 0) | (abi >= 5 ? ioctl_dev : 0);
}

void add_mount(LandlockPlan& plan, const MountPlan& mount, const MountsPlan& mounts) {
    if (mount.kind == MountKind::dev) {
        for (const DeviceNode& node : mounts.devices) plan.rules.push_back({node.path, read_file | write_file | ioctl_dev});
        return;
    }
    if (mount.attributes & MOUNT_ATTR_RDONLY) return;
    if (mount.kind == MountKind::devpts) plan.rules.push_back({mount.destination, read_file | write_file | ioctl_dev});
    // Without MAKE_REG every mq_open is EACCES (measured).
    if (mount.kind == MountKind::mqueue) plan.rules.push_back({mount.destination, read_file | write_file | make_reg | remove_file});
    if (mount.kind == MountKind::tmpfs || mount.kind == MountKind::bind) plan.rules.push_back({mount.destination, writable});
}

}  // namespace

Result<void> Compiler::landlock() {
    LandlockPlan& plan = plan_.landlock_;
    if (!profile_.landlock.derive.value_or(false)) {
        if (profile_.network.bind_ports || profile_.network.connect_ports)
            return Error::with_code(ENOTSUP, "network.bindPorts and connectPorts need landlock.derive");
        return {};
    }
    const int minimum = profile_.landlock.minimum_abi.value_or(1);
    if (facts_.landlock_abi < minimum)
        return Error::with_code(ENOTSUP, concat("Landlock ABI ", facts_.landlock_abi, " is below landlock.minimumAbi ", minimum))
            .hint("boot with Landlock in the kernel's 'lsm=' list, or waive landlock.minimumAbi");
    plan.enabled = true;
    plan.abi = facts_.landlock_abi;
    plan.handled_fs = handled(plan.abi);
    const bool narrow_exec = profile_.landlock.exec_paths.has_value();
    plan.rules.push_back({"/", readable | (narrow_exec ? 0 : execute)});
    if (narrow_exec)
        for (const std::string& path : *profile_.landlock.exec_paths) plan.rules.push_back({path, execute});
    for (const MountPlan& mount : plan_.mounts_.mounts) add_mount(plan, mount, plan_.mounts_);
    if (plan_.process_.terminal && plan_.process_.terminal->devpts) plan.rules.push_back({"/dev/console", read_file | write_file | ioctl_dev});
    if (!plan_.mounts_.root.readonly) plan.rules.push_back({"/", writable});
    for (LandlockRule& rule : plan.rules) rule.access &= plan.handled_fs;
    if (plan.abi < 2) plan.missing.emplace_back("refer");
    if (plan.abi < 3) plan.missing.emplace_back("truncate");
    if (plan.abi < 5) plan.missing.emplace_back("ioctl_dev");
    // No signal scope: the pid namespace bounds signals, and exec needs them (RECIPES, exec 8).
    if (plan.abi >= 6) plan.scoped = scope_abstract_socket;
    if (plan.abi < 6) plan.missing.emplace_back("scope_abstract_unix_socket");
    const auto ports = [&](const std::optional<std::vector<uint16_t>>& list, uint64_t right) -> Result<void> {
        if (!list) return {};
        if (plan.abi < 4) return Error::with_code(ENOTSUP, "network.bindPorts and connectPorts need Landlock ABI 4, Linux 6.7");
        plan.handled_net |= right;
        for (const uint16_t port : *list) plan.ports.emplace_back(port, right);
        return {};
    };
    TRY(ports(profile_.network.bind_ports, bind_tcp));
    return ports(profile_.network.connect_ports, connect_tcp);
}

}  // namespace casemate::plan

// RUN-08, 18 to 27: what the container sees of file systems.
#include <algorithm>
#include <array>

#include "audit/bundle_rules.h"
#include "audit/listed.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

using oci::Config;
using oci::Mount;

// Of contradicting options the last counts, as mount(8) has it.
bool is_set(const Mount& mount, std::string_view option, std::string_view opposite) {
    bool set = false;
    for (const std::string& word : mount.options) {
        if (word == option || word == concat('r', option)) set = true;
        if (word == opposite) set = false;
    }
    return set;
}
bool is_read_only(const Mount& mount) { return is_set(mount, "ro", "rw"); }
bool is_bind(const Mount& mount) {
    return mount.type == "bind" || listed(mount.options, "bind") || listed(mount.options, "rbind");
}
std::string place(const Mount& mount) { return concat("$.mounts ", printable(mount.destination)); }

void root_read_only(const Config& config, const Report& report) {
    if (!config.root_readonly) report("$.root.readonly", "false or not given");
}

// The lists that all engines use today; a path is covered by one above it.
void missing_paths(const std::vector<std::string>& have, std::span<const std::string_view> wanted, const char* where,
                   const Report& report) {
    std::vector<std::string> missing;
    for (const std::string_view path : wanted) {
        const bool covered =
            std::ranges::any_of(have, [&](const std::string& one) { return is_at_or_below(path, one); });
        if (!covered) missing.emplace_back(path);
    }
    if (!missing.empty()) report(where, concat("lacks ", join(missing, " ")));
}

void masked(const Config& config, const Report& report) {
    static constexpr std::string_view wanted[] = {"/proc/acpi",          "/proc/kcore",      "/proc/keys",
                                                  "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug",
                                                  "/proc/scsi",          "/sys/firmware"};
    missing_paths(config.linux_.masked_paths, wanted, "$.linux.maskedPaths", report);
}

void read_only_paths(const Config& config, const Report& report) {
    static constexpr std::string_view wanted[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                  "/proc/sysrq-trigger"};
    std::vector<std::string> have = config.linux_.readonly_paths;
    have.insert(have.end(), config.linux_.masked_paths.begin(), config.linux_.masked_paths.end());
    missing_paths(have, wanted, "$.linux.readonlyPaths", report);
}

void private_proc(const Config& config, const Report& report) {
    for (const Mount& mount : config.mounts) {
        if (mount.type != "proc") continue;
        const bool hidden = std::ranges::any_of(mount.options, [](const std::string& option) {
            return option == "subset=pid" ||
                   (option.starts_with("hidepid=") && option != "hidepid=0" && option != "hidepid=off");
        });
        if (!hidden) report(place(mount), "neither hidepid nor subset=pid");
    }
}

void kernel_trees_read_only(const Config& config, const Report& report) {
    for (const Mount& mount : config.mounts)
        if (listed(std::array<std::string_view, 3>{"sysfs", "cgroup", "cgroup2"}, mount.type) && !is_read_only(mount))
            report(place(mount), concat(mount.type, " is writable"));
}

void restricted_options(const Config& config, const Report& report) {
    for (const Mount& mount : config.mounts) {
        if (is_read_only(mount) || listed(std::array<std::string_view, 2>{"proc", "devpts"}, mount.type)) continue;
        const bool is_dev = mount.destination == "/dev" && mount.type == "tmpfs";
        std::vector<std::string> missing;
        if (!is_set(mount, "noexec", "exec")) missing.emplace_back("noexec");
        if (!is_set(mount, "nosuid", "suid")) missing.emplace_back("nosuid");
        if (!is_dev && !is_set(mount, "nodev", "dev")) missing.emplace_back("nodev");
        if (!missing.empty()) report(place(mount), concat("lacks ", join(missing, " ")));
    }
}

void tmpfs_limited(const Config& config, const Report& report) {
    for (const Mount& mount : config.mounts) {
        if (mount.type != "tmpfs") continue;
        const bool limited = std::ranges::any_of(mount.options, [](const std::string& option) {
            return option.starts_with("size=") || option.starts_with("nr_blocks=");
        });
        if (!limited && !is_read_only(mount)) report(place(mount), "no size=: half of the host's memory");
    }
}

void no_host_directories(const Config& config, const Report& report) {
    static constexpr std::string_view directories[] = {"/bin",
                                                       "/boot",
                                                       "/dev",
                                                       "/etc",
                                                       "/home",
                                                       "/lib",
                                                       "/lib64",
                                                       "/opt",
                                                       "/proc",
                                                       "/root",
                                                       "/run",
                                                       "/sbin",
                                                       "/sys",
                                                       "/usr",
                                                       "/var/lib/docker",
                                                       "/var/lib/containerd",
                                                       "/var/lib/containers",
                                                       "/var/lib/kubelet",
                                                       "/var/run",
                                                       "/var/log"};
    // Single files and devices that are handed over on purpose.
    static constexpr std::string_view harmless[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/hostname", "/etc/localtime",
                                                    "/dev/null",        "/dev/zero",  "/dev/full",     "/dev/random",
                                                    "/dev/urandom",     "/dev/tty"};
    for (const Mount& mount : config.mounts) {
        if (!is_bind(mount) || listed(harmless, mount.source)) continue;
        const bool system = mount.source == "/" || std::ranges::any_of(directories, [&](std::string_view directory) {
                                return mount.source == directory || mount.source.starts_with(concat(directory, '/'));
                            });
        if (system) report(place(mount), concat("is the host's ", printable(mount.source)));
    }
}

void no_control_sockets(const Config& config, const Report& report) {
    static constexpr std::string_view parts[] = {"docker.sock", "containerd.sock",      "podman.sock",
                                                 "crio.sock",   "/run/systemd/private", "system_bus_socket",
                                                 "/run/dbus",   "/run/systemd/notify",  "buildkitd.sock"};
    for (const Mount& mount : config.mounts)
        for (const std::string_view part : parts)
            if (mount.source.find(part) != std::string::npos)
                report(place(mount), concat("is ", printable(mount.source)));
}

void binds_read_only(const Config& config, const Report& report) {
    for (const Mount& mount : config.mounts)
        if (is_bind(mount) && !is_read_only(mount))
            report(place(mount), concat("of ", printable(mount.source), " is writable"));
}

void private_propagation(const Config& config, const Report& report) {
    if (listed(std::array<std::string_view, 2>{"shared", "rshared"}, config.linux_.rootfs_propagation))
        report("$.linux.rootfsPropagation", config.linux_.rootfs_propagation);
    for (const Mount& mount : config.mounts)
        for (const char* option : {"shared", "rshared"})
            if (listed(mount.options, option)) report(place(mount), option);
}

constexpr Check<Config> checks[] = {{"RUN-08", root_read_only},         {"RUN-18", masked},
                                    {"RUN-19", read_only_paths},        {"RUN-20", private_proc},
                                    {"RUN-21", kernel_trees_read_only}, {"RUN-22", restricted_options},
                                    {"RUN-23", tmpfs_limited},          {"RUN-24", no_host_directories},
                                    {"RUN-25", no_control_sockets},     {"RUN-26", binds_read_only},
                                    {"RUN-27", private_propagation}};

}  // namespace

std::span<const Check<Config>> mount_checks() { return checks; }

}  // namespace casemate::audit

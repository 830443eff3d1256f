// Reads a running process from a verified procfs. What cannot be read is an error, never "nothing found"; a process
// that ends meanwhile, or whose number another one took, is one too.
#include <fcntl.h>
#include <sched.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "audit/program.h"
#include "base/text.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::audit {
namespace {

// Where a limit is written, by the controller's name in /proc/PID/cgroup ("" is version 2), and what the rules call it.
struct CgroupFile {
    std::string_view controller, name, meaning;
};
constexpr CgroupFile cgroup_files[] = {{"", "pids.max", "pids.max"},
                                       {"", "memory.max", "memory.max"},
                                       {"", "memory.swap.max", "memory.swap.max"},
                                       {"", "cpu.max", "cpu.max"},
                                       {"", "cpu.weight", "cpu.weight"},
                                       {"pids", "pids.max", "pids.max"},
                                       {"memory", "memory.limit_in_bytes", "memory.max"},
                                       {"cpu", "cpu.cfs_quota_us", "cpu.max"}};

// What engines mask (moby's list), as far as it tells about the host or changes it.
constexpr const char* sensitive_paths[] = {"/proc/kcore",       "/proc/keys",        "/proc/latency_stats",
                                           "/proc/timer_list",  "/proc/timer_stats", "/proc/sched_debug",
                                           "/proc/interrupts",  "/proc/acpi",        "/proc/asound",
                                           "/proc/scsi",        "/sys/firmware",     "/sys/devices/virtual/powercap"};

class ProcessReader {
public:
    ProcessReader(const sys::Procfs& proc, std::string pid) : proc_(proc), pid_(std::move(pid)) {}

    Result<ProcessFacts> read() {
        const uint64_t born = TRY(parsed("stat", sys::parse_start_time));
        TRY(read_status());
        TRY(read_stat());
        TRY(read_namespaces());
        TRY(read_mounts());
        TRY(read_descriptors());
        TRY(read_cgroup());
        TRY(read_network());
        TRY(read_names());
        facts_.limits = TRY(parsed("limits", sys::parse_limits));
        const std::string environment = TRY(text("environ"));
        for (const std::string_view variable : split(environment, '\0'))
            if (!variable.empty()) facts_.environment.emplace_back(variable);
        // Without a security module the file cannot be read: EINVAL.
        auto label = text("attr/current");
        if (label)
            facts_.security_label =
                trimmed(std::string_view(label.value()).substr(0, label.value().find_first_of(" \n")));
        if (born != TRY(parsed("stat", sys::parse_start_time)))
            return Error::with_code(ESRCH, "another process by now");
        return std::move(facts_);
    }

private:
    Result<std::string> text(std::string_view name) const { return proc_.read(concat(pid_, '/', name)); }
    // The file's content through `parse`.
    template <typename Parse>
    auto parsed(std::string_view name, Parse parse) const -> decltype(parse(std::string_view())) {
        const std::string content = TRY(text(name));
        return parse(content);
    }

    Result<void> read_status() {
        const sys::Status status = TRY(parsed("status", sys::parse_status));
        facts_.uids = status.uids;
        facts_.gids = status.gids;
        facts_.groups = status.groups;
        facts_.bounding = status.cap_bounding;
        facts_.effective = status.cap_effective;
        facts_.permitted = status.cap_permitted;
        facts_.inheritable = status.cap_inheritable;
        facts_.ambient = status.cap_ambient;
        facts_.no_new_privs = status.no_new_privs;
        facts_.seccomp_mode = status.seccomp_mode;
        facts_.umask = status.umask;
        for (const sys::IdMapLine& line : TRY(parsed("uid_map", sys::parse_id_map)))
            if (!facts_.uids.empty() && facts_.uids[0] >= line.outside && facts_.uids[0] - line.outside < line.count)
                facts_.inside_uid = line.inside + (facts_.uids[0] - line.outside);
        return {};
    }

    // Field 7 of stat is the terminal; the name before it may hold anything but ends with the last ')'.
    Result<void> read_stat() {
        const std::string stat = TRY(text("stat"));
        const size_t end = stat.rfind(')');
        if (end == std::string::npos) return Error::invalid("stat has no name");
        const auto fields = split(std::string_view(stat).substr(std::min(end + 2, stat.size())), ' ');
        if (fields.size() < 5) return Error::invalid("stat is short");
        facts_.terminal = fields[4] != "0";
        const std::string content = TRY(text("oom_score_adj"));
        const std::string_view adjusted = trimmed(content);
        const bool negative = adjusted.starts_with('-');
        const auto number = parse_decimal(adjusted.substr(negative ? 1 : 0), 1000);
        if (!number) return Error::invalid("oom_score_adj is no number");
        facts_.oom_score_adj = static_cast<int>(*number) * (negative ? -1 : 1);
        return {};
    }

    Result<void> read_namespaces() {
        for (const char* kind : {"pid", "net", "mnt", "ipc", "uts", "user", "cgroup"})
            if (TRY(proc_.namespace_inode(pid_, kind)) == TRY(proc_.namespace_inode("self", kind)))
                facts_.shared_namespaces.insert(kind);
        return {};
    }

    static std::set<std::string> peer_groups(const sys::MountInfo& mount) {
        std::set<std::string> groups;
        for (const std::string& field : mount.optional_fields)
            if (field.starts_with("shared:")) groups.insert(field.substr(7));
        return groups;
    }

    Result<void> read_mounts() {
        for (const sys::MountInfo& mount : TRY(parsed("mountinfo", sys::parse_mountinfo))) {
            facts_.mounts.push_back(
                {mount.mount_point, mount.type, mount.flags, mount.super_options, peer_groups(mount)});
            mount_ids_.insert(mount.id);
        }
        const std::string own = TRY(proc_.read("self/mountinfo"));
        for (const sys::MountInfo& mount : TRY(sys::parse_mountinfo(own)))
            facts_.host_peer_groups.merge(peer_groups(mount));
        return {};
    }

    // Files and directories only: pipes and sockets lie on mounts of the kernel's that nobody has. Not the standard
    // three, which lead to whoever started it.
    Result<void> read_descriptors() {
        const Fd directory = TRY(proc_.open(concat(pid_, "/fd"), O_RDONLY | O_DIRECTORY));
        for (const int number : TRY(proc_.descriptors(pid_))) {
            auto target = sys::readlinkat(directory, std::to_string(number).c_str());
            if (!target && target.error().code() == ENOENT) continue;  // closed meanwhile
            const std::string path = TRY(std::move(target));
            auto info = text(concat("fdinfo/", number));
            if (!info && info.error().code() == ENOENT) continue;
            const std::string lines = TRY(std::move(info));
            const bool file = path.starts_with('/') && !path.starts_with("/memfd:") && !path.ends_with(" (deleted)");
            facts_.descriptors.push_back({number, path, number > 2 && file && !mount_ids_.contains(mount_id(lines))});
        }
        return {};
    }

    // Its own sockets among those of its network namespace, by their inodes. A kernel without IPv6 has no tables of it.
    Result<void> read_network() {
        std::set<std::string> own;
        for (const ProcessDescriptor& descriptor : facts_.descriptors) own.insert(descriptor.target);
        for (const auto& [name, udp] : {std::pair("net/tcp", false), {"net/tcp6", false}, {"net/udp", true}, {"net/udp6", true}}) {
            auto table = text(name);
            if (!table && table.error().code() == ENOENT) continue;
            const std::string rows = TRY(std::move(table));
            for (const OpenPort& port : TRY_IN(name, parse_open_ports(rows, udp)))
                if (own.contains(concat("socket:[", port.inode, "]"))) facts_.open_ports.push_back(port);
        }
        for (const auto& [name, v6] : {std::pair("net/route", false), {"net/ipv6_route", true}}) {
            auto table = text(name);
            if (!table && table.error().code() == ENOENT) continue;
            const std::string rows = TRY(std::move(table));
            facts_.default_route = facts_.default_route || has_default_route(rows, v6);
        }
        return {};
    }

    Result<void> read_names() {
        for (const char* path : sensitive_paths)
            if (::access(path, F_OK) == 0) facts_.sensitive_paths.emplace_back(path);
        const std::string persona = TRY(text("personality"));
        const std::string_view digits = trimmed(persona);
        if (std::from_chars(digits.data(), digits.data() + digits.size(), facts_.personality, 16).ptr != digits.data() + digits.size())
            return Error::invalid(concat("personality: ", quoted(digits)));
        const Fd directory = TRY(proc_.open(pid_, O_RDONLY | O_DIRECTORY));
        facts_.program = TRY(sys::readlinkat(directory, "exe"));
        facts_.host_hostname = TRY(own_hostname());
        facts_.hostname = facts_.host_hostname;
        if (facts_.shared_namespaces.contains("uts")) return {};
        const Fd uts = TRY(proc_.open(concat(pid_, "/ns/uts"), O_RDONLY));
        facts_.hostname = TRY(hostname_in(uts));
        return {};
    }

    static Result<std::string> own_hostname() {
        struct utsname name {};
        if (::uname(&name) != 0) return Error::sys("uname");
        return std::string(name.nodename);
    }

    // In a child: nobody comes back from another UTS namespace without rights in the first.
    static Result<std::string> hostname_in(const Fd& uts) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return Error::sys("pipe2");
        const Fd reader(ends[0]);
        Fd writer(ends[1]);
        const pid_t child = ::fork();
        if (child < 0) return Error::sys("fork");
        if (child == 0) {
            const auto joined = sys::setns(uts, CLONE_NEWUTS);
            const auto name = joined ? own_hostname() : Result<std::string>(joined.error());
            ::_exit(name && sys::write_all(writer, name.value()) ? 0 : 1);
        }
        writer.reset();
        auto name = sys::read_all(reader, 256);
        int status = 0;
        while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
        if (status != 0) return Error::with_code(EPERM, "its UTS namespace could not be entered");
        return name;
    }

    static uint64_t mount_id(std::string_view lines) {
        for (const std::string_view line : split(lines, '\n'))
            if (line.starts_with("mnt_id:")) return parse_decimal(trimmed(line.substr(7))).value_or(0);
        return 0;
    }

    // "0::/path" is version 2, "4:memory:/path" version 1; a controller is in one of them.
    Result<void> read_cgroup() {
        const std::string groups = TRY(text("cgroup"));
        facts_.in_root_cgroup = true;
        for (const std::string_view line : split(groups, '\n')) {
            const size_t first = line.find(':'), second = line.find(':', first + 1);
            if (second == std::string_view::npos) continue;
            const std::string_view controllers = line.substr(first + 1, second - first - 1),
                                   path = line.substr(second + 1);
            if (path != "/") facts_.in_root_cgroup = false;
            for (const CgroupFile& file : cgroup_files) {
                const auto names = split(controllers, ',');
                if (std::ranges::find(names, file.controller) == names.end()) continue;
                TRY(read_limit(concat("/sys/fs/cgroup/", file.controller, path, '/', file.name), file.meaning));
            }
        }
        return {};
    }

    Result<void> read_limit(const std::string& path, std::string_view meaning) {
        const auto opened = sys::open(path.c_str(), O_RDONLY);
        if (!opened && opened.error().code() == ENOENT) return {};
        if (!opened) return opened.error();
        const std::string value = TRY(sys::read_all(opened.value(), 4096));
        std::string_view limit = trimmed(value);
        // Version 1 says "none" as -1, or as the largest number of whole pages.
        const bool none = limit == "-1" || parse_decimal(limit).value_or(0) >= uint64_t{1} << 62;
        facts_.cgroup[std::string(meaning)] = none ? "max" : limit;
        return {};
    }

    const sys::Procfs& proc_;
    std::string pid_;
    ProcessFacts facts_;
    std::set<uint64_t> mount_ids_;
};

}  // namespace

Result<ProcessFacts> read_process(const std::string& pid) {
    const auto number = parse_decimal(pid, 4194304);  // PID_MAX_LIMIT
    if (!number || *number == 0) return Error::invalid(concat(quoted(pid), " is no process id"));
    const sys::Procfs proc = TRY(sys::Procfs::host());
    return TRY_IN(concat("process ", pid), ProcessReader(proc, std::to_string(*number)).read());
}

}  // namespace casemate::audit

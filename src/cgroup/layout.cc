#include "cgroup/layout.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::cgroup {
namespace {

constexpr const char* usual_mount = "/sys/fs/cgroup";
constexpr size_t file_max = size_t{1} << 16;

// Options of a v1 super-block that are not controllers (cgroups.rst, v1).
bool is_controller(std::string_view option) {
    for (const std::string_view known :
         {"rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "favordynmods", "seclabel"})
        if (option == known) return false;
    return option.starts_with("name=") || option.find('=') == std::string_view::npos;
}

// Unprivileged, the group beside our own is the one place where a service manager may have delegated: our own has us in
// it, and a v2 group with processes can limit none below (cgroup-v2.rst, "No Internal Process Constraint").
Result<std::string> parent_beside_own() {
    const auto procfs = TRY(sys::Procfs::host());
    const std::string text = TRY(procfs.read("self/cgroup"));
    const std::string own = own_unified_path(text).value_or("/");
    return concat(own.substr(0, own.rfind('/')), "/casemate");
}

Result<void> read_controllers(Hierarchy& hierarchy) {
    const Fd directory = TRY(open_directory(hierarchy.mount_point, Version::v2));
    hierarchy.controllers = words(TRY(sys::read_file(directory, "cgroup.controllers", file_max)));
    return {};
}

}  // namespace

std::vector<std::string> words(std::string_view line) {
    std::vector<std::string> found;
    for (const std::string_view word : split(trimmed(line), ' '))
        if (!word.empty()) found.emplace_back(word);
    return found;
}

bool holds(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

Result<Fd> open_directory(const std::string& path, Version version) {
    Fd directory = TRY_IN(quoted(path), sys::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
    const uint64_t magic = TRY(sys::filesystem_magic(directory));
    if (magic != (version == Version::v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
        return Error::invalid(concat(quoted(path), ": not a cgroup directory"));
    return directory;
}

std::optional<std::string> own_unified_path(std::string_view proc_self_cgroup) {
    for (const std::string_view line : split(proc_self_cgroup, '\n'))
        if (line.starts_with("0::/")) return std::string(line.substr(3));
    return std::nullopt;
}

Result<Layout> Layout::parse(std::string_view mountinfo) {
    Layout layout;
    std::vector<bool> whole;  // is the mount of this hierarchy that of its root?
    for (const sys::MountInfo& mount : TRY(sys::parse_mountinfo(mountinfo))) {
        Hierarchy found{mount.type == "cgroup2" ? Version::v2 : Version::v1, mount.mount_point, {}};
        if (mount.type != "cgroup" && mount.type != "cgroup2") continue;
        if (holds(mount.flags, "ro")) continue;  // as inside most containers: no group can be made there
        if (found.version == Version::v1)
            std::copy_if(mount.super_options.begin(), mount.super_options.end(), std::back_inserter(found.controllers),
                         is_controller);
        const auto same =
            std::find_if(layout.hierarchies.begin(), layout.hierarchies.end(), [&](const Hierarchy& other) {
                return other.version == found.version && other.controllers == found.controllers;
            });
        const auto index = static_cast<size_t>(same - layout.hierarchies.begin());
        if (same == layout.hierarchies.end()) {
            layout.hierarchies.push_back(std::move(found));
            whole.push_back(mount.root == "/");
        } else if (!whole[index] && mount.root == "/") {
            *same = std::move(found);
            whole[index] = true;
        }
    }
    return layout;
}

Result<Layout> Layout::discover() {
    Layout layout;
    if (open_directory(usual_mount, Version::v2)) {
        if (::access(usual_mount, W_OK) < 0 && errno == EROFS) return layout;
        layout.hierarchies.push_back({Version::v2, usual_mount, {}});
    } else {
        const auto procfs = TRY(sys::Procfs::host());
        const std::string table = TRY(procfs.read("self/mountinfo"));
        layout = TRY(parse(table));
    }
    for (Hierarchy& hierarchy : layout.hierarchies)
        if (hierarchy.version == Version::v2) TRY_IN("cgroup.controllers", read_controllers(hierarchy));
    if ((::geteuid() != 0 || !sys::in_initial_user_namespace()) && layout.kind() == Kind::v2) layout.default_parent = TRY(parent_beside_own());
    return layout;
}

Kind Layout::kind() const {
    bool one = false, two = false;
    for (const Hierarchy& hierarchy : hierarchies) (hierarchy.version == Version::v1 ? one : two) = true;
    if (one && two) return Kind::hybrid;
    return one ? Kind::v1 : two ? Kind::v2 : Kind::none;
}

const Hierarchy* Layout::holding(std::string_view controller) const {
    for (const Hierarchy& hierarchy : hierarchies)
        if (holds(hierarchy.controllers, controller)) return &hierarchy;
    return nullptr;
}

const Hierarchy* Layout::tracked_by_systemd() const {
    for (const Hierarchy& hierarchy : hierarchies)
        if (hierarchy.version == Version::v2) return &hierarchy;
    return holding("name=systemd");
}

std::optional<Version> Layout::version_of(std::string_view controller) const {
    const Hierarchy* found = holding(controller);
    return found ? std::optional(found->version) : std::nullopt;
}

}  // namespace casemate::cgroup

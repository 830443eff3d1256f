#include "cgroup/directories.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/scope_exit.h"
#include "base/text.h"
#include "sys/call.h"

namespace casemate::cgroup {
namespace {

constexpr size_t file_max = size_t{1} << 20;
constexpr int attempts_max = 16, depth_max = 128;

Error enable_failed(Error error, const std::string& wanted) {
    const int code = error.code();
    error = std::move(error).within(concat("cannot enable '", wanted, "' in cgroup.subtree_control"));
    if (code == EBUSY)
        return std::move(error).hint(
            "a cgroup v2 group with processes of its own can limit none below it: start the launcher in a group "
            "beside");
    if (code == EOPNOTSUPP) return std::move(error).hint("the group is threaded (cgroup.type)");
    return error;
}

// Makes `needed` controllers available to the children of `parent` (cgroup-v2.rst, "Top-down Constraint").
Result<void> enable_below(FdView parent, const std::vector<std::string>& needed) {
    const std::vector<std::string> offered = words(TRY(sys::read_file(parent, "cgroup.controllers", file_max)));
    const std::vector<std::string> enabled = words(TRY(sys::read_file(parent, "cgroup.subtree_control", file_max)));
    std::string demanded, useful;
    for (const std::string& controller : needed) {
        if (!holds(offered, controller))
            return Error::with_code(
                EOPNOTSUPP, concat("controller '", controller, "' is not delegated to here (cgroup.controllers)"));
        if (!holds(enabled, controller)) demanded += concat("+", controller, " ");
    }
    for (const std::string controller : {"cpu", "cpuset", "io", "memory", "pids"})
        if (!holds(needed, controller) && holds(offered, controller) && !holds(enabled, controller))
            useful += concat("+", controller, " ");
    // The useful ones serve figures and a later update: where they cannot be had, stats lack them and the update says
    // so.
    if (!useful.empty() && sys::write_file(parent, "cgroup.subtree_control", demanded + useful)) return {};
    if (demanded.empty()) return {};
    auto written = sys::write_file(parent, "cgroup.subtree_control", demanded);
    if (!written) return enable_failed(std::move(written).take_error(), demanded);
    return {};
}

Result<void> inherit_list(FdView parent, FdView child, const char* file) {
    if (!trimmed(TRY(sys::read_file(child, file, file_max))).empty()) return {};
    const std::string list = TRY(sys::read_file(parent, file, file_max));
    return sys::write_file(child, file, trimmed(list));
}

// Nobody may join a v1 cpuset whose lists are empty, as they are in a new one.
Result<void> inherit_cpuset(FdView parent, FdView child) {
    TRY_IN("cpuset.cpus", inherit_list(parent, child, "cpuset.cpus"));
    TRY_IN("cpuset.mems", inherit_list(parent, child, "cpuset.mems"));
    return {};
}

Result<void> must_be_unused(FdView directory, Version version) {
    if (!TRY(processes_at_or_below(directory)).empty())
        return Error::with_code(EEXIST, "exists already and has processes");
    const auto state = sys::read_file(directory, version == Version::v2 ? "cgroup.freeze" : "freezer.state", 16);
    if (!state && state.error().code() == ENOENT) return {};  // a v1 hierarchy without the freezer
    if (!state) return Error(state.error());
    if (state.value().starts_with('1') || state.value().starts_with("FR"))
        return Error::with_code(EEXIST, "exists already and is frozen");
    return {};
}

// systemd's, and nothing is made: a scope whose holder has ended is gone, and one of our making would have no unit.
Result<Fd> open_scope(const Hierarchy& hierarchy, const std::vector<std::string>& components) {
    const Fd root = TRY(open_directory(hierarchy.mount_point, hierarchy.version));
    return open_below(root, join(components, "/"));
}

// Level by level, for hierarchies in which each level needs something.
Result<Fd> walk(const Hierarchy& hierarchy, const std::vector<std::string>& components,
                const std::vector<std::string>& needed, Maker maker, Made& made) {
    Fd directory = TRY(open_directory(hierarchy.mount_point, hierarchy.version));
    std::string path = hierarchy.mount_point;
    for (size_t i = 0; i < components.size(); ++i) {
        const std::string& name = components[i];
        if (hierarchy.version == Version::v2)
            TRY_IN(concat("parent of ", quoted(name)), enable_below(directory, needed));
        const auto created = sys::mkdirat(directory, name.c_str(), 0755);
        if (!created && created.error().code() != EEXIST) return Error(created.error()).within(quoted(name));
        path += concat("/", name);
        if (created) made.add(path);
        Fd child = TRY_IN(quoted(name), open_below(directory, name));
        if (!created && i + 1 == components.size() && maker == Maker::casemate) TRY(must_be_unused(child, hierarchy.version));
        if (holds(hierarchy.controllers, "cpuset") && hierarchy.version == Version::v1)
            TRY_IN(quoted(name), inherit_cpuset(directory, child));
        directory = std::move(child);
    }
    return directory;
}

// In as few calls as can be, for the others: a v1 host has ten hierarchies.
Result<Fd> make_at_once(const Hierarchy& hierarchy, const std::vector<std::string>& components,
                        const std::string& directory, Maker maker, Made& made) {
    auto created = sys::mkdirat(AT_FDCWD, directory.c_str(), 0755);
    if (!created && created.error().code() == ENOENT) {
        std::string path = hierarchy.mount_point;
        for (const std::string& component : components) {
            path += concat("/", component);
            created = sys::mkdirat(AT_FDCWD, path.c_str(), 0755);
            if (created)
                made.add(path);
            else if (created.error().code() != EEXIST)
                break;
        }
    } else if (created) {
        made.add(directory);
    }
    if (!created && created.error().code() != EEXIST) return std::move(created).take_error();
    Fd opened = TRY(open_directory(directory, hierarchy.version));
    if (!created && maker == Maker::casemate) TRY(must_be_unused(opened, hierarchy.version));
    return opened;
}

Result<void> collect(FdView directory, std::vector<pid_t>& found, int depth) {
    if (depth > depth_max) return Error::with_code(ELOOP, concat("groups more than ", depth_max, " deep"));
    const auto list = sys::read_file(directory, "cgroup.procs", file_max * 16);
    // EOPNOTSUPP: a threaded group; its processes are those of the domain above. ENODEV, ENOENT: removed meanwhile.
    if (!list && (list.error().code() == ENODEV || list.error().code() == ENOENT)) return {};
    if (!list && list.error().code() != EOPNOTSUPP) return Error(list.error()).within("cgroup.procs");
    if (list) {
        for (const std::string_view line : split(list.value(), '\n'))
            if (const auto pid = parse_decimal(line, INT32_MAX)) found.push_back(static_cast<pid_t>(*pid));
    }
    const std::vector<std::string> names = TRY(names_below(directory));
    for (const std::string& name : names) {
        const auto child = open_below(directory, name);
        if (child)
            TRY(collect(child.value(), found, depth + 1));
        else if (child.error().code() != ENOENT)
            return Error(child.error()).within(quoted(name));
    }
    return {};
}

}  // namespace

void Made::unmake() {
    for (auto path = paths_.rbegin(); path != paths_.rend(); ++path)
        ::rmdir(path->c_str());  // in use by a sibling meanwhile: it stays
    paths_.clear();
}

Result<Group::Member> make_member(const Hierarchy& hierarchy, const std::vector<std::string>& components,
                                  const std::vector<std::string>& needed, Maker maker, Made& made) {
    Group::Member member{hierarchy.version, hierarchy.controllers, hierarchy.mount_point, 0, {}, true};
    for (const std::string& component : components) member.directory += concat("/", component);
    const bool scope = maker == Maker::systemd && hierarchy.version == Version::v2;
    const bool by_level = hierarchy.version == Version::v2 || holds(hierarchy.controllers, "cpuset");
    for (int attempt = 1;; ++attempt) {
        auto directory = scope      ? open_scope(hierarchy, components)
                         : by_level ? walk(hierarchy, components, needed, maker, made)
                                    : make_at_once(hierarchy, components, member.directory, maker, made);
        if (directory) {
            member.fd = std::move(directory.value());
            break;
        }
        // Another launcher removes /casemate as its last container goes: begin again.
        const int code = directory.error().code();
        if ((code != ENOENT && code != ENODEV) || attempt == attempts_max)
            return std::move(directory).take_error().within(concat("cgroup ", quoted(member.directory)));
    }
    member.inode = TRY(sys::fstat(member.fd)).st_ino;
    if (member.version == Version::v2)
        member.controllers = words(TRY(sys::read_file(member.fd, "cgroup.controllers", file_max)));
    return member;
}

Result<Group::Member> open_member(const Path& path) {
    constexpr uint64_t root_inode = 1;
    if (!is_normal_path(path.directory))
        return Error::invalid(concat("cgroup ", quoted(path.directory), ": not a normal path"));
    Group::Member member{
        path.controllers.empty() ? Version::v2 : Version::v1, {}, path.directory, path.inode, {}, false};
    member.fd = TRY(open_directory(path.directory, member.version));
    const uint64_t inode = TRY(sys::fstat(member.fd)).st_ino;
    if (inode == root_inode)
        return Error::invalid(concat("cgroup ", quoted(path.directory), ": the root of a hierarchy"));
    if (path.inode != 0 && inode != path.inode) return Error::with_code(ENOENT, "another group of this name");
    member.inode = inode;
    member.proven = path.inode != 0;
    member.unit = path.unit;
    if (member.version == Version::v2) {
        auto controllers = sys::read_file(member.fd, "cgroup.controllers", file_max);
        // Removed since it was opened, as systemd does with an empty scope.
        if (!controllers && controllers.error().code() == ENODEV) return Error::with_code(ENOENT, "the group is gone");
        member.controllers = words(TRY(std::move(controllers)));
    } else {
        for (const std::string_view controller : split(path.controllers, ','))
            member.controllers.emplace_back(controller);
    }
    return member;
}

Result<Fd> open_below(FdView directory, const std::string& relative) {
    return sys::openat2(directory, relative.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW,
                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

Result<std::vector<std::string>> names_below(FdView directory) {
    Fd listing(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!listing) return Error::sys("openat");
    std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(listing.get()), ::closedir);
    if (!stream) return Error::sys("fdopendir");
    listing.release();
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
        errno = 0;
    }
    if (errno != 0 && errno != ENOENT && errno != ENODEV) return Error::sys("readdir");
    return names;
}

Result<std::vector<pid_t>> processes_at_or_below(FdView directory) {
    std::vector<pid_t> found;
    TRY(collect(directory, found, 0));
    return found;
}

Result<bool> remove_one(const Group::Member& member) {
    struct stat status {};
    if (::lstat(member.directory.c_str(), &status) != 0) {
        if (errno == ENOENT) return true;
        return Error::sys("lstat");
    }
    if (status.st_ino != member.inode) return true;  // another group by now
    if (::rmdir(member.directory.c_str()) == 0 || errno == ENOENT) return true;
    if (errno != EBUSY && errno != ENOTEMPTY) return Error::sys("rmdir");
    // Down to a group without children; two descriptors, however deep it is.
    Fd parent = TRY(sys::duplicate(member.fd));
    std::vector<std::string> below = TRY(names_below(parent));
    if (below.empty()) return Error::from_errno(EBUSY, "rmdir");
    while (true) {
        auto child = open_below(parent, below.front());
        if (!child && child.error().code() == ENOENT) return false;
        if (!child) return std::move(child).take_error();
        const std::string name = std::move(below.front());
        below = TRY(names_below(child.value()));
        if (below.empty()) {
            if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
                return Error::sys("rmdir");
            return false;
        }
        parent = std::move(child.value());
    }
}

}  // namespace casemate::cgroup

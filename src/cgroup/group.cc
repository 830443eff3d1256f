#include "cgroup/group.h"

#include <unistd.h>

#include <algorithm>

#include "base/scope_exit.h"
#include "base/text.h"
#include "cgroup/device_rules.h"
#include "cgroup/directories.h"
#include "cgroup/names.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::cgroup {
namespace {

constexpr std::string_view base = "/casemate/";

// Unprivileged, the group beside our own is the one place where a service manager may have delegated: our own has us in
// it, and a v2 group with processes can limit none below (cgroup-v2.rst, "No Internal Process Constraint").
Result<std::string> default_path(const std::string& id, const Layout& layout) {
    if (::geteuid() == 0 || layout.kind() != Kind::v2) return concat(base, id);
    const auto procfs = TRY(sys::Procfs::host());
    const std::string text = TRY(procfs.read("self/cgroup"));
    const std::string own = own_unified_path(text).value_or("/");
    return concat(own.substr(0, own.rfind('/')), base, id);
}

bool is_denied(int code) { return code == EACCES || code == EPERM || code == EROFS; }

std::vector<std::string> needed_of(const std::vector<Setting>& settings) {
    std::vector<std::string> needed;
    for (const Setting& setting : settings)
        if (!setting.controller.empty() && !holds(needed, setting.controller)) needed.push_back(setting.controller);
    return needed;
}

Result<Draft> no_group(Draft draft, Error reason) {
    const bool limited = !draft.request.limits.empty();
    if (draft.request.if_none == IfNone::fail || (limited && draft.request.if_none == IfNone::fail_if_limited))
        return std::move(reason).within(limited ? "limits are asked for, but there is no cgroup to set them on"
                                                : "a cgroup is asked for");
    draft.layout = {};
    draft.settings.clear();
    return draft;
}

Error missing_hierarchies() { return Error::with_code(ENOENT, "no cgroup hierarchy is mounted"); }

}  // namespace

std::vector<Path> Draft::paths() const {
    std::vector<Path> paths;
    for (const Hierarchy& hierarchy : layout.hierarchies) {
        std::string directory = hierarchy.mount_point;
        for (const std::string& component : components) directory += concat("/", component);
        const bool v2 = hierarchy.version == Version::v2;
        paths.push_back({v2 ? "" : join(hierarchy.controllers, ","), std::move(directory), 0});
    }
    return paths;
}

Result<Draft> prepare(Request request) {
    Draft draft;
    draft.layout = TRY(Layout::discover());
    if (request.path.empty()) {
        const auto name = path_components(request.id);
        if (!name || name.value().size() != 1 || request.id.find('/') != std::string::npos)
            return Error::invalid(concat("container id ", quoted(request.id), ": cannot name a cgroup"));
        request.path = TRY(default_path(request.id, draft.layout));
    }
    draft.components = TRY(path_components(request.path));
    draft.request = std::move(request);
    if (draft.layout.hierarchies.empty()) return no_group(std::move(draft), missing_hierarchies());
    draft.settings = TRY_IN("cgroup", settings_for(draft.request.limits, draft.layout));
    if (const auto& devices = draft.request.limits.devices) {
        TRY(check_device_rules(*devices));
        if (draft.layout.holding("devices"))
            TRY(device_lines(*devices));
        else if (draft.layout.kind() == Kind::v1)
            return Error::with_code(ENOENT,
                                    "cgroup controller 'devices' is not available, but a device policy is asked for");
    }
    return draft;
}

Result<Group> Group::create(const Draft& draft) {
    Made made;
    ScopeExit unmake([&] { made.unmake(); });
    const std::vector<std::string> needed = needed_of(draft.settings);
    Group group;
    std::optional<Error> denied;
    for (const Hierarchy& hierarchy : draft.layout.hierarchies) {
        std::vector<std::string> needed_here;
        for (const std::string& controller : needed)
            if (draft.layout.holding(controller) == &hierarchy) needed_here.push_back(controller);
        auto member = make_member(hierarchy, draft.components, needed_here, made);
        if (member)
            group.members_.push_back(std::move(member.value()));
        else if (!is_denied(member.error().code()))
            return std::move(member).take_error();
        else
            denied = std::move(member).take_error();
    }
    // All or nothing: half a group would be one that kill_all and stats do not see the whole of.
    if (denied && !group.members_.empty()) return *std::move(denied);
    if (denied) {
        TRY(no_group(draft, *std::move(denied)));
        return group;
    }
    TRY(group.set(draft.settings));
    if (draft.request.limits.devices && !group.members_.empty()) TRY(group.set_devices(*draft.request.limits.devices));
    unmake.release();
    return group;
}

Result<Group> Group::open_existing(const std::vector<Path>& paths) {
    Group group;
    for (const Path& path : paths) {
        auto member = open_member(path);
        if (member)
            group.members_.push_back(std::move(member.value()));
        else if (member.error().code() != ENOENT)
            return std::move(member).take_error();
    }
    return group;
}

Kind Group::kind() const { return layout().kind(); }

Layout Group::layout() const {
    Layout layout;
    for (const Member& member : members_)
        layout.hierarchies.push_back({member.version, member.directory, member.controllers});
    return layout;
}

std::vector<Path> Group::paths() const {
    std::vector<Path> paths;
    for (const Member& member : members_)
        paths.push_back(
            {member.version == Version::v2 ? "" : join(member.controllers, ","), member.directory, member.inode});
    return paths;
}

const Group::Member* Group::holding(std::string_view controller) const {
    for (const Member& member : members_)
        if (holds(member.controllers, controller)) return &member;
    return nullptr;
}

const Group::Member* Group::unified() const {
    for (const Member& member : members_)
        if (member.version == Version::v2) return &member;
    return nullptr;
}

std::optional<FdView> Group::directory_fd() const {
    const Member* member = unified();
    return member ? std::optional<FdView>(member->fd) : std::nullopt;
}

Result<Fd> Group::below(std::string_view path) const {
    const Member* member = unified();
    if (!member) return Error::with_code(EOPNOTSUPP, "a group below the container's takes cgroup v2");
    std::string relative;
    const std::vector<std::string> components = TRY(path_components(path));
    for (const std::string& component : components) relative += (relative.empty() ? "" : "/") + component;
    return TRY_IN(concat("cgroup ", quoted(relative)), open_below(member->fd, relative));
}

Result<void> Group::attach(pid_t pid) const {
    if (pid <= 0) return Error::invalid(concat("attach: pid ", pid));
    for (const Member& member : members_)
        if (member.version == Version::v1)
            TRY_IN(concat("cgroup ", quoted(member.directory), ": cgroup.procs"),
                   sys::write_file(member.fd, "cgroup.procs", std::to_string(pid)));
    return {};
}

}  // namespace casemate::cgroup

#include "cgroup/group.h"

#include <algorithm>

#include "base/scope_exit.h"
#include "base/text.h"
#include "cgroup/directories.h"
#include "cgroup/names.h"
#include "sys/call.h"

namespace casemate::cgroup {
namespace {

bool is_denied(int code) { return code == EACCES || code == EPERM || code == EROFS; }

std::vector<std::string> needed_of(const std::vector<Setting>& settings) {
    std::vector<std::string> needed;
    for (const Setting& setting : settings)
        if (!setting.controller.empty() && !holds(needed, setting.controller)) needed.push_back(setting.controller);
    return needed;
}

// systemd puts the scope where its own rules say; what differs from our reckoning (a systemd that manages a part of the
// tree only) would be another group than the journal names.
Result<HeldScope> hold_scope(const Request& request, const Layout& layout) {
    std::vector<UnitProperty> properties = properties_of(request.limits, layout.version_of("memory").value_or(Version::v2));
    properties.insert(properties.end(), request.properties.begin(), request.properties.end());
    HeldScope held = TRY(HeldScope::start(request.systemd_program, *request.scope, concat("casemate container ", request.id), properties));
    if (held.path() != request.path)
        return Error::with_code(ENOTSUP, concat("systemd put ", quoted(request.scope->unit), " into ", quoted(held.path()), " instead of ", quoted(request.path)));
    return held;
}

}  // namespace

Result<Draft> prepare(Request request) { return prepare(std::move(request), TRY(Layout::discover())); }

Result<Group> Group::create(const Draft& draft) {
    Made made;
    ScopeExit unmake([&] { made.unmake(); });
    const std::vector<std::string> needed = needed_of(draft.settings);
    Group group;
    const bool scope = draft.request.scope.has_value();
    if (scope) group.held_ = TRY(hold_scope(draft.request, draft.layout));
    std::optional<Error> denied;
    for (const Hierarchy& hierarchy : draft.layout.hierarchies) {
        std::vector<std::string> needed_here;
        for (const std::string& controller : needed)
            if (draft.layout.holding(controller) == &hierarchy) needed_here.push_back(controller);
        auto member = make_member(hierarchy, draft.components, needed_here, scope ? Maker::systemd : Maker::casemate, made);
        if (member) {
            if (scope && &hierarchy == draft.layout.tracked_by_systemd()) member.value().unit = draft.request.scope->unit;
            group.members_.push_back(std::move(member.value()));
        }
        else if (!is_denied(member.error().code()))
            return std::move(member).take_error();
        else
            denied = std::move(member).take_error();
        // All or nothing: half a group would be one that kill_all and stats do not see the whole of.
        if (denied) {
            TRY(draft.accept_none(*std::move(denied)));
            return Group();
        }
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
            {member.version == Version::v2 ? "" : join(member.controllers, ","), member.directory, member.inode, member.unit});
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

Result<void> Group::attach(pid_t pid) const {
    if (pid <= 0) return Error::invalid(concat("attach: pid ", pid));
    for (const Member& member : members_)
        if (member.version == Version::v1)
            TRY_IN(concat("cgroup ", quoted(member.directory), ": cgroup.procs"),
                   sys::write_file(member.fd, "cgroup.procs", std::to_string(pid)));
    return {};
}

}  // namespace casemate::cgroup

#include "cgroup/draft.h"

#include "base/text.h"
#include "cgroup/device_rules.h"
#include "cgroup/names.h"

namespace casemate::cgroup {
namespace {

Error missing_hierarchies() { return Error::with_code(ENOENT, "there is no cgroup hierarchy that this caller may use"); }

}  // namespace

std::vector<Path> Draft::paths() const {
    std::vector<Path> paths;
    for (const Hierarchy& hierarchy : layout.hierarchies) {
        std::string directory = hierarchy.mount_point;
        for (const std::string& component : components) directory += concat("/", component);
        const bool v2 = hierarchy.version == Version::v2;
        const bool kept_by_systemd = request.scope && &hierarchy == layout.tracked_by_systemd();
        paths.push_back({v2 ? "" : join(hierarchy.controllers, ","), std::move(directory), 0, kept_by_systemd ? request.scope->unit : ""});
    }
    return paths;
}

Result<void> Draft::accept_none(Error reason) const {
    const bool limited = !request.limits.empty();
    if (request.if_none == IfNone::accept || (!limited && request.if_none == IfNone::fail_if_limited)) return {};
    return std::move(reason).within(limited ? "limits are asked for, but there is no cgroup to set them on"
                                            : "a cgroup is asked for");
}

Result<Draft> prepare(Request request, Layout layout) {
    Draft draft;
    draft.layout = std::move(layout);
    if (request.path.empty()) {
        const auto name = path_components(request.id);
        if (!name || name.value().size() != 1 || request.id.find('/') != std::string::npos)
            return Error::invalid(concat("container id ", quoted(request.id), ": cannot name a cgroup"));
        request.path = concat(draft.layout.default_parent, "/", request.id);
    }
    draft.components = TRY(path_components(request.path));
    draft.request = std::move(request);
    if (draft.layout.hierarchies.empty()) {
        TRY(draft.accept_none(missing_hierarchies()));
        return draft;
    }
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

}  // namespace casemate::cgroup

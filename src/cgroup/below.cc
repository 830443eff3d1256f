// `exec --cgroup`: groups below the container's, in runc's form: one PATH for every hierarchy, or for single ones of v1
// CONTROLLER[,CONTROLLER...]:PATH, in which case the others stay where they are.
#include "base/text.h"
#include "cgroup/directories.h"
#include "cgroup/group.h"
#include "cgroup/names.h"
#include "sys/call.h"

namespace casemate::cgroup {
namespace {

struct Wanted {
    std::string controller;  // empty: every hierarchy
    std::string path;        // relative; empty: the container's own group
};

Result<std::string> relative(std::string_view path) {
    if (path.find_first_not_of('/') == std::string_view::npos) return std::string();
    return join(TRY(path_components(path)), "/");
}

Result<std::vector<Wanted>> parse(const std::vector<std::string>& arguments) {
    std::vector<Wanted> all;
    for (const std::string& argument : arguments) {
        const auto refused = [&](std::string_view why) { return Error::invalid(concat(quoted(argument.substr(0, 300)), ": ", why)); };
        const size_t colon = argument.find(':');
        if (colon == std::string::npos && arguments.size() > 1) return refused("a path without a controller is for every hierarchy, and stands alone");
        const std::string path = TRY(relative(std::string_view(argument).substr(colon == std::string::npos ? 0 : colon + 1)));
        if (colon == std::string::npos) all.push_back({"", path});
        else
            for (const std::string_view controller : split(std::string_view(argument).substr(0, colon), ',')) {
                if (controller.empty()) return refused("a controller without a name");
                for (const Wanted& other : all)
                    if (other.controller == controller) return refused(concat("controller ", quoted(controller), " given twice"));
                all.push_back({std::string(controller), path});
            }
    }
    return all;
}

// Where in this hierarchy. Two controllers of one v1 hierarchy have one group.
Result<std::string> path_in(const Group::Member& member, const std::vector<Wanted>& wanted) {
    const Wanted* found = nullptr;
    for (const Wanted& one : wanted) {
        if (!one.controller.empty() && !holds(member.controllers, one.controller)) continue;
        if (found && found->path != one.path)
            return Error::invalid(concat("controllers ", quoted(found->controller), " and ", quoted(one.controller), " are one hierarchy: one path"));
        found = &one;
    }
    return found ? found->path : std::string();
}

}  // namespace

Result<Group> Group::below(const std::vector<std::string>& arguments) const {
    if (members_.empty()) return Error::with_code(EOPNOTSUPP, "the container has no cgroup");
    const std::vector<Wanted> wanted = TRY(parse(arguments));
    for (const Wanted& one : wanted) {
        if (one.controller.empty()) continue;
        const Member* member = holding(one.controller);
        if (!member) return Error::invalid(concat("controller ", quoted(one.controller), ": the container has no group of it"));
        if (member->version == Version::v2) return Error::invalid(concat("controller ", quoted(one.controller), ": is of cgroup v2, where one path without a controller is for all"));
    }
    Group group;
    for (const Member& member : members_) {
        const std::string path = TRY(path_in(member, wanted));
        Member sub{member.version, member.controllers, member.directory, 0, {}, false, {}};
        if (!path.empty()) sub.directory += concat("/", path);
        sub.fd = path.empty() ? TRY(sys::duplicate(member.fd)) : TRY_IN(concat("cgroup ", quoted(sub.directory)), open_below(member.fd, path));
        sub.inode = TRY(sys::fstat(sub.fd)).st_ino;
        group.members_.push_back(std::move(sub));
    }
    return group;
}

}  // namespace casemate::cgroup

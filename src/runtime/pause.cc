// pause, resume, ps and what a frozen container means for the other verbs.
#include <algorithm>

#include "base/text.h"
#include "runtime/containers.h"

namespace casemate::runtime {
namespace {

bool can_freeze(const cgroup::Path& path) {
    const auto names = split(path.controllers, ',');
    return path.controllers.empty() || std::find(names.begin(), names.end(), "freezer") != names.end();
}

// Of ten hierarchies only the one that freezes is looked at: engines ask for the state many times a second. v2 before
// v1, as the group itself decides.
Result<cgroup::Group> freezing_part(const Record& record) {
    std::vector<cgroup::Path> paths;
    std::copy_if(record.cgroups.begin(), record.cgroups.end(), std::back_inserter(paths), can_freeze);
    return cgroup::Group::open_existing(paths);
}

Result<Record> must_be(const Settings& settings, const std::string& id, std::initializer_list<oci::Status> wanted, std::string_view verb) {
    const RecordFile file = TRY(file_of(settings, id));
    Record record = TRY(file.read());
    const oci::Status status = TRY(state_of(file, record)).status;
    if (std::find(wanted.begin(), wanted.end(), status) != wanted.end()) return record;
    if (status == oci::Status::stopped) return Error::with_code(ESRCH, "container not running");
    return Error::with_code(EINVAL, concat("cannot ", verb, " container ", quoted(id), ": it is ", oci::name_of(status)));
}

}  // namespace

Result<cgroup::Group> group_of(const Record& record) {
    cgroup::Group group = TRY(cgroup::Group::open_existing(record.cgroups));
    if (group.members().empty())
        return Error::with_code(EOPNOTSUPP, concat("container ", quoted(record.id), " has no cgroup")).hint("without root one takes delegation by the service manager");
    return group;
}

bool is_frozen(const Record& record) {
    const auto group = freezing_part(record);
    if (!group) return false;
    const auto frozen = group.value().frozen();
    return frozen && frozen.value();
}

Result<void> thaw_if_frozen(const Record& record) { return is_frozen(record) ? TRY(freezing_part(record)).thaw() : Result<void>(); }

Result<void> pause(const Settings& settings, const std::string& id) {
    const Record record = TRY(must_be(settings, id, {oci::Status::running, oci::Status::created}, "pause"));
    return TRY(group_of(record)).freeze();
}

Result<void> resume(const Settings& settings, const std::string& id) {
    const Record record = TRY(must_be(settings, id, {oci::Status::paused}, "resume"));
    return TRY(group_of(record)).thaw();
}

Result<std::vector<pid_t>> processes(const Settings& settings, const std::string& id) {
    const RecordFile file = TRY(file_of(settings, id));
    const Record record = TRY(file.read());
    return TRY(group_of(record)).processes();
}

}  // namespace casemate::runtime

// `casemate update`: other limits for a container that runs.
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "cgroup/stats.h"
#include "plan/limits.h"
#include "runtime/containers.h"
#include "runtime/directories.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

constexpr size_t file_max = 4096;

// config.json's swap counts memory too. Who names swap alone means it beside the memory limit in force.
Result<void> complete_swap(oci::Resources& resources, const cgroup::Group& group) {
    if (!resources.memory || !resources.memory->swap || *resources.memory->swap <= 0 || resources.memory->limit) return {};
    const cgroup::Stats stats = TRY(cgroup::read_stats(group));
    if (stats.memory && stats.memory->limit) resources.memory->limit = static_cast<int64_t>(*stats.memory->limit);
    return {};
}

// What systemd keeps of a scope's limits, it would write again.
Result<void> tell_systemd(const Settings& settings, const Record& record, const cgroup::Limits& limits, const cgroup::Group& group) {
    const cgroup::Group::Member* memory = group.holding("memory");
    for (const cgroup::Path& path : record.cgroups) {
        if (path.unit.empty()) continue;
        const bool root = ::geteuid() == 0 && sys::in_initial_user_namespace();
        const std::string program = TRY(find_libexec(settings, "casemate-systemd-cgroup"));
        TRY(cgroup::set_scope(program, root ? cgroup::Manager::system : cgroup::Manager::user, path.unit,
                              cgroup::properties_of(limits, memory ? memory->version : cgroup::Version::v2)));
    }
    return {};
}

// `verify` shall find what was asked for now.
Result<void> remember(const RecordFile& file, const std::string& id, const cgroup::Limits& limits) {
    auto stored = file.read_expected();
    if (!stored && stored.error().code() == ENOENT) return {};  // it is only being made: its launcher writes what it reads
    plan::Expected expected = TRY(std::move(stored));
    if (!expected.cgroup) return {};
    const cgroup::Draft draft = TRY(cgroup::prepare({id, *expected.cgroup, cgroup::IfNone::accept, limits}));
    plan::Expected changed;
    plan::expect_cgroup(changed, draft);
    for (const auto& [path, value] : changed.cgroup_limits) {
        const std::string text = TRY_IN(quoted(path), sys::read_file(FdView(AT_FDCWD), path.c_str(), file_max));
        expected.cgroup_limits[path] = trimmed(text);
    }
    return file.write_expected(expected);
}

}  // namespace

Result<void> update(const Settings& settings, const std::string& id, oci::Resources resources) {
    const RecordFile file = TRY(file_of(settings, id));
    TRY(file.lock());
    Record record = TRY(file.read());
    if (TRY(state_of(file, record)).status == oci::Status::stopped) return Error::with_code(ESRCH, "container not running");
    if (record.profile != "oci")
        return Error::with_code(EPERM, concat("the limits of container ", quoted(id), " are those of profile ", quoted(record.profile))).hint("start it anew with other limits: --memory, --cpus, --pids");
    const cgroup::Group group = TRY(group_of(record));
    TRY(complete_swap(resources, group));
    const cgroup::Limits limits = TRY(plan::limits_of(resources));
    TRY(tell_systemd(settings, record, limits, group));
    TRY(group.update(limits));
    return remember(file, record.id, limits);
}

Result<oci::Resources> read_resources(std::string_view file) {
    constexpr size_t document_max = size_t{1} << 20;
    if (file.empty()) return oci::Resources();
    const std::string name(file);
    auto text = name == "-" ? sys::read_all(FdView(0), document_max) : sys::read_file(FdView(AT_FDCWD), name.c_str(), document_max);
    if (!text) return std::move(text).take_error().within(concat("update: --resources ", quoted(name)));
    return oci::parse_resources(text.value());
}

}  // namespace casemate::runtime

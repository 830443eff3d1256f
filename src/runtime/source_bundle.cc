// What `launch` does with a bundle's config.json beyond its process: restrictions are kept or refused by name, grants are
// the profile's to give (decision 0007). Dropping a grant only makes the app weaker; dropping a restriction is a defect.
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "oci/unsupported.h"
#include "runtime/source.h"

namespace casemate::runtime {
namespace {

// Taken over, merged, or a grant that the profile decides instead.
constexpr std::string_view known[] = {
    "$.ociVersion", "$.root.path", "$.root.readonly", "$.hostname", "$.domainname", "$.annotations", "$.process.terminal",
    "$.process.user.uid", "$.process.user.gid", "$.process.user.umask", "$.process.user.additionalGids", "$.process.args",
    "$.process.env", "$.process.cwd", "$.process.noNewPrivileges", "$.process.oomScoreAdj", "$.process.capabilities",
    "$.process.capabilities.bounding", "$.process.capabilities.effective", "$.process.capabilities.permitted",
    "$.process.capabilities.inheritable", "$.process.capabilities.ambient", "$.process.rlimits[].type",
    "$.process.rlimits[].soft", "$.process.rlimits[].hard", "$.process.consoleSize.height", "$.process.consoleSize.width",
    "$.mounts[].destination", "$.mounts[].type", "$.mounts[].source", "$.mounts[].options",
    "$.linux.namespaces[].type", "$.linux.maskedPaths", "$.linux.readonlyPaths", "$.linux.rootfsPropagation",
    "$.linux.cgroupsPath", "$.linux.resources.devices[].allow", "$.linux.resources.devices[].access",
    "$.linux.resources.devices[].type", "$.linux.resources.devices[].major", "$.linux.resources.devices[].minor",
    "$.linux.resources", "$.linux.resources.memory", "$.linux.resources.cpu"};

// Kernel file systems that a profile makes by itself.
constexpr std::string_view kernel_mounts[] = {"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"};

template <typename T>
void add_missing(std::vector<T>& into, const std::vector<T>& from) {
    for (const T& item : from)
        if (std::find(into.begin(), into.end(), item) == into.end()) into.push_back(item);
}

void intersect(std::optional<std::vector<std::string>>& set, const std::optional<std::vector<std::string>>& other) {
    if (!set) return;
    std::erase_if(*set, [&](const std::string& name) { return !other || std::find(other->begin(), other->end(), name) == other->end(); });
}

void lower_limits(const std::vector<oci::Rlimit>& from, std::vector<oci::Rlimit>& into) {
    for (const oci::Rlimit& wanted : from) {
        const auto same = std::find_if(into.begin(), into.end(), [&](const oci::Rlimit& limit) { return limit.type == wanted.type; });
        if (same == into.end()) {
            into.push_back(wanted);
        } else {
            same->soft = std::min(same->soft, wanted.soft);
            same->hard = std::min(same->hard, wanted.hard);
        }
    }
}

}  // namespace

Result<void> check_bundle(const oci::Config& bundle) {
    const std::vector<std::string> places = oci::unsupported(bundle, known);
    if (!places.empty())
        return Error::with_code(ENOTSUP, concat("config.json: ", places.front(), ": a launch does not take this from a bundle"))
            .hint("say it in a profile, or use 'casemate run', which does exactly what config.json says");
    for (size_t i = 0; i < bundle.mounts.size(); ++i) {
        const std::string& destination = bundle.mounts[i].destination;
        if (std::find(std::begin(kernel_mounts), std::end(kernel_mounts), destination) == std::end(kernel_mounts))
            return Error::with_code(ENOTSUP, concat("config.json: $.mounts[", i, "]: ", quoted(destination), ": a launch takes no mounts from a bundle"))
                .hint("grant it with --volume or --tmpfs");
    }
    log(LogLevel::info, "config.json: namespaces, kernel file systems and capabilities come from the profile");
    return {};
}

void add_bundle_restrictions(const oci::Config& bundle, oci::Config& made) {
    const oci::Process& from = *bundle.process;
    oci::Process& into = *made.process;
    made.root_readonly = made.root_readonly || bundle.root_readonly;
    into.no_new_privileges = into.no_new_privileges || from.no_new_privileges;
    if (from.user.umask) into.user.umask = into.user.umask.value_or(0) | *from.user.umask;
    if (from.oom_score_adj) into.oom_score_adj = std::max(*from.oom_score_adj, into.oom_score_adj.value_or(-1000));
    lower_limits(from.rlimits, into.rlimits);
    add_missing(made.linux_.masked_paths, bundle.linux_.masked_paths);
    add_missing(made.linux_.readonly_paths, bundle.linux_.readonly_paths);
    if (!into.capabilities || !from.capabilities) return;
    intersect(into.capabilities->bounding, from.capabilities->bounding);
    intersect(into.capabilities->permitted, from.capabilities->permitted);
    intersect(into.capabilities->effective, from.capabilities->effective);
    intersect(into.capabilities->inheritable, from.capabilities->inheritable);
    intersect(into.capabilities->ambient, from.capabilities->ambient);
}

}  // namespace casemate::runtime

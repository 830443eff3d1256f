#include "runtime/ceiling.h"

#include <climits>
#include <cstdlib>

#include "base/text.h"
#include "runtime/profile_files.h"
#include "runtime/runtime.h"

namespace casemate::runtime {
namespace {

bool says_nothing(const std::string& name) { return name.empty() || name == "oci"; }

Result<std::string> resolved(const Bundle& bundle, const std::string& source) {
    const std::string path = source.starts_with('/') ? source : concat(bundle.path, "/", source);
    char found[PATH_MAX];
    if (::realpath(path.c_str(), found)) return std::string(found);
    // Judged as it is written; opening it is what then fails, and without following any link.
    if (errno == ENOENT) return path;
    return Error::sys("source").within(quoted(path));
}

}  // namespace

Result<std::optional<policy::Profile>> ceiling_profile(const std::string& named) {
    const HostConfig host = TRY(read_host_config());
    std::optional<policy::Profile> ceiling;
    for (const std::string* name : {&host.oci_ceiling, &named}) {
        if (says_nothing(*name)) continue;
        policy::Profile profile = TRY_IN(concat("ceiling ", quoted(*name)), load_profile(*name));
        if (ceiling) profile = TRY_IN(concat("ceiling ", quoted(*name)), policy::merge(*ceiling, profile));
        ceiling = std::move(profile);
    }
    return ceiling;
}

Result<plan::Tightened> under_ceiling(const Bundle& bundle, const std::optional<policy::Profile>& ceiling) {
    if (!ceiling) {
        plan::Tightened as_it_was;
        as_it_was.config = bundle.config;
        as_it_was.profile.name = "oci";
        return as_it_was;
    }
    oci::Config config = bundle.config;
    for (oci::Mount& mount : config.mounts) {
        const bool bind = mount.type == "bind" || std::find(mount.options.begin(), mount.options.end(), "bind") != mount.options.end() ||
                          std::find(mount.options.begin(), mount.options.end(), "rbind") != mount.options.end();
        if (bind) mount.source = TRY_IN(concat("mount ", quoted(mount.destination)), resolved(bundle, mount.source));
    }
    return plan::tighten(config, *ceiling);
}

Result<void> check_ceiling(const plan::Tightened& tightened, const std::optional<policy::Profile>& ceiling) {
    if (!ceiling) return {};
    const bool strict = ceiling->oci.on_tighten == policy::OciOnTighten::refuse;
    if (tightened.refusals.empty() && !(strict && !tightened.changes.empty())) return {};
    const std::string& first = tightened.refusals.empty() ? tightened.changes.front() : tightened.refusals.front();
    return Error::with_code(EPERM, concat("refused by ", tightened.profile.name, ": config.json: ", first))
        .hint(concat("'casemate plan --bundle DIR --profile ", ceiling->name, "' lists what this ceiling changes and refuses"));
}

}  // namespace casemate::runtime

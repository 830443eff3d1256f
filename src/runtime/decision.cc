#include "runtime/decision.h"

#include <fcntl.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "base/log.h"
#include "base/text.h"
#include "oci/conversion.h"
#include "sys/root.h"

namespace casemate::runtime {
namespace {

constexpr size_t account_file_limit = oci::max_account_file_bytes;

// The image's own account files, read as hostile data through the resolver (CVE-2024-9676).
Result<std::string> account_file(const sys::Root& root, const char* path) {
    auto text = root.read_regular(path, account_file_limit);
    if (!text && text.error().code() == ENOENT) return std::string();
    return text;
}

Result<void> set_user(Source& source, const std::string& wanted, const policy::Profile& profile) {
    const oci::UserRequest request = TRY_IN("--user", oci::parse_user(wanted));
    const sys::Root root = TRY(sys::Root::open(source.app.root_path));
    const bool stored = !source.layers.empty();  // its record has copies
    const std::string passwd = TRY(account_file(root, stored ? "/passwd" : "/etc/passwd"));
    const std::string group = TRY(account_file(root, stored ? "/group" : "/etc/group"));
    const oci::ResolvedUser user = TRY_IN("--user", oci::resolve_user(request, passwd, group));
    if (user.uid == 0 && profile.identity.run_as_non_root.value_or(false))
        return Error::with_code(EPERM, concat("--user ", quoted(wanted), ": uid 0 is refused by identity.runAsNonRoot")).hint("waive identity.runAsNonRoot with a reason");
    source.app.uid = user.uid;
    source.app.gid = user.gid;
    source.app.additional_gids = user.additional_gids;
    source.app.group_defaulted = user.group_defaulted;
    source.app.home = user.home;
    source.app.has_user = source.app.user_forced = true;
    return {};
}

std::string working_directory() {
    char buffer[PATH_MAX];
    return ::getcwd(buffer, sizeof buffer) ? buffer : "/";
}

// A source is judged (allowedSources, deniedSources) by where it leads, not by how it is written: a link to /etc is /etc.
Result<void> resolve_sources(policy::Profile& profile) {
    if (!profile.filesystem.mounts) return {};
    for (policy::MountGrant& mount : *profile.filesystem.mounts) {
        if (mount.type != policy::MountGrant::Type::bind) continue;
        char resolved[PATH_MAX];
        if (!::realpath(mount.source.c_str(), resolved)) return Error::sys("source").within(quoted(mount.source)).hint("a volume's source must exist");
        mount.source = resolved;
    }
    return {};
}

}  // namespace

Result<policy::Profile> resolve_profile(const LaunchOptions& options, const HostConfig& host) {
    ProfileFiles files;
    const std::string name = !options.profile.empty() ? options.profile : !host.launch_profile.empty() ? host.launch_profile : "hardened";
    policy::Profile profile = TRY(policy::load(name, files));
    if (!options.child_profile.empty())
        profile = TRY(policy::refine(profile, {"command line", options.child_profile, working_directory()}));
    if (!host.launch_ceiling.empty()) {
        const policy::Profile ceiling = TRY(policy::load(host.launch_ceiling, files));
        profile = TRY(policy::merge(profile, policy::restrictions_only(ceiling)));
    }
    if (profile.environment.pass) {
        auto& set = profile.environment.set ? *profile.environment.set : profile.environment.set.emplace();
        for (const std::string& variable : *profile.environment.pass)
            if (const char* value = ::getenv(variable.c_str())) set.emplace(variable, value);
    }
    TRY(resolve_sources(profile));
    TRY(policy::check_grants(profile));
    return profile;
}

Result<Network> network_of(const policy::Profile& profile) {
    Network network;
    if (profile.network.publish)
        for (const policy::Publish& port : *profile.network.publish) {
            launch::PublishSpec spec;
            const std::string address = port.address.find(':') == std::string::npos || port.address.starts_with('[') ? port.address : "[" + port.address + "]";
            spec.host = TRY_IN("network.publish", launch::parse_endpoint(address, std::to_string(port.host_port)));
            spec.container_port = port.container_port;
            network.publish.push_back(std::move(spec));
        }
    if (profile.network.listen)
        for (const std::string& text : *profile.network.listen) network.listen.push_back(TRY_IN("network.listen", launch::parse_listen(text)));
    return network;
}

Result<oci::Config> configure(Source& source, const policy::Profile& profile, const plan::HostFacts& facts, const LaunchOptions& options) {
    plan::AppSource& app = source.app;
    if (!options.command.empty()) app.args = options.command;
    if (!options.cwd.empty()) app.cwd = options.cwd;
    if (!options.user.empty()) TRY(set_user(source, options.user, profile));
    if (app.args.empty()) return Error::invalid("nothing to run: the image names no command").hint("name one after '--'").exit_with(125);
    app.terminal = options.terminal;
    oci::Config config = TRY(plan::synthesize(app, profile, facts));
    config.annotations = source.annotations;
    if (source.bundle) add_bundle_restrictions(*source.bundle, config);
    const oci::User& user = config.process->user;
    if (!app.has_user) log(LogLevel::info, concat("the image names ", app.uid == 0 ? "root or nobody" : "nobody", ": the app runs as ", user.uid, ":", user.gid));
    return config;
}

}  // namespace casemate::runtime

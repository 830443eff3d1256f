// Every grant against the merged restrictions: one that does not fit is an error, never dropped (PROFILE 3.1).
#include <algorithm>

#include "base/text.h"
#include "policy/grants.h"
#include "policy/statement.h"

namespace casemate::policy {
namespace {

class GrantCheck {
public:
    GrantCheck(const Profile& profile, const Profile& said, Problems& problems)
        : profile_(profile), said_(said), root_(problems) {}

    void run() const {
        check_user();
        if (profile_.filesystem.mounts)
            for (const MountGrant& mount : *profile_.filesystem.mounts) check_mount(mount);
        check_network();
        check_sysctl();
        check_variables();
    }

private:
    std::string by(std::string_view field) const { return concat(" (", speaker(profile_, field), ")"); }

    // Where the file at hand gives it; of an inherited grant, where it stands in the resolved profile.
    template <typename List, typename Item>
    static At place(const At& list_at, const Opt<List>& said, const List& resolved, const Item& item) {
        const List& list = said && std::ranges::find(*said, item) != said->end() ? *said : resolved;
        return list_at.item(static_cast<size_t>(std::ranges::find(list, item) - list.begin()));
    }

    void check_user() const {
        if (!profile_.identity.user) return;
        const UserIds& user = *profile_.identity.user;
        const At at = root_.member("identity").member("user");
        if (user.uid == 0 && profile_.identity.run_as_non_root.value_or(false))
            at.member("uid").fail(concat("0 is root, and identity.runAsNonRoot is true", by("identity.runAsNonRoot")));
        const bool root_group = user.gid == 0 || std::ranges::count(user.additional_gids, 0u) != 0;
        if (root_group && profile_.identity.deny_root_group.value_or(false))
            at.member(user.gid == 0 ? "gid" : "additionalGids")
                .fail(concat("0 is root's group, and identity.denyRootGroup is true", by("identity.denyRootGroup")));
    }

    void check_mount(const MountGrant& mount) const {
        const Filesystem& files = profile_.filesystem;
        const At at = place(root_.member("filesystem").member("mounts"), said_.filesystem.mounts, *files.mounts, mount);
        if (!mount.readonly && mount.noexec == false && files.deny_write_execute.value_or(false))
            at.member("noexec").fail(concat("writable and executable, but filesystem.denyWriteExecute is true",
                                            by("filesystem.denyWriteExecute")));
        if (mount.type != MountGrant::Type::bind) return;
        if (files.volumes == Volumes::none)
            at.fail(concat("a bind, but filesystem.volumes is 'none'", by("filesystem.volumes")));
        if (files.volumes == Volumes::readonly && !mount.readonly)
            at.member("readonly").fail(concat("false, but filesystem.volumes is 'readonly'", by("filesystem.volumes")));
        check_source(at.member("source"), mount.source);
    }

    void check_source(const At& at, const std::string& source) const {
        const Filesystem& files = profile_.filesystem;
        const auto covers = [&](const std::string& root) { return is_at_or_below(source, root); };
        if (files.allowed_sources && std::ranges::none_of(*files.allowed_sources, covers))
            at.fail(
                concat(quoted(source), " is not within filesystem.allowedSources", by("filesystem.allowedSources")));
        if (!files.denied_sources) return;
        for (const std::string& denied : *files.denied_sources)
            if (covers(denied) || is_at_or_below(denied, source)) {
                at.fail(concat(quoted(source), ": ", quoted(denied), " is in filesystem.deniedSources",
                               by("filesystem.deniedSources")));
                return;
            }
    }

    // Ports need a mode that is not stricter than theirs.
    template <typename List>
    void check_ports(const At& at, const Opt<List>& said, const Opt<List>& ports, NetworkMode needed,
                     std::string_view name) const {
        const auto mode = profile_.network.mode;
        if (!ports || !mode || *mode <= needed) return;
        const std::string_view word = *mode == NetworkMode::none ? "none" : "published";
        const std::string who = speaker(profile_, "network.mode");
        // A ceiling cannot be extended away.
        const std::string_view advice = who.starts_with("ceiling ") ? "" : "; extend 'web'";
        for (const auto& port : *ports)
            place(at, said, *ports, port)
                .fail(
                    concat("needs network.mode ", quoted(name), ", and it is ", quoted(word), " (", who, ")", advice));
    }

    void check_network() const {
        const At at = root_.member("network");
        check_ports(at.member("publish"), said_.network.publish, profile_.network.publish, NetworkMode::published,
                    "published");
        check_ports(at.member("listen"), said_.network.listen, profile_.network.listen, NetworkMode::sockets,
                    "sockets");
    }

    void check_sysctl() const {
        if (!profile_.namespaces.sysctl) return;
        const Strings owned = profile_.namespaces.private_.value_or(Strings());
        for (const auto& [key, value] : *profile_.namespaces.sysctl)
            if (const auto owner = sysctl_namespace(key); std::ranges::find(owned, owner) == owned.end())
                root_.member("namespaces")
                    .member("sysctl")
                    .member(key)
                    .fail(concat("needs ", quoted(owner), " in namespaces.private"));
    }

    void check_variable(const At& at, const std::string& name) const {
        for (const std::string& pattern : *profile_.environment.deny)
            if (matches_pattern(pattern, name)) {
                at.fail(concat("refused by ", quoted(pattern), " of environment.deny", by("environment.deny"),
                               "; mount it as a file"));
                return;
            }
    }

    void check_variables() const {
        if (!profile_.environment.deny) return;
        const At at = root_.member("environment");
        if (profile_.environment.set)
            for (const auto& [name, value] : *profile_.environment.set)
                check_variable(at.member("set").member(name), name);
        if (const auto& pass = profile_.environment.pass)
            for (const std::string& name : *pass)
                check_variable(place(at.member("pass"), said_.environment.pass, *pass, name), name);
    }

    const Profile& profile_;
    const Profile& said_;
    At root_;
};

}  // namespace

void check_grants_of(const Profile& resolved, const Profile& said, Problems& problems) {
    GrantCheck(resolved, said, problems).run();
}

Result<void> check_grants(const Profile& profile) {
    Problems problems(profile.name);
    check_grants_of(profile, profile, problems);
    if (problems.any()) return problems.error();
    return {};
}

}  // namespace casemate::policy

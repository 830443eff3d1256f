// Who the app is, inside and on the host (PROFILE 2.2, RECIPES H11).
#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {
namespace {

constexpr uint32_t range_size = 65536;

std::vector<IdMapping> from_config(const std::vector<oci::IdMap>& maps) {
    std::vector<IdMapping> out;
    for (const oci::IdMap& map : maps) out.push_back({map.container_id, map.host_id, map.size});
    return out;
}

bool maps_id(const std::vector<IdMapping>& map, uint32_t id) {
    for (const IdMapping& line : map)
        if (id >= line.inside && id - line.inside < line.count) return true;
    return false;
}

// user_namespaces(7): at most 340 lines, no overlap on either side.
Result<void> check_map(const std::vector<IdMapping>& map, std::string_view name) {
    if (map.size() > 340) return Error::invalid(concat(name, ": more than 340 ranges"));
    for (size_t i = 0; i < map.size(); ++i) {
        const IdMapping& a = map[i];
        if (a.count == 0 || uint64_t{a.inside} + a.count > UINT32_MAX || uint64_t{a.outside} + a.count > UINT32_MAX)
            return Error::invalid(concat(name, "[", i, "]: empty, or beyond 2^32-2"));
        for (size_t j = 0; j < i; ++j) {
            const auto overlap = [&](uint32_t x, uint32_t y) { return x < uint64_t{y} + map[j].count && y < uint64_t{x} + a.count; };
            if (overlap(a.inside, map[j].inside) || overlap(a.outside, map[j].outside))
                return Error::invalid(concat(name, "[", i, "]: overlaps range ", j));
        }
    }
    return {};
}

// Maps that would be ignored otherwise.
Result<void> check_asked(const oci::Linux& asked, bool user_namespace, bool joined) {
    const bool uids = !asked.uid_mappings.empty(), gids = !asked.gid_mappings.empty();
    if (!user_namespace && (uids || gids)) return Error::invalid(concat("config.json: $.linux.", uids ? "uid" : "gid", "Mappings: needs a user namespace"));
    if (uids != gids && !joined) return Error::invalid("config.json: $.linux.uidMappings: a user namespace needs id maps");
    return {};
}

// A user namespace that exists has its maps; config.json may say the same once more, as engines do.
Result<void> check_joined(const oci::Linux& asked, const NamespaceFact& joined) {
    const auto same = [](std::vector<IdMapping> a, std::vector<IdMapping> b) {
        const auto by_inside = [](const IdMapping& x, const IdMapping& y) { return x.inside < y.inside; };
        std::sort(a.begin(), a.end(), by_inside);
        std::sort(b.begin(), b.end(), by_inside);
        return a == b;
    };
    if (!asked.uid_mappings.empty() && !same(from_config(asked.uid_mappings), joined.uid_map))
        return Error::invalid(concat("config.json: $.linux.uidMappings: not the map of the user namespace ", quoted(joined.path)));
    if (!asked.gid_mappings.empty() && !same(from_config(asked.gid_mappings), joined.gid_map))
        return Error::invalid(concat("config.json: $.linux.gidMappings: not the map of the user namespace ", quoted(joined.path)));
    return {};
}

}  // namespace

Result<void> Compiler::rootless_ids(const NamespaceFact* joined, bool user_namespace) {
    IdsPlan& ids = plan_.ids_;
    if (!user_namespace && !facts_.nested)
        return Error::with_code(EPERM, "without root a user namespace is needed").hint("run casemate as root, or keep 'user' in namespaces.private");
    ids.mode = Mode::rootless;
    if (!user_namespace) {
        // Uid 0 of the caller's user namespace has there what it needs; the container shares it.
    } else if (joined) {
        ids.uid_map = joined->uid_map;
        ids.gid_map = joined->gid_map;
    } else if (!config_.linux_.uid_mappings.empty()) {
        ids.uid_map = from_config(config_.linux_.uid_mappings);
        ids.gid_map = from_config(config_.linux_.gid_mappings);
    } else if (facts_.subuid && facts_.subgid && facts_.subuid->count >= range_size - 1 && facts_.subgid->count >= range_size - 1) {
        ids.uid_map = {{0, facts_.euid, 1}, {1, facts_.subuid->first, range_size - 1}};
        ids.gid_map = {{0, facts_.egid, 1}, {1, facts_.subgid->first, range_size - 1}};
    } else {
        ids.uid_map = {{ids.uid, facts_.euid, 1}};
        ids.gid_map = {{ids.gid, facts_.egid, 1}};
        ids.groups = {ids.gid};
    }
    const auto one_id = [](const std::vector<IdMapping>& map) { return map.size() == 1 && map[0].count == 1; };
    const bool single = joined ? joined->setgroups_denied : one_id(ids.uid_map) && one_id(ids.gid_map);
    ids.deny_setgroups = single;
    ids.set_groups = !single;
    ids.use_map_helpers = !single && !joined && !facts_.nested && !ids.uid_map.empty();
    if (single && !facts_.groups.empty() && request_.launch && !waived("identity.denyRootGroup"))
        return Error::with_code(EPERM, concat("the caller is in ", facts_.groups.size(), " more groups, which a one-id user namespace cannot drop"))
            .hint("add a range of 65536 ids for this user to /etc/subuid and /etc/subgid, or waive identity.denyRootGroup");
    ids.owner_uid = ids.owner_gid = 0;  // seen from inside: init makes everything itself
    return {};
}

Result<void> Compiler::range_ids(const NamespaceFact* joined) {
    IdsPlan& ids = plan_.ids_;
    const oci::Linux& asked = config_.linux_;
    ids.mode = Mode::root_userns;
    if (joined) {
        ids.uid_map = joined->uid_map;
        ids.gid_map = joined->gid_map;
    } else if (request_.id_base != 0) {
        if (!asked.uid_mappings.empty())
            return Error::invalid("config.json: $.linux.uidMappings: the launcher gives this container a range of its own");
        ids.uid_map = {{0, request_.id_base, range_size}};
        ids.gid_map = ids.uid_map;
    } else {
        ids.uid_map = from_config(config_.linux_.uid_mappings);
        ids.gid_map = from_config(config_.linux_.gid_mappings);
    }
    if (ids.uid_map.empty() || ids.gid_map.empty())
        return Error::invalid("config.json: $.linux.uidMappings: a user namespace needs id maps");
    const auto host_root = [](const std::vector<IdMapping>& map) {
        return std::find_if(map.begin(), map.end(), [](const IdMapping& m) { return m.inside == 0; });
    };
    const auto uid0 = host_root(ids.uid_map), gid0 = host_root(ids.gid_map);
    if (uid0 == ids.uid_map.end() || gid0 == ids.gid_map.end())
        return Error::with_code(ENOTSUP, "config.json: $.linux.uidMappings: a map without id 0 is not applied by this version of casemate");
    ids.owner_uid = uid0->outside;
    ids.owner_gid = gid0->outside;
    return {};
}

Result<void> Compiler::ids() {
    IdsPlan& ids = plan_.ids_;
    const oci::User& user = config_.process->user;
    const NamespaceFact* joined = found("user");
    const bool user_namespace = config_.find_namespace("user") != nullptr && !(joined && joined->is_hosts);
    ids.uid = user.uid;
    ids.gid = user.gid;
    ids.groups = user.additional_gids;
    if (std::find(ids.groups.begin(), ids.groups.end(), ids.gid) == ids.groups.end()) ids.groups.push_back(ids.gid);

    const oci::Linux& asked = config_.linux_;
    TRY(check_asked(asked, user_namespace, joined != nullptr));
    if (joined && user_namespace) TRY(check_joined(asked, *joined));
    if (user_namespace && !facts_.user_namespaces)
        return Error::with_code(EPERM, concat("user namespaces are forbidden on this host: ", facts_.user_namespaces_why))
            .hint(concat("set ", facts_.user_namespaces_why, ", or run casemate as root under a profile without 'user' in namespaces.private"));
    if (!facts_.root()) TRY(rootless_ids(joined, user_namespace));
    else if (user_namespace) TRY(range_ids(joined));
    else ids.mode = Mode::root;
    TRY(check_map(ids.uid_map, "uidMappings"));
    TRY(check_map(ids.gid_map, "gidMappings"));
    if (!ids.uid_map.empty()) {
        if (!maps_id(ids.uid_map, ids.uid)) return Error::invalid(concat("config.json: $.process.user: uid ", ids.uid, " is not in the user namespace's map"));
        for (const uint32_t gid : ids.groups)
            if (!maps_id(ids.gid_map, gid)) return Error::invalid(concat("config.json: $.process.user: gid ", gid, " is not in the user namespace's map"));
    }
    if (profile_.identity.run_as_non_root.value_or(false) && ids.uid == 0)
        return Error::with_code(EPERM, "uid 0 is refused: identity.runAsNonRoot holds").hint("set another user with --user, or waive identity.runAsNonRoot");
    if (profile_.identity.run_as_non_root.value_or(false) && facts_.root())
        for (const IdMapping& line : ids.uid_map)
            if (line.outside == 0) return Error::with_code(EPERM, "uidMappings: host uid 0 is in the map, and identity.runAsNonRoot holds");
    if (profile_.identity.deny_root_group.value_or(false))
        for (const uint32_t gid : ids.groups)
            if (gid == 0) return Error::with_code(EPERM, "gid 0 is refused: identity.denyRootGroup holds").hint("set a group with --user UID:GID, or waive identity.denyRootGroup");
    return {};
}

}  // namespace casemate::plan
